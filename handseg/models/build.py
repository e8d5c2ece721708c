"""A recipe's model, whichever library it comes from."""

from collections.abc import Callable
from dataclasses import asdict

import torch

from handseg.models import from_smp, from_torchvision, from_transformers
from handseg.models.network import Network
from handseg.models.segmenter import Normalizer, Segmenter, start_at_prior
from handseg.recipe.schema import MeanStd, Recipe

BUILDERS: dict[str, Callable[[Recipe, int, str], Network]] = {
    "smp": from_smp.build,
    "transformers": from_transformers.build,
    "torchvision": from_torchvision.build,
}


def build_model(recipe: Recipe, classes: int, *, weights: str | None = None) -> Segmenter:
    """The model of a recipe for so many classes, on the CPU, in float32.

    `weights` stands for the recipe's where given: `"none"` builds what a checkpoint then fills.
    The same recipe and seed give the same first weights.

    Raises:
        FailedError: the pretrained weights cannot be had.
    """
    torch.manual_seed(recipe.train.seed)
    wanted = recipe.model.weights if weights is None else weights
    if recipe.model.init is not None:
        wanted = "none"
    network = BUILDERS[recipe.model.library](recipe, classes, wanted)
    start_at_prior(network.head, recipe.model.prior)
    normalize = recipe.data.normalize
    figures = asdict(normalize) if isinstance(normalize, MeanStd) else normalize
    normalizer = Normalizer(recipe.data.channels, figures)
    return Segmenter(network.module, network.head, network.encoder_prefix, normalizer)


def parameter_count(model: torch.nn.Module) -> int:
    return sum(parameter.numel() for parameter in model.parameters() if parameter.requires_grad)
