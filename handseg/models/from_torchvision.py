"""Networks of torchvision: FCN, DeepLabV3 and LR-ASPP."""

from typing import Any

from torch import Tensor, nn
from torchvision import models

from handseg.models.library import Answer, Network, SignatureReader, head_of, with_weights
from handseg.recipe.schema import Recipe
from handseg.recipe.tables import ArchitectureTable, LibraryTable

ENCODER = "backbone"
OWNED = {"weights", "weights_backbone", "num_classes", "progress", "kwargs"}
"""Arguments that a recipe says elsewhere."""
AUXILIARY = "aux_loss"
"""The argument that builds an auxiliary head; an option of recipes too, from before
`loss.auxiliary`: then it is built and not trained."""


def build(recipe: Recipe, classes: int, weights: str) -> Network:
    """As in `handseg.models.library.Library`; networks are named `<architecture>_<encoder>`."""
    spec = recipe.model
    auxiliary = {AUXILIARY: True} if recipe.loss.auxiliary else {}

    def create(named: str | None, channels: int) -> nn.Module:
        return models.get_model(
            f"{spec.architecture}_{spec.encoder}",
            weights=None,
            weights_backbone=None if named is None else "DEFAULT",
            num_classes=classes,
            **spec.options | auxiliary,
        )

    module = with_weights(create, recipe, weights, encoder=ENCODER)
    names = ["classifier", "aux_classifier"] if auxiliary else ["classifier"]
    heads = tuple(head_of(module.get_submodule(name), classes) for name in names)
    return Network(module, forward, heads, (ENCODER,))


def forward(module: Any, images: Tensor, auxiliary: bool) -> Answer:
    if not auxiliary:
        return Answer(module(images)["out"])
    features = module.backbone(images)
    return Answer(module.classifier(features["out"]), (module.aux_classifier(features["aux"]),))


def table(arguments: SignatureReader) -> LibraryTable:
    """As in `handseg.models.library.Library`."""
    names = models.list_models(module=models.segmentation)
    pairs = [name.partition("_")[::2] for name in names]
    encoders = sorted({encoder for _, encoder in pairs})
    architectures: dict[str, ArchitectureTable] = {}
    for name in sorted({architecture for architecture, _ in pairs}):
        own = [encoder for architecture, encoder in pairs if architecture == name]
        options = arguments(models.get_model_builder(f"{name}_{own[0]}"), OWNED)
        architectures[name] = {
            "auxiliary": AUXILIARY in options,
            "depth": 0,
            "divisible": False,
            "options": options,
            "output_stride": 1,
            "refuses": [encoder for encoder in encoders if encoder not in own],
        }
    return {
        "architectures": architectures,
        "encoders": {encoder: ["imagenet"] for encoder in encoders},
        "open_encoders": "",
    }
