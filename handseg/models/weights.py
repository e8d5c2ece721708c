"""Pretrained weights: from the hub's cache or the net, or from a file."""

import logging
from collections.abc import Callable
from pathlib import Path

from torch import nn

from handseg.errors import FailedError


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
