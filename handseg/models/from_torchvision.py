"""Networks of torchvision: FCN, DeepLabV3 and LR-ASPP."""

from pathlib import Path

from torch import hub, nn

from handseg.models.network import Network, fit_channels, head_of
from handseg.models.weights import fill_from_file, hub_weights
from handseg.recipe.schema import Recipe

ENCODER = "backbone"


def build(recipe: Recipe, classes: int, weights: str) -> Network:
    """Build `<architecture>_<encoder>`; `weights` is `none`, `imagenet` or a file."""
    from torchvision import models

    spec = recipe.model
    named = None if weights == "none" or Path(weights).exists() else weights

    def create() -> nn.Module:
        return models.get_model(
            f"{spec.architecture}_{spec.encoder}",
            weights=None,
            weights_backbone=None if named is None else "DEFAULT",
            num_classes=classes,
            **spec.options,
        )

    if named is None:
        module = create()
    else:
        place = Path(hub.get_dir()) / "checkpoints"
        module = hub_weights(f"{spec.encoder} ({named})", create, place)
    if weights != "none" and named is None:
        fill_from_file(module, Path(weights), ENCODER)
    fit_channels(module, recipe.data.channels)
    return Network(module, head_of(module.get_submodule("classifier"), classes), ENCODER)
