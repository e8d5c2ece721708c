"""Networks of segmentation-models-pytorch: UNet, UNet++, MANet, UPerNet, DeepLabV3 and others."""

import inspect
from collections.abc import Iterable
from typing import Any
from unittest import mock

import segmentation_models_pytorch as smp
from torch import Tensor, nn
from torchvision.models.segmentation.fcn import FCNHead

from handseg.models.library import Answer, Network, SignatureReader, head_of, on_meta, with_weights
from handseg.recipe.schema import Recipe
from handseg.recipe.tables import ArchitectureTable, LibraryTable

ENCODER = "encoder"
TIMM = "tu-"
"""Encoders of timm: SMP takes all of them that answer features of several sizes."""
TIMM_ENCODERS = (
    *("tu-gernet_l", "tu-hrnet_w48", "tu-res2net50_26w_4s", "tu-resnest50d_4s2x40d"),
    *("tu-tf_efficientnet_b8", "tu-xception71"),
)
"""Those whose combinations are in the recipe's tables: the ones that recipes here use. timm names
the weights that it gives an encoder without a tag."""
OWNED = {"encoder_name", "encoder_weights", "in_channels", "classes"} | {
    *("activation", "aux_params", "kwargs")
}
"""Arguments that a recipe says elsewhere, or that must stay for the logits to be logits."""


def build(recipe: Recipe, classes: int, weights: str) -> Network:
    """As in `handseg.models.library.Library`."""
    spec = recipe.model

    def create(named: str | None, channels: int) -> nn.Module:
        # The defaults of SMP would go to the network: weights are always said.
        return smp.create_model(
            spec.architecture,
            encoder_name=spec.encoder,
            encoder_weights=named,
            in_channels=channels,
            classes=classes,
            **spec.options,
        )

    module = with_weights(create, recipe, weights, encoder=ENCODER)
    heads = [head_of(module.get_submodule("segmentation_head"), classes)]
    if recipe.loss.auxiliary:
        filters = module.encoder.out_channels[-2]  # type: ignore[union-attr, index]
        # As torchvision and UPerNet have it, on the stage before the last.
        module.auxiliary_head = FCNHead(filters, classes)  # type: ignore[arg-type]
        heads.append(head_of(module.auxiliary_head, classes))
    return Network(module, forward, tuple(heads), (ENCODER,))


def forward(module: Any, images: Tensor, auxiliary: bool) -> Answer:
    if not auxiliary:
        return Answer(module(images))
    features = module.encoder(images)
    logits = module.segmentation_head(module.decoder(features))
    return Answer(logits, (module.auxiliary_head(features[-2]),))


def table(arguments: SignatureReader) -> LibraryTable:
    """As in `handseg.models.library.Library`."""
    encoders = {
        name: sorted(entry["pretrained_settings"]) for name, entry in smp.encoders.encoders.items()
    } | {name: ["imagenet"] for name in TIMM_ENCODERS}
    rigid = set(encoders) - dilatable_encoders()
    return {
        "architectures": {
            name: architecture_table(kind, encoders, rigid, arguments)
            for name, kind in smp.MODEL_ARCHITECTURES_MAPPING.items()
        },
        "encoders": encoders,
        "open_encoders": TIMM,
    }


class EncoderRequest(Exception):  # noqa: N818 - it tells, nothing failed
    """Carries what an architecture asks of its encoder, before one is built."""


def architecture_table(
    kind: type, encoders: Iterable[str], rigid: set[str], arguments: SignatureReader
) -> ArchitectureTable:
    """An architecture's options, the encoders that it cannot have, and what its stride rests on."""
    refuses = [name for name in encoders if requested(kind, name) is None]
    asked = requested(kind, "resnet18") or {"depth": 0}
    stride = asked.get("output_stride", 32)
    if stride < 32:
        refuses = sorted({*refuses, *rigid})
    return {
        "auxiliary": asked["depth"] > 0,
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

    if not hasattr(inspect.getmodule(kind), "get_encoder"):
        return None  # DPT takes vision transformers of timm alone, and none is named
    with mock.patch.object(inspect.getmodule(kind), "get_encoder", ask):
        try:
            kind(encoder_name=encoder, encoder_weights=None)
        except EncoderRequest as reached:
            return reached.args[0]
        except ValueError:
            return None
    raise AssertionError(f"{kind} has built no encoder")


def dilatable_encoders() -> set[str]:
    """The encoders that can keep a stride below 32; asked of one of each family."""
    families: dict[Any, list[str]] = {name: [name] for name in TIMM_ENCODERS}
    for name, entry in smp.encoders.encoders.items():
        families.setdefault(entry["encoder"], []).append(name)
    return {name for names in families.values() if dilates(names[0]) for name in names}


def dilates(encoder: str) -> bool:
    with on_meta():
        try:
            smp.encoders.get_encoder(encoder, weights=None, output_stride=16)
        except (ValueError, AssertionError):  # timm's HRNet asserts it
            return False
    return True
