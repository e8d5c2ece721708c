"""Weights that come with a network: from a file, a folder, the hub, or not at all."""

import logging

import pytest
import torch
from safetensors.torch import save_file
from torch import nn

from handseg.errors import FailedError
from handseg.models.library import first_convolution, hub_weights
from handseg.models.segmenter import build_model
from handseg.recipe.schema import MeanStd, Recipe

RESNET = ("smp", "unet", "resnet18")
SEGFORMER = ("transformers", "segformer", "mit-b0")
MOBILENET = ("torchvision", "lraspp", "mobilenet_v3_large")


def tensors_of(module):
    return {name: tensor.clone().contiguous() for name, tensor in module.state_dict().items()}


def same(one, other):
    return one.keys() == other.keys() and all(torch.equal(one[name], other[name]) for name in one)


@pytest.mark.parametrize(("network", "encoder"), [(RESNET, "encoder"), (MOBILENET, "backbone")])
def test_a_file_fills_the_whole_network_or_its_encoder_alone(recipe_of, tmp_path, network, encoder):
    donor = build_model(recipe_of(*network, seed=1, channels=3), 4).network
    save_file(tensors_of(donor), tmp_path / "whole.safetensors")
    save_file(tensors_of(donor.get_submodule(encoder)), tmp_path / "encoder.safetensors")

    filled = recipe_of(*network, channels=3, weights=str(tmp_path / "whole.safetensors"))
    made = build_model(filled, 4).network
    wanted, found = tensors_of(donor), tensors_of(made)
    # The head's bias begins at the recipe's prior, whatever the weights.
    assert same(found, wanted)

    part = recipe_of(*network, channels=3, weights=str(tmp_path / "encoder.safetensors"))
    made = build_model(part, 4).network
    assert same(tensors_of(made.get_submodule(encoder)), tensors_of(donor.get_submodule(encoder)))
    assert not same(tensors_of(made), tensors_of(donor))


@pytest.mark.parametrize("content", [b"", b"no tensors", None])
def test_a_file_of_something_else_is_said(recipe_of, tmp_path, content):
    path = tmp_path / "weights.safetensors"
    if content is None:
        save_file({"other": torch.zeros(3)}, path)
    else:
        path.write_bytes(content)
    with pytest.raises(FailedError, match=r"weights\.safetensors"):
        build_model(recipe_of(*RESNET, weights=str(path)), 4)


@pytest.fixture
def published(tmp_path, recipe_of):
    """A folder that transformers wrote: a classifier on the same encoder, as on the hub."""
    from transformers import SegformerConfig, SegformerForImageClassification

    torch.manual_seed(5)
    options = recipe_of(*SEGFORMER).model.options
    donor = SegformerForImageClassification(SegformerConfig(num_labels=7, **options))
    donor.save_pretrained(tmp_path / "published")
    return tmp_path / "published", donor.segformer


@pytest.mark.parametrize("name", ["", "model.safetensors"])
def test_a_folder_or_file_of_transformers_fills_the_encoder(recipe_of, published, name, capfd):
    folder, donor = published
    weights = str(folder / name)
    made = build_model(recipe_of(*SEGFORMER, channels=3, weights=weights), 4)
    assert same(tensors_of(made.network.segformer), tensors_of(donor))
    assert capfd.readouterr() == ("", "")


FIRST_LAYERS = [
    # A BatchNorm takes the constant of three layers, a bias that of the others.
    (RESNET, {}),
    (("smp", "unet", "tu-test_efficientnet"), {}),
    (MOBILENET, {}),
    (SEGFORMER, None),
    (("transformers", "upernet", "swin-tiny"), {"embed_dim": 12, "depths": [1, 1, 1, 1]}),
    (("transformers", "eomt", "vit-small"), {"num_hidden_layers": 3, "image_size": 64}),
]


OWN = MeanStd((0.1, 0.5, 0.7), (0.2, 0.3, 0.4))


@pytest.mark.parametrize(
    ("network", "options", "normalize"),
    [(*one, "imagenet") for one in FIRST_LAYERS]
    + [(*FIRST_LAYERS[0], "image"), (*FIRST_LAYERS[0], OWN), (*FIRST_LAYERS[3], OWN)],
)
def test_a_grey_network_answers_as_three_equal_channels_each_normalised_by_its_own_figures(
    recipe_of, tmp_path, network, options, normalize
):
    words = {"normalize": normalize} | ({} if options is None else {"options": options})
    donor = build_model(recipe_of(*network, seed=4, channels=3, **words), 2).network
    for tensor in donor.buffers():
        if tensor.dtype == torch.float32 and tensor.ndim == 1:
            tensor.copy_(torch.rand_like(tensor) + 0.5)
    save_file(tensors_of(donor), tmp_path / "colour.safetensors")
    words["weights"] = str(tmp_path / "colour.safetensors")
    images = torch.randint(0, 256, (1, 64, 64), dtype=torch.uint8)
    grey, colour = (
        first_answer(build_model(recipe_of(*network, channels=channels, **words), 2), images)
        for channels in (1, 3)
    )
    assert grey.shape == colour.shape
    assert colour.std() > 0.01
    # Not where the filters meet the padding.
    inside = (..., slice(2, -2), slice(2, -2)) if grey.shape[-1] > 8 else ...
    assert torch.allclose(grey[inside], colour[inside], atol=2e-5)


def first_answer(model, images):
    """What the first convolution answers, or the norm behind it where it has no bias."""
    kept = []
    _, part = first_convolution(model.network)
    if part.bias is None:
        part = next(one for one in model.network.modules() if isinstance(one, nn.BatchNorm2d))
    part.register_forward_hook(lambda module, given, answer: kept.append(answer))
    with torch.inference_mode():
        model.eval()(images)
    return kept[0]


def test_grey_weights_of_transformers_fill_a_grey_network(recipe_of, tmp_path):
    from transformers import SegformerConfig, SegformerForSemanticSegmentation

    spec = recipe_of(*SEGFORMER, channels=1)
    donor = SegformerForSemanticSegmentation(
        SegformerConfig(num_labels=4, num_channels=1, **spec.model.options)
    )
    donor.save_pretrained(tmp_path / "grey")
    made = build_model(recipe_of(*SEGFORMER, channels=1, weights=str(tmp_path / "grey")), 4)
    assert same(tensors_of(made.network.segformer), tensors_of(donor.segformer))


def test_weights_of_another_encoder_are_refused_not_half_loaded(recipe_of, published):
    folder, _ = published
    spec = recipe_of(*SEGFORMER, channels=3, weights=str(folder), options={})
    with pytest.raises(FailedError, match="do not fit the encoder mit-b0"):
        build_model(spec, 4)


def test_a_network_from_weights_is_built_again_without_them(recipe_of, published):
    folder, _ = published
    spec = recipe_of(*SEGFORMER, channels=1, weights=str(folder))
    made = build_model(spec, 4)
    build_model(spec, 4, weights="none").load_state_dict(made.state_dict())


@pytest.mark.parametrize(
    ("network", "weights", "named", "place"),
    [
        (SEGFORMER, "nvidia/mit-b0", "nvidia/mit-b0", "hub"),
        (SEGFORMER, "missing/folder/of/mine", "missing/folder/of/mine", "hub"),
        (RESNET, "imagenet", "resnet18", "hub"),
        (RESNET, "no-such-weights", "no-such-weights", "hub"),
        (MOBILENET, "imagenet", "mobilenet_v3_large", "torch"),
    ],
)
def test_weights_that_cannot_be_had_are_named_with_their_place_and_what_to_type(
    recipe_of, offline, network, weights, named, place
):
    with pytest.raises(FailedError) as caught:
        build_model(recipe_of(*network, weights=weights), 4)
    error = caught.value
    assert error.exit_code == 1
    assert named in error.message
    assert str(offline / place) in error.details
    assert any("--set model.weights=none" in hint for hint in error.hints)


def test_the_weights_of_a_run_to_begin_from_keep_a_recipe_from_the_hub(recipe_of, offline):
    build_model(recipe_of(*SEGFORMER, weights="nvidia/mit-b0", init="runs/unet-1"), 4)


def test_what_the_hub_says_of_each_attempt_is_not_shown(caplog):
    hub = logging.getLogger("huggingface_hub")

    def load():
        hub.warning("Retrying in 2s")
        raise OSError("no net")

    with pytest.raises(FailedError, match="no net"):
        hub_weights("nvidia/mit-b0", load, Recipe())
    assert not caplog.records
    assert hub.isEnabledFor(logging.WARNING)


def test_weights_of_one_channel_are_shared_among_three(recipe_of, tmp_path):
    donor = build_model(recipe_of(*SEGFORMER, channels=1, normalize="imagenet"), 2)
    donor.network.save_pretrained(tmp_path / "grey")
    words = {"normalize": "imagenet", "weights": str(tmp_path / "grey")}
    made = build_model(recipe_of(*SEGFORMER, channels=3, **words), 2)
    images = torch.randint(0, 256, (1, 64, 64), dtype=torch.uint8)
    inside = (..., slice(2, -2), slice(2, -2))
    found, wanted = (first_answer(model, images)[inside] for model in (made, donor))
    assert torch.allclose(found, wanted, atol=2e-5)
