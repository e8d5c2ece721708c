"""Networks of Hugging Face's transformers: SegFormer, UPerNet, DPT and EoMT.

Each is built from its configuration, or with published weights. `FAMILIES` says what differs.
"""

import inspect
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from math import isqrt
from pathlib import Path
from typing import Any

import torch
from huggingface_hub.utils import (
    are_progress_bars_disabled,
    disable_progress_bars,
    enable_progress_bars,
)
from torch import Tensor, nn
from torch.nn import functional
from transformers import (
    AutoConfig,
    ConvNextConfig,
    DPTConfig,
    DPTForSemanticSegmentation,
    EomtConfig,
    EomtForUniversalSegmentation,
    PretrainedConfig,
    SegformerConfig,
    SegformerForSemanticSegmentation,
    SwinConfig,
    UperNetConfig,
    UperNetForSemanticSegmentation,
)
from transformers.utils import logging

from handseg.models.library import (
    COLOUR,
    Answer,
    Forward,
    Network,
    SignatureReader,
    fit_channels,
    hub_weights,
    refuse_unfit,
)
from handseg.recipe.schema import Recipe
from handseg.recipe.tables import ArchitectureTable, LibraryTable

OWNED = {
    *("num_channels", "semantic_loss_ignore_index", "loss_ignore_index", "reshape_last_stage"),
    *("use_auxiliary_head", "auxiliary_loss_weight", "auxiliary_in_channels", "backbone_config"),
    *("num_queries", "no_object_weight", "class_weight", "mask_weight", "dice_weight"),
    *("train_num_points", "oversample_ratio", "importance_sample_ratio", "_out_features"),
    *("_out_indices", "is_hybrid", "backbone_featmap_shape", "neck_ignore_stages"),
    *("encoder_stride", "head_in_index", "add_projection", "pooler_output_size", "pooler_act"),
}
"""Arguments of configurations that a recipe says elsewhere, that must stay, or that are for losses
and heads of transformers which are not used."""


@dataclass(frozen=True)
class Encoder:
    """One that an architecture can be built on: its shape, and weights that were published."""

    weights: tuple[str, ...] = ()
    """Folders of the hub."""
    configuration: type[PretrainedConfig] | None = None
    """Where the encoder is configured by itself, as UPerNet's is."""
    shape: dict[str, Any] = field(default_factory=dict[str, Any])


@dataclass(frozen=True)
class Family:
    """An architecture of transformers."""

    network: type[Any]
    configuration: type[PretrainedConfig]
    encoders: Mapping[str, Encoder]
    encoder: tuple[str, ...]
    """Where the encoder lies in the network."""
    forward: Forward
    depth: int
    """Sizes must be multiples of 2 to this power; 0: any will do."""
    head: str = ""
    """Where the last convolution lies."""
    auxiliary: str | None = None
    """Where an auxiliary head lies if there is one; `""`: it needs none."""
    planes: str = "num_labels"
    """The argument of its configuration that says how many masks it answers."""
    finish: Callable[[Any, int], None] = lambda module, classes: None
    """Makes a network of so many classes of what transformers gives."""


def build(recipe: Recipe, classes: int, weights: str) -> Network:
    """As in `handseg.models.library.Library`; weights may be a folder that transformers wrote.

    The network is always the one that the recipe names: a resumed run, which builds it without
    the weights, has the same.
    """
    family = FAMILIES[recipe.model.architecture]
    if weights == "none":
        module = family.network(configuration(recipe, classes, recipe.data.channels))
    else:
        module = hub_weights(weights, lambda: pretrained(recipe, classes, weights), recipe)
    family.finish(module, classes)
    fit_channels(module, recipe.data)
    names = [family.head]
    if recipe.loss.auxiliary and family.auxiliary:
        names.append(family.auxiliary)
    heads = tuple(module.get_submodule(name) for name in names)
    return Network(module, family.forward, heads, family.encoder)


def table(arguments: SignatureReader) -> LibraryTable:
    """As in `handseg.models.library.Library`."""
    encoders: dict[str, list[str]] = {}
    for family in FAMILIES.values():
        for name, encoder in family.encoders.items():
            encoders.setdefault(name, []).extend(encoder.weights)
    return {
        "architectures": {
            name: architecture_table(family, list(encoders), arguments)
            for name, family in FAMILIES.items()
        },
        "encoders": encoders,
        "open_encoders": "",
    }


def architecture_table(
    family: Family, encoders: list[str], arguments: SignatureReader
) -> ArchitectureTable:
    inherited = set(inspect.signature(PretrainedConfig).parameters)
    own = {encoder.configuration for encoder in family.encoders.values()} - {None}
    options: dict[str, str] = {}
    for kind in (*sorted(own, key=str), family.configuration):
        options |= arguments(kind, OWNED | inherited)  # type: ignore[arg-type]
    return {
        "auxiliary": family.auxiliary is not None,
        "depth": family.depth,
        "divisible": family.depth > 0,
        "options": options,
        "output_stride": 2**family.depth,
        "refuses": sorted(set(encoders) - set(family.encoders)),
    }


def configuration(recipe: Recipe, classes: int, channels: int) -> PretrainedConfig:
    """The configuration of a recipe's network."""
    family = FAMILIES[recipe.model.architecture]
    encoder = family.encoders[recipe.model.encoder]
    given = recipe.model.options
    words: dict[str, Any] = {"num_labels": classes, family.planes: classes}
    if encoder.configuration is None:
        words |= {"num_channels": channels, **encoder.shape, **given}
    else:
        of_encoder = set(inspect.signature(encoder.configuration).parameters)
        theirs = {name: value for name, value in given.items() if name in of_encoder}
        own = given.keys() - theirs.keys()
        if strangers := own - inspect.signature(family.configuration).parameters.keys():
            # transformers takes any word.
            raise ValueError(f"{recipe.model.encoder} has no {', '.join(sorted(strangers))}")
        words |= {name: given[name] for name in own}
        # Every stage, not the last alone.
        fixed = {"num_channels": channels, "out_features": [f"stage{n}" for n in range(1, 5)]}
        words["backbone_config"] = encoder.configuration(**fixed | encoder.shape | theirs)
    if family.auxiliary:
        words["use_auxiliary_head"] = recipe.loss.auxiliary > 0
    return family.configuration(**words)


def pretrained(recipe: Recipe, classes: int, weights: str) -> Any:
    """The recipe's network with published weights of it or of its encoder; its last layers new.

    Raises:
        FailedError: they are weights of another encoder.
    """
    family = FAMILIES[recipe.model.architecture]
    with silence():
        # A file has no configuration beside it: it is taken for one of the recipe's network.
        theirs = None if Path(weights).is_file() else AutoConfig.from_pretrained(weights)
        own = configuration(recipe, classes, getattr(theirs, "num_channels", COLOUR))
        backbone = getattr(own, "backbone_config", None)
        if theirs is None or backbone is None or theirs.model_type != backbone.model_type:
            module, report = loaded(family.network, weights, own)
            prefixes, new = family.encoder, ()
        else:
            # A classifier on the encoder alone, which has no norm for each stage.
            module = family.network(own)
            module.backbone, report = loaded(type(module.backbone), weights, backbone)
            prefixes, new = ("",), ("hidden_states_norms",)
    missing, others = (
        sorted(name for name in names if name.startswith(prefixes) and not name.startswith(new))
        for names in (report["missing_keys"], [name for name, *_ in report["mismatched_keys"]])
    )
    refuse_unfit(weights, f"encoder {recipe.model.encoder}", missing, others)
    return module


def loaded(kind: type[Any], weights: str, own: PretrainedConfig) -> tuple[Any, dict[str, Any]]:
    """A network with weights as far as they fit, and transformers' report on it."""
    return kind.from_pretrained(
        weights, config=own, ignore_mismatched_sizes=True, output_loading_info=True
    )


@contextmanager
def silence() -> Iterator[None]:
    """Keep transformers from printing: what matters of its report becomes an error of ours.

    The bar of a download stays.
    """
    verbosity, bars = logging.get_verbosity(), logging.is_progress_bar_enabled()
    hides_downloads = are_progress_bars_disabled()
    logging.set_verbosity_error()
    logging.disable_progress_bar()
    if not hides_downloads:
        enable_progress_bars()
    try:
        yield
    finally:
        logging.set_verbosity(verbosity)
        if hides_downloads:
            disable_progress_bars()
        elif bars:
            logging.enable_progress_bar()


def forward(module: Any, images: Tensor, auxiliary: bool) -> Answer:
    return Answer(module(images).logits)


def forward_upernet(module: Any, images: Tensor, auxiliary: bool) -> Answer:
    """As UperNetForSemanticSegmentation, with its auxiliary head, at the size that they answer."""
    features = module.backbone.forward_with_filtered_kwargs(images).feature_maps
    others = (module.auxiliary_head(features),) if auxiliary else ()
    return Answer(module.decode_head(features), others)


def forward_dpt(module: Any, images: Tensor, auxiliary: bool) -> Answer:
    """As DPTForSemanticSegmentation, with its auxiliary head."""
    states = module.dpt(images, output_hidden_states=True).hidden_states[1:]
    features = module.neck([states[index] for index in module.config.backbone_out_indices])
    others = (module.auxiliary_head(features[-1]),) if auxiliary else ()
    return Answer(module.head(features), others)


def one_query_a_class(module: Any, classes: int) -> None:
    """Leave from EoMT what matches queries with objects: every query has its bone.

    Masks are products of two vectors; a scale and a bias a class, as other networks have in their
    last convolution, let them begin at the recipe's prior.
    """
    if not 0 < module.config.num_blocks <= len(module.layers):
        raise ValueError(f"num_blocks is {module.config.num_blocks} of {len(module.layers)} layers")
    del module.class_predictor, module.criterion, module.attn_mask_probs
    module.scale = nn.Conv2d(classes, classes, 1, groups=classes)
    nn.init.ones_(module.scale.weight)


def forward_eomt(module: Any, images: Tensor, auxiliary: bool) -> Answer:
    """The masks of EoMT's queries, `float[n, queries, h/4, w/4]` (Kerssies et al., 2025).

    Without its masked attention, which is there to tell objects apart and fades away in training.
    The masks before each of the last blocks are auxiliary, as there.
    """
    joins = len(module.layers) - module.config.num_blocks
    height, width = (side // module.config.patch_size for side in images.shape[-2:])
    tokens = eomt_tokens(module, images, height, width)
    query = module.query.weight.expand(len(images), -1, -1)

    def masks(tokens: Tensor) -> Tensor:
        tokens = module.layernorm(tokens)
        patches = tokens[:, -height * width :].mT.unflatten(-1, (height, width))
        vectors = module.mask_head(tokens[:, : query.shape[1]])
        products = torch.einsum("bqc, bchw -> bqhw", vectors, module.upscale_block(patches))
        return module.scale(products)

    others: list[Tensor] = []
    for index, layer in enumerate(module.layers):
        if index == joins:
            tokens = torch.cat((query, tokens), dim=1)
        if auxiliary and index >= joins:
            others.append(masks(tokens))
        tokens = layer(tokens)
    return Answer(masks(tokens), tuple(others))


def eomt_tokens(module: Any, images: Tensor, height: int, width: int) -> Tensor:
    """As EomtEmbeddings, `float[n, prefix + height · width, width of a token]`, at any size."""
    parts = module.embeddings
    side = isqrt(parts.patch_embeddings.num_patches)
    places = parts.position_embeddings.weight
    if (height, width) != (side, side):
        grid = places.mT.reshape(1, -1, side, side)
        # As DINOv2 does it, which EoMT's encoder is.
        grid = functional.interpolate(grid, (height, width), mode="bicubic", antialias=True)
        places = grid.flatten(2).mT[0]
    patches = parts.patch_embeddings(images) + places
    prefix = torch.cat((parts.cls_token, parts.register_tokens), dim=1)
    return parts.dropout(torch.cat((prefix.expand(len(images), -1, -1), patches), dim=1))


def mix_transformer(size: str, narrowest: int, depths: list[int], decoder: int = 768) -> Encoder:
    """Of Xie et al., SegFormer, 2021, table 6, with the width of its decoder."""
    shape = {
        "hidden_sizes": [narrowest, 2 * narrowest, 5 * narrowest, 8 * narrowest],
        "depths": depths,
        "decoder_hidden_size": decoder,
    }
    return Encoder((f"nvidia/mit-{size}",), shape=shape)


def swin(size: str, width: int, depth: int, heads: int, window: int) -> Encoder:
    """Of Liu et al., Swin Transformer, 2021, section 3.3, with the windows of UPerNet's weights."""
    shape = {
        "embed_dim": width,
        "depths": [2, 2, depth, 2],
        "num_heads": [heads << stage for stage in range(4)],
        "window_size": window,
    }
    return Encoder((f"openmmlab/upernet-swin-{size}",), SwinConfig, shape)


def convnext(size: str, width: int, depth: int) -> Encoder:
    """Of Liu et al., A ConvNet for the 2020s, 2022, section 3.1."""
    shape = {
        "hidden_sizes": [width << stage for stage in range(4)],
        "depths": [3, 3, depth, 3],
    }
    return Encoder((f"openmmlab/upernet-convnext-{size}",), ConvNextConfig, shape)


def vision_transformer(width: int, layers: int, heads: int, *weights: str, **more: Any) -> Encoder:
    """Of Dosovitskiy et al., An Image is Worth 16x16 Words, 2021, table 1 (small: DeiT)."""
    shape = {
        "hidden_size": width,
        "num_hidden_layers": layers,
        "num_attention_heads": heads,
    }
    return Encoder(weights, shape=shape | more)


FAMILIES = {
    "segformer": Family(
        SegformerForSemanticSegmentation,
        SegformerConfig,
        {
            "mit-b0": mix_transformer("b0", 32, [2, 2, 2, 2], decoder=256),
            "mit-b1": mix_transformer("b1", 64, [2, 2, 2, 2], decoder=256),
            "mit-b2": mix_transformer("b2", 64, [3, 4, 6, 3]),
            "mit-b3": mix_transformer("b3", 64, [3, 4, 18, 3]),
            "mit-b4": mix_transformer("b4", 64, [3, 8, 27, 3]),
            "mit-b5": mix_transformer("b5", 64, [3, 6, 40, 3]),
        },
        ("segformer",),
        forward,
        depth=5,
        head="decode_head.classifier",
    ),
    "upernet": Family(
        UperNetForSemanticSegmentation,
        UperNetConfig,
        {
            "swin-tiny": swin("tiny", 96, 6, 3, 7),
            "swin-small": swin("small", 96, 18, 3, 7),
            "swin-base": swin("base", 128, 18, 4, 12),
            "swin-large": swin("large", 192, 18, 6, 12),
            "convnext-tiny": convnext("tiny", 96, 9),
            "convnext-small": convnext("small", 96, 27),
            "convnext-base": convnext("base", 128, 27),
            "convnext-large": convnext("large", 192, 27),
            "convnext-xlarge": convnext("xlarge", 256, 27),
        },
        ("backbone",),
        forward_upernet,
        depth=0,
        head="decode_head.classifier",
        auxiliary="auxiliary_head.classifier",
    ),
    "dpt": Family(
        DPTForSemanticSegmentation,
        DPTConfig,
        {
            "vit-base": vision_transformer(768, 12, 12, intermediate_size=3072),
            # Ranftl et al., Vision Transformers for Dense Prediction, 2021, section 3.
            "vit-large": vision_transformer(
                *(1024, 24, 16, "Intel/dpt-large-ade"),
                intermediate_size=4096,
                backbone_out_indices=[5, 11, 17, 23],
                neck_hidden_sizes=[256, 512, 1024, 1024],
            ),
        },
        ("dpt",),
        forward_dpt,
        depth=4,
        head="head.head.4",
        auxiliary="auxiliary_head.head.4",
    ),
    "eomt": Family(
        EomtForUniversalSegmentation,
        EomtConfig,
        {
            "vit-small": vision_transformer(
                *(384, 12, 6, "tue-mps/coco_panoptic_eomt_small_640_2x"), num_blocks=3
            ),
            "vit-base": vision_transformer(
                *(768, 12, 12, "tue-mps/coco_panoptic_eomt_base_640_2x"), num_blocks=3
            ),
            "vit-large": vision_transformer(1024, 24, 16, "tue-mps/coco_panoptic_eomt_large_640"),
        },
        ("embeddings", "layers", "layernorm"),
        forward_eomt,
        depth=4,
        head="scale",
        auxiliary="",
        planes="num_queries",
        finish=one_query_a_class,
    ),
}
"""What the recipe's `architecture` may be here."""
