"""Networks of torchvision: FCN, DeepLabV3 and LR-ASPP."""

from pathlib import Path

from torch import nn

from handseg.models.network import Network
from handseg.models.weights import fill_from_file, hub_weights
from handseg.recipe.schema import Recipe


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

    module = create() if named is None else hub_weights(f"{spec.encoder} ({named})", create)
    if weights != "none" and named is None:
        fill_from_file(module, Path(weights))
    head = [
        part
        for part in module.classifier.modules()  # type: ignore[union-attr]
        if isinstance(part, nn.Conv2d) and part.out_channels == classes
    ][-1]
    return Network(module, head, "backbone")
