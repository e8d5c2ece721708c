"""What a recipe may say: its tables as frozen dataclasses, named as in TOML, and all defaults.

A field's annotation is its check: `handseg.recipe.parse` reads types, choices and ranges from it. A
value annotated with a table of `handseg.registry` is one of its names.
"""

from dataclasses import dataclass, field, make_dataclass
from typing import TYPE_CHECKING, Annotated, Any, Literal

from handseg.registry import LIBRARIES, LOSSES

SCHEMA = 1
"""The version of the recipe's schema; a recipe of a later one is refused."""


@dataclass(frozen=True, slots=True)
class Range:
    """Bounds of a number: `least` and `most` belong to it, `above` and `below` do not."""

    least: float | None = None
    most: float | None = None
    above: float | None = None
    below: float | None = None

    def __contains__(self, value: float) -> bool:
        return (
            (self.least is None or value >= self.least)
            and (self.most is None or value <= self.most)
            and (self.above is None or value > self.above)
            and (self.below is None or value < self.below)
        )

    def __str__(self) -> str:
        bounds = (
            ("of at least", self.least),
            ("above", self.above),
            ("of at most", self.most),
            ("below", self.below),
        )
        return " and ".join(f"{word} {bound:g}" for word, bound in bounds if bound is not None)


Count = Annotated[int, Range(least=1)]
Natural = Annotated[int, Range(least=0)]
Positive = Annotated[float, Range(above=0)]
NotNegative = Annotated[float, Range(least=0)]
Share = Annotated[float, Range(least=0, most=1)]
Probability = Annotated[float, Range(above=0, below=1)]

Region = Literal["wrist", "fingertip"]
LossName = Annotated[str, LOSSES]
Tracker = Literal["wandb", "tensorboard", "trackio"]
Options = dict[str, Any]
Curve = tuple[tuple[float, float], ...]


@dataclass(frozen=True, slots=True)
class Model:
    """Which network, and what its weights are to begin with."""

    library: Annotated[str, LIBRARIES] = "transformers"
    architecture: str = "segformer"
    encoder: str = "mit-b0"
    weights: str = "nvidia/mit-b0"
    """A hub name, `imagenet` (or another name that the encoder knows), a path, or `none`."""
    init: str | None = None
    """A run to begin from instead of `weights`."""
    options: Options = field(default_factory=dict[str, Any])
    """Further arguments of the network's constructor."""
    prior: Probability = 0.01
    """The probability at which the head's bias starts: bones are small."""


@dataclass(frozen=True, slots=True)
class MeanStd:
    """Normalisation with fixed figures of a grey value from 0 to 1, one or three a list."""

    mean: tuple[float, ...]
    std: tuple[Positive, ...]


@dataclass(frozen=True, slots=True)
class Data:
    """What the network sees, and of whom."""

    size: Annotated[int, Range(least=32)] = 1024
    """Height and width of a sample in pixels."""
    channels: Literal[1, 3] = 3
    normalize: Literal["imagenet", "image"] | MeanStd = "imagenet"
    fold: Natural | Literal["all"] = 0
    share: Annotated[float, Range(above=0, most=1)] = 1.0
    """The share of the training people that is used."""
    crops: tuple[Region, ...] = ()
    crop_share: Share = 0.4
    """The share of an epoch's samples that are crops."""
    crop_epochs: Natural | Literal["all"] = "all"
    """The epochs in which crops are used; whole images only afterwards."""
    extra: tuple[str, ...] = ()
    """Further labelled folders: training only."""
    workers: Natural | Literal["auto"] = "auto"


@dataclass(frozen=True, slots=True)
class Transform:
    """One augmentation: an albumentations transform and its arguments, `p` among them.

    `arguments` may have `swap` too: classes that stand for each other in a mirrored image.
    """

    transform: str
    arguments: dict[str, Any] = field(default_factory=dict[str, Any])


if TYPE_CHECKING:

    class _Weights: ...
else:
    _Weights = make_dataclass(
        "_Weights",
        [(name, NotNegative, 1.0 if name in ("bce", "dice") else 0.0) for name in LOSSES],
        frozen=True,
        slots=True,
    )


@dataclass(frozen=True, slots=True)
class Loss(_Weights):
    """Weights of the sum of losses, a field for each of `LOSSES`; options; changing weights."""

    auxiliary: NotNegative = 0.0
    """The weight of each auxiliary head's loss; 0: the network is built without."""
    options: dict[LossName, Options] = field(default_factory=dict[str, Options])
    schedule: dict[LossName, Curve] = field(default_factory=dict[str, Curve])
    """Points (share of training, weight), joined by straight lines; stands for the weight."""
    class_weights: dict[str, NotNegative] = field(default_factory=dict[str, float])
    """How much the planes of a class count in every loss; 1 where it is not named."""
    overlap_weight: Positive = 1.0
    """How often pixels of two bones or more count in `bce`, `focal` and `topk`."""

    def weight(self, name: str) -> float:
        return float(getattr(self, name))


@dataclass(frozen=True, slots=True)
class Optimizer:
    """How the weights move; names as in `timm.optim`."""

    name: Literal["adamw", "adam", "nadamw", "radam", "lamb", "lion", "sgd"] = "adamw"
    lr: Positive = 6e-5
    weight_decay: NotNegative = 0.01
    head_lr: Positive = 10.0
    """The factor of the decoder's rate."""
    momentum: Annotated[float, Range(least=0, below=1)] = 0.9
    """Of `sgd`, after Nesterov."""
    layer_decay: Annotated[float, Range(above=0, most=1)] = 1.0
    """The factor of the rate from one block of the encoder to the one before it."""
    clip_norm: NotNegative = 1.0
    """The largest norm of the gradient; 0: not clipped."""


@dataclass(frozen=True, slots=True)
class Schedule:
    """How the learning rate moves."""

    name: Literal[
        "cosine", "cosine-restarts", "one-cycle", "polynomial", "step", "plateau", "constant"
    ] = "cosine"
    warmup_epochs: NotNegative = 2.0
    min_lr: NotNegative = 1e-7


@dataclass(frozen=True, slots=True)
class Train:
    """How long, in what steps, in what numbers."""

    epochs: Count = 100
    """Passes over the training images."""
    batch_size: Count = 8
    """The effective one, over all processes."""
    micro_batch: Count | Literal["auto"] = "auto"
    precision: Literal["bf16", "fp16", "fp32"] = "bf16"
    memory: Literal["normal", "low"] = "normal"
    ema: Probability | Literal[False] = 0.999
    channels_last: bool = True
    compile: bool = False
    seed: Natural = 0


@dataclass(frozen=True, slots=True)
class Validate:
    """How often Dice is computed, and how many images are kept to look at."""

    every_epochs: Count = 1
    previews: Natural = 4


@dataclass(frozen=True, slots=True)
class EarlyStop:
    """When to give up: validations without a gain of `delta`; 0 is never."""

    patience: Natural = 15
    delta: NotNegative = 1e-4


@dataclass(frozen=True, slots=True)
class CheckpointSchedule:
    """How often a checkpoint is written within an epoch, and how many of the newest are kept."""

    every_minutes: Positive = 15.0
    keep: Count = 2


@dataclass(frozen=True, slots=True)
class Predict:
    """Defaults of `handseg predict` for the run."""

    mode: Literal["whole", "slide"] = "whole"
    window: Annotated[int, Range(least=32)] = 1024
    overlap: Annotated[float, Range(least=0, below=1)] = 0.5
    tta: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Recipe:
    """A whole recipe."""

    schema: Count = SCHEMA
    model: Model = field(default_factory=Model)
    data: Data = field(default_factory=Data)
    augment: dict[str, Transform] = field(default_factory=dict[str, Transform])
    """In the order in which they are applied."""
    loss: Loss = field(default_factory=Loss)
    optimizer: Optimizer = field(default_factory=Optimizer)
    schedule: Schedule = field(default_factory=Schedule)
    train: Train = field(default_factory=Train)
    validate: Validate = field(default_factory=Validate)
    early_stop: EarlyStop = field(default_factory=EarlyStop)
    checkpoint: CheckpointSchedule = field(default_factory=CheckpointSchedule)
    predict: Predict = field(default_factory=Predict)
    track: dict[Tracker, bool] = field(default_factory=dict[Tracker, bool])
