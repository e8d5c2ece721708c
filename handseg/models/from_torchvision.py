"""Networks of torchvision: FCN, DeepLabV3 and LR-ASPP."""

from pathlib import Path

from torch import hub, nn
from torchvision import models

from handseg.models.library import Network, SignatureReader, fit_channels, head_of, with_weights
from handseg.recipe.schema import Recipe
from handseg.recipe.tables import ArchitectureTable, LibraryTable

ENCODER = "backbone"
OWNED = {"weights", "weights_backbone", "num_classes", "progress", "kwargs"}
"""Arguments that a recipe says elsewhere."""


def build(recipe: Recipe, classes: int, weights: str) -> Network:
    """As in `handseg.models.library.Library`; networks are named `<architecture>_<encoder>`."""
    spec = recipe.model

    def create(named: str | None) -> nn.Module:
        return models.get_model(
            f"{spec.architecture}_{spec.encoder}",
            weights=None,
            weights_backbone=None if named is None else "DEFAULT",
            num_classes=classes,
            **spec.options,
        )

    place = Path(hub.get_dir()) / "checkpoints"
    module = with_weights(create, weights, encoder=spec.encoder, prefix=ENCODER, place=place)
    fit_channels(module, recipe.data.channels)
    return Network(module, head_of(module.get_submodule("classifier"), classes), ENCODER)


def table(arguments: SignatureReader) -> LibraryTable:
    """As in `handseg.models.library.Library`."""
    names = models.list_models(module=models.segmentation)
    pairs = [name.partition("_")[::2] for name in names]
    encoders = sorted({encoder for _, encoder in pairs})
    architectures: dict[str, ArchitectureTable] = {}
    for name in sorted({architecture for architecture, _ in pairs}):
        own = [encoder for architecture, encoder in pairs if architecture == name]
        builder = models.get_model_builder(f"{name}_{own[0]}")
        architectures[name] = {
            "depth": 0,
            "divisible": False,
            "options": arguments(builder, OWNED),
            "output_stride": 1,
            "refuses": [encoder for encoder in encoders if encoder not in own],
        }
    return {
        "architectures": architectures,
        "channels": [3],
        "encoders": {encoder: ["imagenet"] for encoder in encoders},
        "open_encoders": "",
        "other_weights": "a path",
    }
