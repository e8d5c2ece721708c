"""SegFormer of Hugging Face's transformers, from its configuration or from pretrained weights."""

from typing import Any

import torch
from torch import nn

from handseg.models.network import Network
from handseg.models.weights import hub_weights
from handseg.recipe.schema import Recipe

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


def build(recipe: Recipe, classes: int, weights: str) -> Network:
    """Build SegFormer; `weights` is `none`, a hub name or a folder that transformers wrote."""
    from transformers import SegformerConfig, SegformerForSemanticSegmentation

    encoder = recipe.model.encoder
    shape = {
        **SIZES[encoder],
        "decoder_hidden_size": DECODER.get(encoder, WIDE_DECODER),
        **recipe.model.options,
    }
    if weights == "none":
        config = SegformerConfig(
            num_labels=classes, num_channels=recipe.data.channels, **listed(shape)
        )
        module: nn.Module = SegformerForSemanticSegmentation(config)
    else:
        # Published weights are of colour images; a grey network sums their first layer.
        module = hub_weights(
            weights,
            lambda: SegformerForSemanticSegmentation.from_pretrained(
                weights, num_labels=classes, ignore_mismatched_sizes=True, **recipe.model.options
            ),
        )
        if recipe.data.channels == 1:
            make_grey(module)
    head: nn.Conv2d = module.decode_head.classifier  # type: ignore[attr-defined]
    return Network(module, head, "segformer")


def listed(shape: dict[str, Any]) -> dict[str, Any]:
    return {key: list(value) if isinstance(value, tuple) else value for key, value in shape.items()}


def make_grey(module: nn.Module) -> None:
    """Turn the first convolution from three equal channels to one, by summing its weights."""
    parents = {
        name: part
        for name, part in module.named_modules()
        if isinstance(part, nn.Conv2d) and part.in_channels == 3
    }
    name, colour = next(iter(parents.items()))
    grey = nn.Conv2d(
        1,
        colour.out_channels,
        colour.kernel_size,  # type: ignore[arg-type]
        colour.stride,  # type: ignore[arg-type]
        colour.padding,  # type: ignore[arg-type]
        bias=colour.bias is not None,
    )
    with torch.no_grad():
        grey.weight.copy_(colour.weight.sum(dim=1, keepdim=True))
        if colour.bias is not None and grey.bias is not None:
            grey.bias.copy_(colour.bias)
    parent, _, leaf = name.rpartition(".")
    setattr(module.get_submodule(parent), leaf, grey)
