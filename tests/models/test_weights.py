"""Weights that come with a network: from a file, a folder, the hub, or not at all."""

import logging

import pytest
import torch
from safetensors.torch import save_file

from handseg.errors import FailedError
from handseg.models.library import hub_weights
from handseg.models.segmenter import build_model
from handseg.recipe.schema import Recipe

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


def test_a_grey_network_sums_the_first_layer_of_colour_weights(recipe_of, published):
    folder, _ = published
    words = {"weights": str(folder), "normalize": "image"}
    grey = build_model(recipe_of(*SEGFORMER, channels=1, **words), 4).eval()
    colour = build_model(recipe_of(*SEGFORMER, channels=3, **words), 4).eval()
    grey.load_state_dict(colour.state_dict() | first_layer(grey))
    images = torch.randint(0, 256, (1, 64, 64), dtype=torch.uint8)
    with torch.inference_mode():
        assert torch.allclose(grey(images), colour(images), atol=1e-4)


def first_layer(model):
    return {name: t for name, t in model.state_dict().items() if t.ndim == 4 and t.shape[1] == 1}


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
