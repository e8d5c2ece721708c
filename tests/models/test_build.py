"""Networks of three libraries behind one face."""

import pytest
import torch
from torch import nn

from handseg.errors import UsageError
from handseg.models.library import Answer, Network
from handseg.models.segmenter import (
    Normalizer,
    Segmenter,
    build_model,
    least_images,
    parameter_count,
)
from handseg.recipe.schema import Data, MeanStd

GREY = Data(channels=1, normalize="image")
NETWORKS = [
    ("smp", "unet", "resnet18"),
    ("smp", "unetplusplus", "resnet18"),
    ("smp", "manet", "resnet18"),
    ("smp", "upernet", "resnet18"),
    ("smp", "deeplabv3", "resnet18"),
    ("transformers", "segformer", "mit-b0"),
    ("torchvision", "deeplabv3", "mobilenet_v3_large"),
    ("torchvision", "lraspp", "mobilenet_v3_large"),
    ("torchvision", "fcn", "resnet50"),
]


@pytest.mark.parametrize(("library", "architecture", "encoder"), NETWORKS)
@pytest.mark.parametrize("channels", [1, 3])
def test_every_library_answers_grey_bytes_with_a_plane_a_class_of_their_size(
    recipe_of, library, architecture, encoder, channels
):
    model = build_model(recipe_of(library, architecture, encoder, channels=channels), 5).eval()
    images = torch.randint(0, 256, (2, 64, 64), dtype=torch.uint8)
    with torch.inference_mode():
        assert model(images).shape == (2, 5, 64, 64)


@pytest.mark.parametrize(("library", "architecture", "encoder"), NETWORKS[:1] + NETWORKS[5:8])
def test_every_class_begins_near_the_prior(recipe_of, library, architecture, encoder):
    model = build_model(recipe_of(library, architecture, encoder, prior=0.02), 5)
    head = model.get_submodule(model.head_name)
    assert head.out_channels == 5
    assert torch.allclose(head.bias.sigmoid(), torch.tensor(0.02))


@pytest.mark.parametrize(("library", "architecture", "encoder"), NETWORKS[:1] + NETWORKS[5:7])
def test_the_seed_decides_the_first_weights(recipe_of, library, architecture, encoder):
    def weights(seed):
        model = build_model(recipe_of(library, architecture, encoder, seed=seed), 3)
        return torch.cat([tensor.flatten().float() for tensor in model.state_dict().values()])

    assert torch.equal(weights(1), weights(1))
    assert not torch.equal(weights(1), weights(2))


@pytest.mark.parametrize(("library", "architecture", "encoder"), NETWORKS[:1] + NETWORKS[5:7])
def test_the_encoder_is_told_from_the_decoder_by_name(recipe_of, library, architecture, encoder):
    model = build_model(recipe_of(library, architecture, encoder), 3)
    names = [name for name, _ in model.named_parameters()]
    inside = [name for name in names if model.is_encoder(name)]
    assert 0 < len(inside) < len(names)
    assert not model.is_encoder(f"{model.head_name}.weight")
    assert parameter_count(model) == sum(p.numel() for p in model.parameters())


def test_imagenet_figures_are_those_of_each_channel_or_their_mean(recipe_of):
    images = torch.full((1, 64, 64), 128, dtype=torch.uint8)
    spec = recipe_of("smp", "unet", "resnet18", channels=3, normalize="imagenet")
    made = build_model(spec, 1).normalizer(images)
    expected = (128 / 255 - torch.tensor([0.485, 0.456, 0.406])) / torch.tensor(
        [0.229, 0.224, 0.225]
    )
    assert made.shape == (1, 3, 64, 64)
    assert torch.allclose(made[0, :, 5, 7], expected, atol=1e-6)
    spec = recipe_of("smp", "unet", "resnet18", channels=1, normalize="imagenet")
    made = build_model(spec, 1).normalizer(images)
    assert made.shape == (1, 1, 64, 64)
    assert made[0, 0, 0, 0].item() == pytest.approx((128 / 255 - 0.449) / 0.226, abs=1e-5)


@pytest.mark.parametrize("channels", [1, 3])
def test_an_image_is_brought_to_mean_0_and_deviation_1_whatever_its_exposure(recipe_of, channels):
    spec = recipe_of("smp", "unet", "resnet18", channels=channels, normalize="image")
    normalizer = build_model(spec, 1).normalizer
    images = torch.randint(0, 100, (2, 64, 64), dtype=torch.uint8)
    made = normalizer(images)
    assert made.shape == (2, channels, 64, 64)
    assert torch.allclose(made.mean((1, 2, 3)), torch.zeros(2), atol=1e-5)
    assert torch.allclose(made[:, 0].std((1, 2)), torch.ones(2), atol=1e-3)
    assert torch.allclose(normalizer(images * 2), made, atol=1e-4)
    assert torch.isfinite(normalizer(torch.zeros(1, 64, 64, dtype=torch.uint8))).all()


@pytest.mark.parametrize("figures", [((0.2,), (0.5,)), ((0.1, 0.2, 0.3), (0.5, 0.5, 0.5))])
def test_given_figures_of_one_or_three_channels_normalise_both(recipe_of, figures):
    images = torch.full((1, 64, 64), 51, dtype=torch.uint8)
    for channels in (1, 3):
        spec = recipe_of("smp", "unet", "resnet18", channels=channels, normalize=MeanStd(*figures))
        made = build_model(spec, 1).normalizer(images)
        wanted = [(0.2 - mean) / 0.5 for mean in figures[0]]
        if len(wanted) != channels:
            wanted = [0.0] * channels
        assert torch.allclose(made[0, :, 0, 0], torch.tensor(wanted), atol=1e-6)


@pytest.mark.parametrize(
    ("library", "architecture", "encoder", "size", "least"),
    [
        ("smp", "unet", "resnet18", 64, 1),
        ("smp", "unet", "resnet18", 32, 2),
        ("smp", "pspnet", "resnet18", 64, 1),
        ("smp", "pan", "resnet18", 64, 2),
        ("smp", "upernet", "resnet18", 64, 2),
        ("smp", "deeplabv3", "resnet18", 64, 2),
        ("smp", "deeplabv3plus", "resnet18", 64, 2),
        ("torchvision", "deeplabv3", "mobilenet_v3_large", 64, 2),
        ("torchvision", "lraspp", "mobilenet_v3_large", 64, 1),
        ("transformers", "segformer", "mit-b0", 64, 1),
    ],
)
def test_it_is_known_whether_a_network_can_learn_from_one_image(
    recipe_of, library, architecture, encoder, size, least
):
    model = build_model(recipe_of(library, architecture, encoder), 3).eval()
    before = torch.get_rng_state()
    assert least_images(model, size) == least
    assert not model.training
    assert torch.equal(torch.get_rng_state(), before)
    assert all(not tensor.is_meta for tensor in model.state_dict().values())
    model.train()
    if least == 1:
        model(torch.zeros(1, size, size, dtype=torch.uint8))
    else:
        with pytest.raises(ValueError, match="more than 1 value per channel"):
            model(torch.zeros(1, size, size, dtype=torch.uint8))


def through(module, images, auxiliary):
    return Answer(module(images))


def test_a_network_that_cannot_learn_from_any_number_of_images_is_refused():
    network = nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.InstanceNorm2d(1), nn.Conv2d(1, 3, 1))
    model = Segmenter(Network(network, through, (network[2],), ("0",)), Normalizer(GREY))
    with pytest.raises(UsageError, match="cannot learn from images of 64 px"):
        least_images(model, 64)
