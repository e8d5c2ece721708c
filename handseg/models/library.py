"""What a library of networks gives, and what all share: channels, heads, pretrained weights."""

import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple, Protocol, TypeVar
from unittest import mock

import torch
from torch import Tensor, nn

from handseg.errors import FailedError, HandsegError
from handseg.recipe.schema import Data, MeanStd, Model, Recipe
from handseg.recipe.tables import Arguments, LibraryTable
from handseg.text import listed

Loaded = TypeVar("Loaded")
SignatureReader = Callable[[Callable[..., Any], set[str]], Arguments]
"""Gives the arguments of a function or class, without those of these names, as tables hold them."""


IMAGENET_MEAN = (0.485, 0.456, 0.406)
IMAGENET_STD = (0.229, 0.224, 0.225)
"""Channel statistics of ImageNet, as torchvision and timm give them."""
WEIGHTS_FILE = "model.safetensors"
"""Of a folder of the hub, and of one that a library of its own wrote."""
COLOUR = 3
"""Channels of published weights."""
NAMED = 6
"""Tensors that are named before the rest is counted."""


class Answer(NamedTuple):
    """What a network answers: logits `float[n, classes, h, w]`, and those of its auxiliary heads.

    Each is of a size of its own.
    """

    logits: Tensor
    auxiliary: tuple[Tensor, ...] = ()


Forward = Callable[[Any, Tensor, bool], Answer]
"""Goes through a module with `float32[n, channels, size, size]`, and through its auxiliary heads if
the last argument is true. A function of a file, so that a copy of the module (its moving average)
goes through itself."""


class Network(NamedTuple):
    """A network of a library, and how handseg goes through it."""

    module: nn.Module
    forward: Forward
    heads: tuple[nn.Conv2d, ...]
    """The last convolutions, with a channel a class: the network's, then the auxiliary heads'."""
    encoder: tuple[str, ...]
    """The parts of the module that learned from other images."""


def grey_figures(data: Data, channels: int) -> tuple[Tensor, Tensor]:
    """Mean and deviation that `channels` equal channels of grey, from 0 to 1, are normalised with.

    Both are `float32[channels]`. Where every image is brought to its own, they are 0 and 1.
    """
    if data.normalize == "image":
        return torch.zeros(channels), torch.ones(channels)
    given = data.normalize
    mean, std = (
        (given.mean, given.std) if isinstance(given, MeanStd) else (IMAGENET_MEAN, IMAGENET_STD)
    )
    return channel_values(mean, channels), channel_values(std, channels)


def channel_values(values: Sequence[float], channels: int) -> Tensor:
    # Figures of one or three channels, for so many.
    tensor = torch.tensor(list(values), dtype=torch.float32)
    return tensor.clone() if len(tensor) == channels else tensor.mean().repeat(channels)


def first_convolution(module: nn.Module) -> tuple[str, nn.Conv2d]:
    return next(
        (name, part) for name, part in module.named_modules() if isinstance(part, nn.Conv2d)
    )


def fit_channels(module: nn.Module, data: Data) -> None:
    """Give the first convolution of a network as many input channels as its images have.

    A grey image stands for three equal channels, each normalised by its own figures. The weights
    are folded so that the layer answers one channel, normalised by their mean, as it answered the
    three: with ``x_c = (x - m_c) / s_c`` and ``y = (x - m) / s`` the weights become the sum of
    ``w_c s / s_c``; what is left, the sum of ``w_c (m - m_c) / s_c``, is a constant, which goes to
    its bias or to the BatchNorm behind it. (Only at the image's border, where some of the weights
    meet the padding, is that constant not exact.) Weights of one channel are shared among three, so
    that these answer as it did.
    """
    _, first = first_convolution(module)
    (mean, std), (means, stds) = (
        grey_figures(data, channels) for channels in (data.channels, first.in_channels)
    )
    if first.in_channels == data.channels:
        return
    with torch.no_grad():
        # Of a grey value as it is, before normalisation.
        of_grey = first.weight / stds[:, None, None]
        left = of_grey * (mean.mean() - means)[:, None, None]
        shared = of_grey.sum(dim=1, keepdim=True) / data.channels
        set_first_weight(module, shared * std[:, None, None])
        add_to_bias(module, left.sum(dim=(1, 2, 3)))


def set_first_weight(module: nn.Module, weight: Tensor) -> None:
    """Set the weights `float32[filters, channels, h, w]` of the first convolution.

    The channels of its images become as many.
    """
    name, first = first_convolution(module)
    first.weight = nn.Parameter(weight)
    first.in_channels = weight.shape[1]
    owner = module.get_submodule(name.rpartition(".")[0])
    if hasattr(owner, "num_channels"):
        # Patches of transformers look whether the image has so many.
        owner.num_channels = weight.shape[1]  # type: ignore[assignment]


def add_to_bias(module: nn.Module, offset: Tensor) -> None:
    """Add `float32[filters]` to what the first convolution answers, or its BatchNorm sees."""
    _, first = first_convolution(module)
    if first.bias is not None:
        first.bias.add_(offset)
        return
    norms = (part for part in module.modules() if isinstance(part, nn.BatchNorm2d))
    # In training it takes the constant off by itself.
    if (norm := next(norms, None)) and norm.running_mean is not None:
        norm.running_mean.sub_(offset)


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
    create: Callable[[str | None, int], nn.Module],
    recipe: Recipe,
    weights: str,
    *,
    encoder: str,
) -> nn.Module:
    """A recipe's network of a library whose constructor takes the weights of its encoder by name.

    Args:
        create: gives the network with the weights of a name, or with none, for images of so many
            channels.
        recipe: whose channels the network has at the end.
        weights: `none`, a name, a safetensors file or a folder with `model.safetensors`, of the
            network or of its encoder, or `OWNER/NAME`, a folder of the hub.
        encoder: where the encoder lies in the network.

    Raises:
        FailedError: the weights cannot be had or do not fit.
    """
    if weights == "none":
        module = create(None, recipe.data.channels)
    elif Path(weights).exists():
        module = create(None, COLOUR)
        fill_from_file(module, weights_file(Path(weights)), encoder)
    elif "/" in weights:
        path = hub_weights(weights, lambda: hub_file(weights), recipe)
        module = create(None, COLOUR)
        fill_from_file(module, path, encoder)
    else:
        name = f"{recipe.model.encoder} ({weights})"
        module = hub_weights(name, lambda: create(weights, COLOUR), recipe)
    fit_channels(module, recipe.data)
    return module


def weights_file(path: Path) -> Path:
    return path / WEIGHTS_FILE if path.is_dir() else path


def hub_file(name: str) -> Path:
    from huggingface_hub import hf_hub_download

    return Path(hf_hub_download(name, WEIGHTS_FILE))


def download_folder(model: Model) -> Path:
    """Where the library of a recipe's model keeps what it downloads."""
    from huggingface_hub.constants import HF_HUB_CACHE

    if model.library == "torchvision" and "/" not in model.weights:
        return Path(torch.hub.get_dir()) / "checkpoints"
    return Path(HF_HUB_CACHE)


def hub_weights(name: str, load: Callable[[], Loaded], recipe: Recipe) -> Loaded:
    """Call a library's loader; what keeps the weights away becomes an error that says what to do.

    Raises:
        FailedError: neither the folder of its downloads nor the net has them.
    """
    place = download_folder(recipe.model)
    try:
        with quiet_hub():
            return load()
    except HandsegError:
        raise
    except Exception as error:
        # Libraries raise what they like: of a name that they do not know, of a line that broke.
        raise FailedError(
            f"the weights {name} cannot be had",
            details=f"{first_line(error)}\nlooked in {place}, then on the net",
            hints=[
                "--set model.weights=none                trains from scratch",
                "--set model.weights=PATH                takes them from a file or folder",
                "handseg recipes fetch RECIPE            on a machine that reaches the net; then "
                f"copy its folder to {place}",
            ],
        ) from error


@contextmanager
def quiet_hub() -> Iterator[None]:
    """Without the hub's word on every attempt, which would bury the one message that follows."""
    hub = logging.getLogger("huggingface_hub")
    level = hub.level
    hub.setLevel(logging.ERROR)
    try:
        yield
    finally:
        hub.setLevel(level)


def fill_from_file(module: nn.Module, path: Path, encoder: str) -> None:
    """Fill a network, or its part `encoder` alone, from a safetensors file.

    Its first convolution becomes one for the channels that the file's has. Further tensors of the
    file, as the classifier that an encoder was trained with, are left.

    Raises:
        FailedError: the file is none, or its tensors fit neither.
    """
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    try:
        tensors = load_file(path)
    except (SafetensorError, OSError) as error:
        raise FailedError(f"{path} cannot be read as safetensors", details=str(error)) from error
    name, first = first_convolution(module)
    target = module
    if not is_state_of(module, tensors, leaving=f"{name}.weight"):
        target = module.get_submodule(encoder)
        inside = [name for name in tensors if name.startswith(f"{encoder}.")]
        tensors = {name.removeprefix(f"{encoder}."): tensors[name] for name in inside or tensors}
        name, _ = first_convolution(target)
    found = named_as(target, tensors)
    weight = found.get(f"{name}.weight")
    if weight is not None and weight.shape[0::2] == first.weight.shape[0::2]:
        set_first_weight(target, weight)
    wanted = target.state_dict()
    refuse_unfit(
        str(path),
        "model",
        # Counts of batches do not matter: torch had none before version 0.4.1.
        [name for name in wanted if name not in found and not name.endswith("_batches_tracked")],
        [n for n, tensor in wanted.items() if n in found and found[n].shape != tensor.shape],
    )
    target.load_state_dict({name: found.get(name, tensor) for name, tensor in wanted.items()})


def is_state_of(module: nn.Module, tensors: Mapping[str, Tensor], leaving: str) -> bool:
    """Whether tensors are all of a network and of its shapes, but for the one named `leaving`."""
    own = module.state_dict()
    return own.keys() == tensors.keys() and all(
        name == leaving or tensors[name].shape == tensor.shape for name, tensor in own.items()
    )


def named_as(module: nn.Module, tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Tensors under the names that they have in a module.

    SMP holds timm's networks as a part `model`, and timm joins the levels of their names with `_`
    where it takes them apart into stages.
    """

    def plain(name: str) -> str:
        return name.removeprefix("model.").replace(".", "_")

    own = {plain(name): name for name in module.state_dict()}
    return {own.get(plain(name), name): tensor for name, tensor in tensors.items()}


def refuse_unfit(weights: str, network: str, missing: Sequence[str], others: Sequence[str]) -> None:
    """Say by name which tensors of a network are not there, or are of another shape.

    Raises:
        FailedError: there are any.
    """
    if missing or others:
        words = {"not there": missing, "of another shape": others}
        raise FailedError(
            f"the weights {weights} do not fit the {network}",
            details="\n".join(
                f"{what}: {listed(names, NAMED)}" for what, names in words.items() if names
            ),
            hints=["--set model.encoder=NAME", "--set model.weights=none"],
        )


@contextmanager
def on_meta() -> Iterator[None]:
    """Networks are built without memory: their shapes alone."""
    linspace = torch.linspace  # Mix Transformers read its values, which meta tensors have not
    on_cpu = mock.patch("torch.linspace", lambda *given, **_: linspace(*given, device="cpu"))
    with torch.device("meta"), on_cpu:
        yield


def first_line(error: BaseException) -> str:
    text = error.args[0] if isinstance(error, KeyError) and error.args else error
    return str(text).strip().partition("\n")[0]
