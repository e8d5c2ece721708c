"""SegFormer of Hugging Face's transformers, from its configuration or from pretrained weights."""

import inspect
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from torch import nn
from transformers import PretrainedConfig, SegformerConfig, SegformerForSemanticSegmentation
from transformers.utils import logging

from handseg.errors import FailedError
from handseg.models.library import Network, SignatureReader, fit_channels, hub_weights
from handseg.recipe.schema import Recipe
from handseg.recipe.tables import LibraryTable

SIZES: dict[str, dict[str, Any]] = {
    "mit-b0": {"hidden_sizes": (32, 64, 160, 256), "depths": (2, 2, 2, 2)},
    "mit-b1": {"hidden_sizes": (64, 128, 320, 512), "depths": (2, 2, 2, 2)},
    "mit-b2": {"hidden_sizes": (64, 128, 320, 512), "depths": (3, 4, 6, 3)},
    "mit-b3": {"hidden_sizes": (64, 128, 320, 512), "depths": (3, 4, 18, 3)},
    "mit-b4": {"hidden_sizes": (64, 128, 320, 512), "depths": (3, 8, 27, 3)},
    "mit-b5": {"hidden_sizes": (64, 128, 320, 512), "depths": (3, 6, 40, 3)},
}
"""The Mix Transformer encoders (Xie et al., SegFormer, 2021, table 6)."""
DECODER = {"mit-b0": 256, "mit-b1": 256}
WIDE_DECODER = 768
COLOUR = 3
"""Channels of published weights."""
ENCODER = "segformer"
OWNED = {"num_channels", "semantic_loss_ignore_index", "reshape_last_stage"}
"""Arguments of SegFormer's configuration that a recipe says elsewhere, or that must stay."""


def build(recipe: Recipe, classes: int, weights: str) -> Network:
    """As in `handseg.models.library.Library`; weights may be a folder that transformers wrote.

    The network is always the one that the recipe names: a resumed run, which builds it without
    the weights, has the same.
    """
    channels = recipe.data.channels
    module: nn.Module
    if weights == "none":
        config = SegformerConfig(**shape_of(recipe, classes, channels))
        module = SegformerForSemanticSegmentation(config)
    else:
        module = hub_weights(weights, lambda: pretrained(recipe, classes, weights))
        fit_channels(module, channels)
    head: nn.Conv2d = module.decode_head.classifier  # type: ignore[assignment, union-attr]
    return Network(module, head, ENCODER)


def table(arguments: SignatureReader) -> LibraryTable:
    """As in `handseg.models.library.Library`."""
    inherited = set(inspect.signature(PretrainedConfig).parameters)
    return {
        "architectures": {
            "segformer": {
                "depth": 5,
                "divisible": True,
                "options": arguments(SegformerConfig, OWNED | inherited),
                "output_stride": 32,
                "refuses": [],
            }
        },
        "channels": [1, 3],
        "encoders": {encoder: [f"nvidia/{encoder}"] for encoder in SIZES},
        "open_encoders": "",
        "other_weights": "a hub name",
    }


def shape_of(recipe: Recipe, classes: int, channels: int) -> dict[str, Any]:
    encoder = recipe.model.encoder
    return {
        **{key: list(value) for key, value in SIZES[encoder].items()},
        "decoder_hidden_size": DECODER.get(encoder, WIDE_DECODER),
        **recipe.model.options,
        "num_labels": classes,
        "num_channels": channels,
    }


def pretrained(recipe: Recipe, classes: int, weights: str) -> nn.Module:
    """The recipe's network with published weights, its last layer new.

    Raises:
        FailedError: they are weights of another encoder.
    """
    with silence():
        is_file = Path(weights).is_file()
        channels = COLOUR if is_file else SegformerConfig.from_pretrained(weights).num_channels
        config = SegformerConfig(**shape_of(recipe, classes, channels))
        answer: Any = SegformerForSemanticSegmentation.from_pretrained(
            weights, config=config, ignore_mismatched_sizes=True, output_loading_info=True
        )
    module, report = answer
    mismatched = [name for name, *_ in report["mismatched_keys"]]
    unfilled = sorted(
        name for name in [*report["missing_keys"], *mismatched] if name.startswith(ENCODER)
    )
    if unfilled:
        raise FailedError(
            f"the weights {weights} do not fit the encoder {recipe.model.encoder}",
            details=f"{len(unfilled)} tensors are missing or of another size, "
            f"{unfilled[0]} the first",
            hints=["--set model.encoder=NAME", "--set model.weights=none"],
        )
    return module


@contextmanager
def silence() -> Iterator[None]:
    """Keep transformers from printing: what matters of its report becomes an error of ours."""
    verbosity, bars = logging.get_verbosity(), logging.is_progress_bar_enabled()
    logging.set_verbosity_error()
    logging.disable_progress_bar()
    try:
        yield
    finally:
        logging.set_verbosity(verbosity)
        if bars:
            logging.enable_progress_bar()
