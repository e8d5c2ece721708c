"""What each library's builder gives: a network with its head, fitted to the channels of images."""

from typing import NamedTuple

import torch
from torch import nn


class Network(NamedTuple):
    """A network, its last convolution (one channel a class) and where its encoder lies."""

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
