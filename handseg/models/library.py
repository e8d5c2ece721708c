"""What a library of networks gives, and what all share: channels, heads, pretrained weights."""

import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple, Protocol

import torch
from torch import nn

from handseg.errors import FailedError
from handseg.recipe.schema import Recipe
from handseg.recipe.tables import Arguments, LibraryTable

SignatureReader = Callable[[Callable[..., Any], set[str]], Arguments]
"""Gives the arguments of a function or class, without those of these names, as tables hold them."""


class Network(NamedTuple):
    """A network, its last convolution (one channel a class) and where its encoder lies.

    `module` takes `float32[n, channels, size, size]` and answers logits: a tensor, an object with
    them as `logits`, or a dict with them under `"out"`.
    """

    module: nn.Module
    head: nn.Conv2d
    encoder_prefix: str


def fit_channels(module: nn.Module, channels: int) -> None:
    """Give the first convolution of a network as many input channels as its images have.

    Grey images stand for three equal channels, so that its weights are summed to one channel, or
    one channel shared among several: the network answers as it did.
    """
    name, first = next(
        (name, part) for name, part in module.named_modules() if isinstance(part, nn.Conv2d)
    )
    if first.in_channels == channels:
        return
    fitted = nn.Conv2d(
        channels,
        first.out_channels,
        first.kernel_size,  # type: ignore[arg-type]
        first.stride,  # type: ignore[arg-type]
        first.padding,  # type: ignore[arg-type]
        bias=first.bias is not None,
    )
    with torch.no_grad():
        summed = first.weight.sum(dim=1, keepdim=True)
        fitted.weight.copy_((summed / channels).expand_as(fitted.weight))
        if first.bias is not None and fitted.bias is not None:
            fitted.bias.copy_(first.bias)
    parent, _, leaf = name.rpartition(".")
    setattr(module.get_submodule(parent), leaf, fitted)


def head_of(module: nn.Module, classes: int) -> nn.Conv2d:
    """The last convolution that answers a plane a class."""
    found = [
        part
        for part in module.modules()
        if isinstance(part, nn.Conv2d) and part.out_channels == classes
    ]
    return found[-1]


class Library(Protocol):
    """A library of networks: a module with these functions."""

    def build(self, recipe: Recipe, classes: int, weights: str) -> Network:
        """The network of `recipe.model` for so many classes, on the CPU, in float32.

        `weights` is `none`, a name that the library knows, or a path. Raises FailedError where the
        weights cannot be had or do not fit.
        """
        ...

    def table(self, arguments: SignatureReader) -> LibraryTable:
        """What the installed library takes, for the checks of recipes, which import no library."""
        ...


def with_weights(
    create: Callable[[str | None], nn.Module],
    weights: str,
    *,
    encoder: str,
    prefix: str,
    place: Path | None = None,
) -> nn.Module:
    """A network of a library whose constructor takes the weights of its encoder by their name.

    Args:
        create: gives the network with the weights of a name, or with none.
        weights: `none`, a name, or a safetensors file of the network or of its encoder.
        encoder: its name, for messages.
        prefix: where the encoder lies in the network.
        place: as for `hub_weights`.

    Raises:
        FailedError: the weights cannot be had or do not fit.
    """
    if weights == "none":
        return create(None)
    if not Path(weights).exists():
        return hub_weights(f"{encoder} ({weights})", lambda: create(weights), place)
    module = create(None)
    fill_from_file(module, Path(weights), prefix)
    return module


def hub_weights(name: str, load: Callable[[], nn.Module], place: Path | None = None) -> nn.Module:
    """Call a library's loader; what keeps the weights away becomes an error that says what to do.

    `place` is where the library keeps what it downloads: the hub's cache where not given.

    Raises:
        FailedError: neither that place nor the net has them.
    """
    from huggingface_hub.constants import HF_HUB_CACHE

    place = place or Path(HF_HUB_CACHE)
    # Its word on every attempt would bury the one message that follows.
    hub = logging.getLogger("huggingface_hub")
    level = hub.level
    hub.setLevel(logging.ERROR)
    try:
        return load()
    except (OSError, RuntimeError, LookupError, ValueError) as error:
        # LookupError and ValueError: the library knows no weights of that name.
        raise FailedError(
            f"the weights {name} cannot be had",
            details=f"{first_line(error)}\nlooked in {place}, then on the net",
            hints=[
                "--set model.weights=none                trains from scratch",
                "--set model.weights=PATH                takes them from a file or folder",
                f"or put them into {place} on a machine that reaches the net",
            ],
        ) from error
    finally:
        hub.setLevel(level)


def fill_from_file(module: nn.Module, path: Path, encoder: str) -> None:
    """Fill a network, or its part `encoder` alone, from a safetensors file.

    Raises:
        FailedError: the file is none, or its tensors fit neither.
    """
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    try:
        tensors = load_file(path)
    except (SafetensorError, OSError) as error:
        raise FailedError(f"{path} cannot be read as safetensors", details=str(error)) from error
    whole = set(tensors) == set(module.state_dict())
    target = module if whole else module.get_submodule(encoder)
    try:
        target.load_state_dict(tensors)
    except RuntimeError as error:
        raise FailedError(
            f"the weights in {path} do not fit the model", details=str(error)
        ) from error


def first_line(error: BaseException) -> str:
    text = error.args[0] if isinstance(error, KeyError) and error.args else error
    return str(text).strip().partition("\n")[0]
