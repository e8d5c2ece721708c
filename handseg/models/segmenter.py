"""A recipe's model, from any library: grey bytes in, a plane of logits a class out."""

import math
from pkgutil import resolve_name

import torch
from torch import Tensor, nn
from torch.nn import functional

from handseg.errors import UsageError
from handseg.models.library import Library, Network, grey_figures, on_meta
from handseg.recipe.schema import Data, Recipe
from handseg.registry import LIBRARIES
from handseg.text import one_line


class Normalizer(nn.Module):
    """Grey bytes to what a network was trained on, as `data.normalize` says; runs on the device.

    Takes `uint8[n, size, size]` and gives `float32[n, channels, size, size]`.
    """

    def __init__(self, data: Data) -> None:
        super().__init__()
        self.channels = data.channels
        self.by_image = data.normalize == "image"
        mean, std = (figures.reshape(1, -1, 1, 1) for figures in grey_figures(data, data.channels))
        self.register_buffer("mean", mean, persistent=False)
        self.register_buffer("std", std, persistent=False)

    def forward(self, images: Tensor) -> Tensor:
        grey = images.unsqueeze(1).float() / 255
        if self.by_image:
            mean = grey.mean(dim=(2, 3), keepdim=True)
            std = grey.std(dim=(2, 3), keepdim=True).clamp_min(1e-3)
            return ((grey - mean) / std).expand(-1, self.channels, -1, -1)
        return (grey - self.mean) / self.std  # pyright: ignore[reportOperatorIssue]


class Segmenter(nn.Module):
    """A library's network from grey bytes to logits of the same size."""

    def __init__(self, network: Network, normalizer: Normalizer) -> None:
        super().__init__()
        self.network = network.module
        self.normalizer = normalizer
        self._answer = network.forward
        self._encoder = tuple(f"network.{part}." for part in network.encoder)
        head = network.heads[0]
        self.head_name = next(name for name, part in self.named_modules() if part is head)

    def forward(self, images: Tensor) -> Tensor:
        """`uint8[n, size, size]` to logits `float[n, classes, size, size]`."""
        return self.all_logits(images, auxiliary=False)[0]

    def all_logits(self, images: Tensor, auxiliary: bool) -> list[Tensor]:
        """The logits of `forward`, and if wanted those of each auxiliary head."""
        answer = self._answer(self.network, self.normalizer(images), auxiliary)
        size = (int(images.shape[-2]), int(images.shape[-1]))
        return [
            logits
            if logits.shape[-2:] == size
            # SegFormer answers at a quarter of the size.
            else functional.interpolate(logits, size=size, mode="bilinear", align_corners=False)
            for logits in (answer.logits, *answer.auxiliary)
        ]

    def is_encoder(self, parameter: str) -> bool:
        return parameter.startswith(self._encoder)


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
    for head in network.heads:
        start_at_prior(head, recipe.model.prior)
    return Segmenter(network, Normalizer(recipe.data))


def why_not_built(recipe: Recipe) -> str:
    """What the library says against a recipe's network; empty where it can be built.

    It is built without memory. The recipe's tables know nothing of encoders of any name, nor of
    the values of options.
    """
    try:
        with on_meta():
            build_model(recipe, 1, weights="none")
    except Exception as error:  # noqa: BLE001 - libraries raise what they like, and it is shown
        return f"{type(error).__name__}: {one_line(str(error))}"
    return ""


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
