"""Networks of segmentation-models-pytorch: UNet, UNet++, MANet, UPerNet, DeepLabV3 and others."""

from pathlib import Path

from torch import nn

from handseg.models.network import Network, head_of
from handseg.models.weights import fill_from_file, hub_weights
from handseg.recipe.schema import Recipe

ENCODER = "encoder"


def build(recipe: Recipe, classes: int, weights: str) -> Network:
    """Build the recipe's architecture; `weights` is `none`, a name the encoder knows, or a file."""
    import segmentation_models_pytorch as smp

    spec = recipe.model
    named = None if weights == "none" or Path(weights).exists() else weights

    def create() -> nn.Module:
        # The defaults of SMP would go to the network: weights are always said.
        return smp.create_model(
            spec.architecture,
            encoder_name=spec.encoder,
            encoder_weights=named,
            in_channels=recipe.data.channels,
            classes=classes,
            **spec.options,
        )

    module = create() if named is None else hub_weights(f"{spec.encoder} ({named})", create)
    if weights != "none" and named is None:
        fill_from_file(module, Path(weights), ENCODER)
    return Network(module, head_of(module.get_submodule("segmentation_head"), classes), ENCODER)
