"""A recipe's model, from any library: grey bytes in, a plane of logits a class out."""

import math
from collections.abc import Sequence
from dataclasses import asdict
from pkgutil import resolve_name
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from handseg.errors import UsageError
from handseg.models.library import Library
from handseg.recipe.schema import MeanStd, Recipe
from handseg.registry import LIBRARIES

IMAGENET_MEAN = (0.485, 0.456, 0.406)
IMAGENET_STD = (0.229, 0.224, 0.225)
"""Channel statistics of ImageNet, as torchvision and timm give them."""


class Normalizer(nn.Module):
    """Grey bytes to what a network was trained on; runs on the device.

    Takes `uint8[n, size, size]` and gives `float32[n, channels, size, size]`. `normalize` is
    `"imagenet"`, `"image"` (each image to mean 0 and deviation 1) or `{"mean": …, "std": …}`.
    """

    def __init__(self, channels: int, normalize: str | dict[str, Sequence[float]]) -> None:
        super().__init__()
        self.channels = channels
        self.by_image = normalize == "image"
        if isinstance(normalize, dict):
            mean, std = normalize["mean"], normalize["std"]
        else:
            mean, std = IMAGENET_MEAN, IMAGENET_STD
        self.register_buffer("mean", channel_values(mean, channels), persistent=False)
        self.register_buffer("std", channel_values(std, channels), persistent=False)

    def forward(self, images: Tensor) -> Tensor:
        grey = images.unsqueeze(1).float() / 255
        if self.by_image:
            mean = grey.mean(dim=(2, 3), keepdim=True)
            std = grey.std(dim=(2, 3), keepdim=True).clamp_min(1e-3)
            return ((grey - mean) / std).expand(-1, self.channels, -1, -1)
        return (grey - self.mean) / self.std  # pyright: ignore[reportOperatorIssue]


def channel_values(values: Sequence[float], channels: int) -> Tensor:
    """Figures of one or three channels for a network of `channels` channels."""
    tensor = torch.tensor(list(values), dtype=torch.float32)
    if len(tensor) != channels:
        tensor = tensor.mean().expand(channels)
    return tensor.reshape(1, channels, 1, 1).clone()


class Segmenter(nn.Module):
    """`uint8[n, size, size]` to logits `float[n, classes, size, size]`.

    `encoder_prefix` is where the pretrained part of `network` lies.
    """

    def __init__(
        self,
        network: nn.Module,
        head: nn.Conv2d,
        encoder_prefix: str,
        normalizer: Normalizer,
    ) -> None:
        super().__init__()
        self.network = network
        self.normalizer = normalizer
        self.encoder_prefix = f"network.{encoder_prefix}."
        self.head_name = next(name for name, part in self.named_modules() if part is head)

    def forward(self, images: Tensor) -> Tensor:
        logits = planes_of(self.network(self.normalizer(images)))
        if logits.shape[-2:] == images.shape[-2:]:
            return logits
        # SegFormer answers at a quarter of the size.
        size = (int(images.shape[-2]), int(images.shape[-1]))
        return functional.interpolate(logits, size=size, mode="bilinear", align_corners=False)

    def is_encoder(self, parameter: str) -> bool:
        return parameter.startswith(self.encoder_prefix)


def planes_of(answer: Any) -> Tensor:
    """The logits in what a network of any of the libraries answers."""
    if isinstance(answer, Tensor):
        return answer
    try:
        return answer.logits
    except AttributeError:
        return answer["out"]


def start_at_prior(head: nn.Conv2d, prior: float) -> None:
    """Set the head's bias so that every class begins at probability `prior`.

    Bones are small: from 0.5 a network spends its first minutes on learning that most is
    background, and some decoders never wake (the prior of Lin et al., Focal Loss, 2017).
    """
    if head.bias is None:
        return
    with torch.no_grad():
        head.bias.fill_(-math.log((1 - prior) / prior))


def build_model(recipe: Recipe, classes: int, *, weights: str | None = None) -> Segmenter:
    """The model of a recipe for so many classes, on the CPU, in float32.

    `weights` stands for the recipe's where given: `"none"` builds what a checkpoint then fills.
    The same recipe and seed give the same first weights.

    Raises:
        FailedError: the pretrained weights cannot be had.
    """
    torch.manual_seed(recipe.train.seed)
    wanted = recipe.model.weights if weights is None else weights
    if recipe.model.init is not None:
        wanted = "none"
    library: Library = resolve_name(LIBRARIES[recipe.model.library])
    network = library.build(recipe, classes, wanted)
    start_at_prior(network.head, recipe.model.prior)
    normalize = recipe.data.normalize
    figures = asdict(normalize) if isinstance(normalize, MeanStd) else normalize
    normalizer = Normalizer(recipe.data.channels, figures)
    return Segmenter(network.module, network.head, network.encoder_prefix, normalizer)


def least_images(model: Segmenter, size: int) -> int:
    """How many images of `size` px a network must see at once to learn: 2, or nearly always 1.

    A BatchNorm behind a pooling to one pixel (DeepLabV3, PAN, UPerNet), or behind the encoder of a
    small image, sees one value a channel of one image: it has no deviation. Forward passes without
    memory (on `meta`) tell.

    Raises:
        UsageError: it cannot learn from any number of them.
    """
    tensors = (*model.named_parameters(), *model.named_buffers())
    shapes = {name: tensor.to("meta") for name, tensor in tensors}
    was_training, fault = model.training, ""
    try:
        model.train()
        for count in (1, 2):
            images = torch.empty((count, size, size), dtype=torch.uint8, device="meta")
            try:
                torch.func.functional_call(model, shapes, (images,))
            except ValueError as error:
                fault = str(error)
            except RuntimeError:
                # It cannot be tried without memory.
                return count
            else:
                return count
    finally:
        model.train(was_training)
    raise UsageError(f"the network cannot learn from images of {size} px", details=fault)


def parameter_count(model: torch.nn.Module) -> int:
    return sum(parameter.numel() for parameter in model.parameters() if parameter.requires_grad)
