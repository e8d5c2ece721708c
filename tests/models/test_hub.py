"""Weights in each library's own layout from a stand-in of the hub, in a process of its own."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import timm
import torch
import torchvision
from safetensors.torch import save_file
from transformers import (
    EomtConfig,
    EomtForUniversalSegmentation,
    SegformerConfig,
    SegformerForImageClassification,
    SwinConfig,
    SwinForImageClassification,
    UperNetConfig,
    UperNetForSemanticSegmentation,
)

SEGFORMER = {
    "hidden_sizes": [8, 16, 24, 32],
    "depths": [1, 1, 1, 1],
    "num_attention_heads": [1, 1, 1, 1],
    "decoder_hidden_size": 16,
}
SWIN = {"embed_dim": 12, "depths": [1, 1, 1, 1], "num_heads": [1, 1, 1, 1], "window_size": 7}
UPERNET = {"hidden_size": 16, "auxiliary_channels": 8}
VIT = {
    "hidden_size": 24,
    "num_hidden_layers": 4,
    "num_attention_heads": 2,
    "num_blocks": 2,
    "image_size": 64,
}
BROKEN = "smp-hub/broken"

CHILD = """
import json, sys, warnings
warnings.simplefilter("ignore")
from pathlib import Path
from huggingface_hub.constants import HF_HUB_CACHE
from handseg.errors import FailedError
from handseg.models.segmenter import build_model
from handseg.recipe.schema import Data, Model, Recipe

for case in json.load(sys.stdin):
    recipe = Recipe(model=Model(**case["model"]), data=Data(size=64))
    try:
        part = build_model(recipe, 3).network.get_submodule(case["part"])
        answer = float(sum(tensor.double().sum() for tensor in part.parameters()))
    except FailedError as error:
        answer = [error.message, error.details]
    loads = [path.name for path in Path(HF_HUB_CACHE).glob("*/snapshots/*/*.safetensors")]
    print(json.dumps([answer, len(loads)]), flush=True)
"""


def total(module):
    return sum(tensor.detach().double().sum().item() for tensor in module.parameters())


def put(root: Path, name: str, module, *, without=("fc.",)) -> None:
    folder = root / name
    folder.mkdir(parents=True)
    kept = {
        key: tensor.contiguous()
        for key, tensor in module.state_dict().items()
        if not key.startswith(without)
    }
    save_file(kept, folder / "model.safetensors")
    (folder / "config.json").write_text("{}")


@pytest.fixture(scope="module")
def published(hub):
    """The sum of the encoder that lies in each folder of the hub."""
    root = hub.root
    torch.manual_seed(3)
    resnet = torchvision.models.resnet18()
    put(root, "smp-hub/resnet18.imagenet", resnet)
    lite = timm.create_model("test_byobnet")
    put(root, "timm/test_byobnet.r160_in1k", lite, without=("none",))
    mobile = torchvision.models.mobilenet_v3_large()
    put(root, "owner/mobilenet", mobile.features, without=("none",))
    segformer = SegformerForImageClassification(SegformerConfig(**SEGFORMER))
    segformer.save_pretrained(root / "nvidia/mit-b0")
    stages = {"out_features": ["stage1", "stage2", "stage3", "stage4"]}
    words = {"backbone_config": SwinConfig(**SWIN, **stages), "num_labels": 150}
    upernet = UperNetForSemanticSegmentation(UperNetConfig(**words, **UPERNET))
    upernet.save_pretrained(root / "openmmlab/upernet-swin-tiny")
    swin = SwinForImageClassification(SwinConfig(**SWIN))
    swin.save_pretrained(root / "microsoft/swin-tiny")
    eomt = EomtForUniversalSegmentation(EomtConfig(**VIT, num_queries=20))
    eomt.save_pretrained(root / "tue-mps/eomt")
    tensors = dict(resnet.state_dict(), **{"fc.more": torch.zeros(6 << 20)})
    broken = root / BROKEN
    broken.mkdir()
    save_file(tensors, broken / "model.safetensors")
    return {
        "resnet": total(resnet) - total(resnet.fc),
        "lite": total(lite) - total(lite.head),
        "mobile": total(mobile.features),
        "segformer": total(segformer.segformer),
        "upernet": total(upernet.backbone),
        "swin": total(swin.swin),
        "eomt": total(eomt.layers),
    }


def case(library, architecture, encoder, weights, part, **options):
    words = {"library": library, "architecture": architecture, "encoder": encoder}
    return {"model": {**words, "weights": weights, "options": options}, "part": part}


CASES = {
    "resnet": case("smp", "unet", "resnet18", "imagenet", "encoder"),
    "resnet by its folder": case("smp", "unet", "resnet18", "smp-hub/resnet18.imagenet", "encoder"),
    "lite": case("smp", "unet", "tu-test_byobnet", "imagenet", "encoder"),
    "lite by its folder": case(
        *("smp", "unet", "tu-test_byobnet", "timm/test_byobnet.r160_in1k", "encoder")
    ),
    "mobile": case("torchvision", "lraspp", "mobilenet_v3_large", "owner/mobilenet", "backbone"),
    "segformer": case(
        *("transformers", "segformer", "mit-b0", "nvidia/mit-b0", "segformer"), **SEGFORMER
    ),
    "upernet": case(
        *("transformers", "upernet", "swin-tiny", "openmmlab/upernet-swin-tiny", "backbone"),
        **SWIN | UPERNET,
    ),
    "swin": case(
        *("transformers", "upernet", "swin-tiny", "microsoft/swin-tiny", "backbone.swin"),
        **SWIN | UPERNET,
    ),
    "eomt": case("transformers", "eomt", "vit-small", "tue-mps/eomt", "layers", **VIT),
    "broken": case("smp", "unet", "resnet18", BROKEN, "encoder"),
    "broken again": case("smp", "unet", "resnet18", BROKEN, "encoder"),
    "missing": case("smp", "unet", "resnet18", "owner/missing", "encoder"),
}


@pytest.fixture(scope="module")
def answers(hub, published, tmp_path_factory):
    """What a child process made of each case, with the number of files that load after it."""
    # The line dies within the file, then as often as the hub's library tries again; then once more.
    hub.breaks["broken"] = [15 << 20, *[0] * 5, 15 << 20]
    env = os.environ | {
        "HF_ENDPOINT": hub.endpoint,
        "HF_HUB_CACHE": str(tmp_path_factory.mktemp("cache")),
        "HF_HUB_OFFLINE": "0",
        "HF_HUB_DISABLE_XET": "1",
    }
    done = subprocess.run(
        [sys.executable, "-c", CHILD],
        input=json.dumps(list(CASES.values())),
        env=env,
        text=True,
        capture_output=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    return dict(zip(CASES, lines, strict=True))


@pytest.mark.parametrize("name", [name for name in CASES if name not in ("broken", "missing")])
def test_weights_of_each_library_s_layout_fill_the_encoder(published, answers, name):
    found, _ = answers[name]
    whose = name.split()[0]
    assert found == pytest.approx(published["resnet" if whose == "broken" else whose], rel=1e-9)


def test_a_download_goes_on_where_the_line_broke_off(hub, answers):
    asked = [words for path, words in hub.asked if path.startswith(BROKEN)]
    # Written in parts of 10 MB: the rest is asked for, in the end as after the first break.
    assert asked == ["", *["bytes=10485760-"] * 5, "", "bytes=10485760-"]
    assert answers["broken again"][1] == answers["broken"][1] + 1


@pytest.mark.parametrize("name", ["broken", "missing"])
def test_what_was_not_downloaded_whole_is_an_error_and_nothing_that_loads(answers, name):
    order = list(CASES)
    (message, details), loads = answers[name]
    assert message == f"the weights {CASES[name]['model']['weights']} cannot be had"
    assert "peer closed connection" in details if name == "broken" else "404" in details
    assert loads == answers[order[order.index(name) - 1]][1]
