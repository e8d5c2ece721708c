"""What each library's builder gives."""

from typing import NamedTuple

from torch import nn


class Network(NamedTuple):
    """A network, its last convolution (one channel a class) and where its encoder lies."""

    module: nn.Module
    head: nn.Conv2d
    encoder_prefix: str
