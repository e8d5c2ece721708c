"""Pretrained weights: from the hub's cache or the net, or from a file."""

from collections.abc import Callable
from pathlib import Path

from torch import nn

from handseg.errors import FailedError


def hub_weights(name: str, load: Callable[[], nn.Module]) -> nn.Module:
    """Call a library's loader; what keeps the weights away becomes an error that says what to do.

    Raises:
        FailedError: neither the hub's cache nor the net has them.
    """
    from huggingface_hub.constants import HF_HUB_CACHE

    try:
        return load()
    except (OSError, RuntimeError) as error:
        raise FailedError(
            f"the weights {name} cannot be had",
            why=f"{first_line(error)}\nlooked in {HF_HUB_CACHE}, then on the net",
            hints=[
                "--set model.weights=none                trains from scratch",
                "--set model.weights=PATH                takes them from a file or folder",
                f"or put them into {HF_HUB_CACHE} on a machine that reaches the hub",
            ],
        ) from error


def fill_from_file(module: nn.Module, path: Path) -> None:
    """Fill a network, or its encoder alone, from a safetensors file.

    Raises:
        FailedError: the file is none, or its tensors fit neither.
    """
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    try:
        tensors = load_file(path)
    except (SafetensorError, OSError) as error:
        raise FailedError(f"{path} cannot be read as safetensors", why=str(error)) from error
    whole = set(tensors) == set(module.state_dict())
    target = module if whole else getattr(module, "encoder", None) or module.backbone
    try:
        target.load_state_dict(tensors)
    except RuntimeError as error:
        raise FailedError(f"the weights in {path} do not fit the model", why=str(error)) from error


def first_line(error: BaseException) -> str:
    return str(error).strip().partition("\n")[0]
