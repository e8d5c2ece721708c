"""Layer 2 of the checks: what is well written but cannot be, without torch.

What the libraries take stands in generated tables (`handseg.recipe.tables`).
"""

from collections.abc import Mapping
from dataclasses import replace
from itertools import pairwise
from pathlib import PurePath
from typing import Any, cast

from handseg.errors import did_you_mean
from handseg.recipe import tables
from handseg.recipe.faults import KeyPath, enumerated
from handseg.recipe.layers import Layers
from handseg.recipe.schema import MeanStd, Model, Optimizer, Recipe
from handseg.registry import LIBRARIES, LOSSES, PIXEL_LOSSES

FEW = 12
"""Encoders that are named one by one."""
MIRRORS = ("HorizontalFlip", "VerticalFlip", "Transpose")
"""Transforms that mirror the image whenever they are applied."""
_KINDS = {
    bool: ("boolean",),
    int: ("integer", "number"),
    float: ("number",),
    str: ("string",),
    list: ("array",),
    dict: ("table",),
}
"""What a value of TOML may stand for, in the words of the tables."""
_SAID = {
    "boolean": "true or false",
    "integer": "a whole number",
    "number": "a number",
    "string": "a string",
    "array": "an array",
    "table": "a table",
}


def validate(recipe: Recipe, layers: Layers) -> Recipe:
    """Add to `layers.faults` what cannot be, and give the recipe with `init` settled."""
    check_model(recipe, layers)
    check_data(recipe, layers)
    check_augment(recipe, layers)
    check_loss(recipe, layers)
    check_training(recipe, layers)
    if recipe.model.init is not None and not layers.written("model", "weights"):
        return replace(recipe, model=replace(recipe.model, weights="none"))
    return recipe


def check_model(recipe: Recipe, layers: Layers) -> None:
    """Architecture, encoder, weights and options, as the library has them."""
    model, table = recipe.model, tables.library(recipe.model.library)
    if model.architecture not in table["architectures"]:
        names = sorted(table["architectures"])
        message = f"{model.library} has no {model.architecture}, but {enumerated(names, 'and')}"
        near = did_you_mean(model.architecture, names)
        layers.fault(("model", "architecture"), message + near)
    else:
        architecture = table["architectures"][model.architecture]
        check_arguments(model.options, architecture["options"], ("model", "options"), layers)
        check_size(recipe, architecture, layers)
        if model.encoder in architecture["refuses"]:
            message = f"{model.architecture} cannot be built on {model.encoder}"
            why = why_refused(architecture, table)
            layers.fault_of(message + why, ("model", "encoder"), ("model", "architecture"))
        if recipe.loss.auxiliary and not architecture["auxiliary"]:
            message = f"{model.architecture} of {model.library} has no auxiliary head"
            layers.fault_of(message, ("loss", "auxiliary"), ("model", "architecture"))
    check_encoder(model, table, layers)


def why_refused(architecture: tables.ArchitectureTable, table: tables.LibraryTable) -> str:
    """Why an architecture does not take an encoder of its library, or which ones it takes."""
    taken = [name for name in table["encoders"] if name not in architecture["refuses"]]
    if architecture["output_stride"] < 32 and table["open_encoders"]:
        return f", which cannot keep a stride of {architecture['output_stride']}"
    return f", but on {enumerated(taken)}" if 0 < len(taken) <= FEW else ""


def check_encoder(model: Model, table: tables.LibraryTable, layers: Layers) -> None:
    """The encoder's name, and that its weights are its own."""
    names = table["encoders"]
    prefix = table["open_encoders"]
    if model.encoder in names:
        check_weights(model, table, layers)
    elif not (prefix and model.encoder.startswith(prefix)):
        near = did_you_mean(model.encoder, names)
        message = f"{model.library} has no encoder {model.encoder}{near}"
        layers.fault_of(message, ("model", "encoder"), ("model", "library"))
    if model.init is not None and layers.written("model", "weights") and model.weights != "none":
        message = 'excludes model.weights: say weights = "none", or leave one out'
        layers.fault(("model", "init"), message)


def check_weights(model: Model, table: tables.LibraryTable, layers: Layers) -> None:
    """Names of weights belong to an encoder; hub names and paths are for layer 3 to find."""
    if model.weights == "none" or model.init is not None:
        return
    known = table["encoders"][model.encoder]
    owners = [
        (library, encoder)
        for library in LIBRARIES
        for encoder, names in tables.library(library)["encoders"].items()
        if model.weights in names
    ]
    mine = (model.library, model.encoder) in owners
    elsewhere = bool(owners) and not mine
    if elsewhere or not (mine or is_path(model.weights)):
        near = did_you_mean(model.weights, known)
        choices = [*known, "none", "OWNER/NAME of the hub", "a path"]
        message = f"{model.encoder} has no weights {model.weights}, but {enumerated(choices)}{near}"
        layers.fault_of(message, ("model", "weights"), ("model", "encoder"), ("model", "library"))


def is_path(weights: str) -> bool:
    """Whether weights are named by a path or a name with an owner, as the hub's are."""
    return "/" in weights or "\\" in weights or bool(PurePath(weights).suffix)


def size_divisor(model: Model, architecture: tables.ArchitectureTable) -> int:
    """What height and width must be multiples of: the encoder's stride with these options."""
    if not architecture["divisible"] or not architecture["depth"]:
        return 1
    depth = model.options.get("encoder_depth", architecture["depth"])
    stride = model.options.get("encoder_output_stride", architecture["output_stride"])
    whole = isinstance(depth, int) and isinstance(stride, int) and 0 < depth < 16
    return min(2**depth, stride) if whole and stride > 0 else 1


def check_size(recipe: Recipe, architecture: tables.ArchitectureTable, layers: Layers) -> None:
    """Sizes that the network takes."""
    divisor = size_divisor(recipe.model, architecture)
    sizes = {("data", "size"): recipe.data.size}
    if recipe.predict.mode == "slide":
        sizes["predict", "window"] = recipe.predict.window
    for path, size in sizes.items():
        if size % divisor:
            below = size - size % divisor
            near = enumerated([str(n) for n in (below, below + divisor) if n >= divisor])
            message = f"{recipe.model.architecture} needs a multiple of {divisor}, not {size}"
            layers.fault(path, f"{message} (did you mean {near}?)")


def check_data(recipe: Recipe, layers: Layers) -> None:
    """Channels and normalisation."""
    normalize = recipe.data.normalize
    if isinstance(normalize, MeanStd):
        lengths = {len(normalize.mean), len(normalize.std)}
        if lengths not in ({1}, {3}):
            layers.fault(("data", "normalize"), "mean and std need one figure each, or three each")


def check_augment(recipe: Recipe, layers: Layers) -> None:
    """Transforms that keep labels exact, with arguments that they have."""
    table = tables.transforms()
    for name, entry in recipe.augment.items():
        path = ("augment", name)
        if entry.transform in table["refused"]:
            message = f"{entry.transform} cannot be used: {table['refused'][entry.transform]}"
            layers.fault((*path, "transform"), message)
        elif entry.transform not in table["transforms"]:
            near = did_you_mean(entry.transform, table["transforms"])
            message = f"albumentations has no transform {entry.transform}{near}"
            layers.fault((*path, "transform"), message)
        else:
            given = {k: v for k, v in entry.arguments.items() if k not in table["owned"]}
            check_swap(entry.transform, given.pop("swap", {}), (*path, "swap"), layers)
            check_arguments(given, table["transforms"][entry.transform], path, layers)
        for key in entry.arguments.keys() & set(table["owned"]):
            layers.fault((*path, key), "belongs to the adapter, which keeps labels exact")


def check_swap(transform: str, swap: Any, path: KeyPath, layers: Layers) -> None:
    """Pairs of classes that a mirrored image exchanges."""
    pairs = cast("dict[str, Any]", swap if isinstance(swap, dict) else {"": None})
    if swap and transform not in MIRRORS:
        layers.fault(path, f"is for what always mirrors: {enumerated(MIRRORS)}")
    elif not all(isinstance(name, str) for name in pairs.values()):
        layers.fault(path, 'must be pairs of classes: { "left X" = "right X" }')
    elif len({*pairs, *pairs.values()}) < 2 * len(pairs):
        layers.fault(path, "names a class twice: each stands in one pair")


def check_loss(recipe: Recipe, layers: Layers) -> None:
    """Weights, their curves and the losses' options."""
    loss = recipe.loss
    constant = [loss.weight(name) for name in LOSSES if name not in loss.schedule]
    scheduled = [weight for curve in loss.schedule.values() for _, weight in curve]
    if not any(weight > 0 for weight in (*constant, *scheduled)):
        message = f"some weight must be above zero: {enumerated(LOSSES)}"
        layers.fault_of(message, ("loss",), *(("loss", name) for name in LOSSES))
    for name, curve in loss.schedule.items():
        shares = [share for share, _ in curve]
        rising = all(before < after for before, after in pairwise(shares))
        inside = all(0 <= share <= 1 for share in shares)
        if not (shares and rising and inside and all(weight >= 0 for _, weight in curve)):
            message = "needs points [share, weight], shares rising from 0 to 1, weights from 0 up"
            layers.fault(("loss", "schedule", name), message)
    if loss.overlap_weight != 1 and not any(
        loss.weight(name) or name in loss.schedule for name in PIXEL_LOSSES
    ):
        message = (
            f"counts in {enumerated(PIXEL_LOSSES, 'and')} alone, and none of them has a weight"
        )
        layers.fault(("loss", "overlap_weight"), message)
    for name, options in loss.options.items():
        check_arguments(options, tables.loss_options(name), ("loss", "options", name), layers)


def check_training(recipe: Recipe, layers: Layers) -> None:
    """Figures that bound each other."""
    schedule, optimizer, train = recipe.schedule, recipe.optimizer, recipe.train
    if schedule.name != "constant" and schedule.min_lr >= optimizer.lr:
        message = f"must be below optimizer.lr, which is {optimizer.lr:g}, not {schedule.min_lr:g}"
        layers.fault_of(message, ("schedule", "min_lr"), ("optimizer", "lr"))
    # A resolved recipe has every key.
    if optimizer.momentum != Optimizer().momentum and optimizer.name != "sgd":
        message = f"{optimizer.name} has none: it is of sgd"
        layers.fault_of(message, ("optimizer", "momentum"), ("optimizer", "name"))
    if train.micro_batch != "auto" and train.micro_batch > train.batch_size:
        message = f"must be at most train.batch_size, which is {train.batch_size}"
        layers.fault_of(message, ("train", "micro_batch"), ("train", "batch_size"))


def check_arguments(
    given: Mapping[str, Any], known: tables.Arguments, path: KeyPath, layers: Layers
) -> None:
    """Names and kinds of arguments against a function's signature."""
    for name, value in given.items():
        here = (*path, name)
        if name not in known:
            near = did_you_mean(name, known)
            names = f"; there is {enumerated(known, 'and')}" if known and not near else ""
            layers.fault(here, f"there is no such argument{near}{names}")
        elif not may_be(value, known[name].split(" | ")):
            kinds = enumerated(_SAID.get(kind, kind) for kind in known[name].split(" | "))
            layers.fault(here, f"must be {kinds}")


def may_be(value: Any, kinds: list[str]) -> bool:
    own = (*_KINDS[type(value)], f"'{value}'")
    return "any" in kinds or any(kind in own for kind in kinds)
