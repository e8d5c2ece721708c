"""Networks of segmentation-models-pytorch: UNet, UNet++, MANet, UPerNet, DeepLabV3 and others."""

import inspect
from collections.abc import Iterable
from typing import Any
from unittest import mock

import segmentation_models_pytorch as smp
import torch
from torch import nn

from handseg.models.library import Network, SignatureReader, head_of, with_weights
from handseg.recipe.schema import Recipe
from handseg.recipe.tables import ArchitectureTable, LibraryTable

ENCODER = "encoder"
OWNED = {"encoder_name", "encoder_weights", "in_channels", "classes"} | {
    *("activation", "aux_params", "kwargs")
}
"""Arguments that a recipe says elsewhere, or that must stay for the logits to be logits."""


def build(recipe: Recipe, classes: int, weights: str) -> Network:
    """As in `handseg.models.library.Library`."""
    spec = recipe.model

    def create(named: str | None) -> nn.Module:
        # The defaults of SMP would go to the network: weights are always said.
        return smp.create_model(
            spec.architecture,
            encoder_name=spec.encoder,
            encoder_weights=named,
            in_channels=recipe.data.channels,
            classes=classes,
            **spec.options,
        )

    module = with_weights(create, weights, encoder=spec.encoder, prefix=ENCODER)
    return Network(module, head_of(module.get_submodule("segmentation_head"), classes), ENCODER)


def table(arguments: SignatureReader) -> LibraryTable:
    """As in `handseg.models.library.Library`."""
    encoders = {
        name: sorted(entry["pretrained_settings"]) for name, entry in smp.encoders.encoders.items()
    }
    rigid = set(encoders) - dilatable_encoders()
    return {
        "architectures": {
            name: architecture_table(kind, encoders, rigid, arguments)
            for name, kind in smp.MODEL_ARCHITECTURES_MAPPING.items()
        },
        "channels": [1, 3],
        "encoders": encoders,
        "open_encoders": "tu-",  # of timm
        "other_weights": "a path",
    }


class EncoderRequest(Exception):  # noqa: N818 - it tells, nothing failed
    """Carries what an architecture asks of its encoder, before one is built."""


def architecture_table(
    kind: type, encoders: Iterable[str], rigid: set[str], arguments: SignatureReader
) -> ArchitectureTable:
    """An architecture's options, the encoders that it cannot have, and what its stride rests on."""
    refuses = [name for name in encoders if requested(kind, name) is None]
    # DPT takes open names only (`tu-vit…`), whose strides are not known before they are built.
    asked = requested(kind, "resnet18") or {"depth": 0}
    stride = asked.get("output_stride", 32)
    if stride < 32:
        refuses = sorted({*refuses, *rigid})
    return {
        "depth": asked["depth"],
        "divisible": kind.requires_divisible_input_shape,  # type: ignore[attr-defined]
        "options": arguments(kind, OWNED),
        "output_stride": stride,
        "refuses": refuses,
    }


def requested(kind: type, encoder: str) -> dict[str, Any] | None:
    """What the architecture asks `get_encoder` for, or None where it refuses the encoder."""

    def ask(*_: Any, **asked: Any) -> None:
        raise EncoderRequest(asked)

    with mock.patch.object(inspect.getmodule(kind), "get_encoder", ask, create=True):
        try:
            kind(encoder_name=encoder, encoder_weights=None)
        except EncoderRequest as reached:
            return reached.args[0]
        except ValueError:
            return None
    raise AssertionError(f"{kind} has built no encoder")


def dilatable_encoders() -> set[str]:
    """The encoders that can keep a stride below 32; asked of one of each family."""
    families: dict[type, list[str]] = {}
    for name, entry in smp.encoders.encoders.items():
        families.setdefault(entry["encoder"], []).append(name)
    return {name for names in families.values() if dilates(names[0]) for name in names}


def dilates(encoder: str) -> bool:
    linspace = torch.linspace  # Mix Transformers read its values, which meta tensors have not
    on_cpu = mock.patch("torch.linspace", lambda *given, **_: linspace(*given, device="cpu"))
    with torch.device("meta"), on_cpu:
        try:
            smp.encoders.get_encoder(encoder, weights=None, output_stride=16)
        except ValueError:
            return False
    return True
