"""The files of a run folder, the kinds of event and their fields: one table, with a version.

Writers and readers take every name from here. A reader ignores fields and kinds that it does not
know, so that a newer training can be watched by an older dashboard.
"""

from typing import Final, Literal, get_args

VERSION: Final = 1
"""Goes up when a field changes its meaning; written as `v` into `run.json` and every event."""

RECIPE: Final = "recipe.toml"
RUN: Final = "run.json"
LOCK: Final = "run.lock"
EVENTS: Final = "events.jsonl"
STEPS: Final = "steps.jsonl"
DATA: Final = "data.json"
LOG: Final = "log.txt"
SCORES: Final = "scores"
CHECKPOINTS: Final = "checkpoints"
PREDICTIONS: Final = "predictions"
PREVIEWS: Final = "previews"

RUN_FIELDS: Final = {
    "v": "version of this table",
    "id": "random name of the run, the same for ever",
    "name": "name of the folder when the run was made",
    "recipe": "stem of the recipe",
    "model": "architecture and encoder",
    "fold": "the fold that is held out",
    "classes": "names of the classes, in order",
    "started": "when the run was made, seconds since 1970",
    "process_started": "when the present process took the run, seconds since 1970",
    "host": "host name of the process",
    "boot_id": "boot of that host's kernel",
    "pid": "process id, within its namespace",
    "pid_namespace": "the namespace, as /proc/self/ns/pid names it",
    "start_ticks": "start of the process in clock ticks since boot",
    "memory_events": "where the kernel counts what it kills for memory in its cgroup",
    "oom_kills": "that count at the start",
    "cgroup_namespace": "the namespace in which that path holds",
    "locked": "whether run.lock could be locked (some file systems refuse)",
    "argv": "the command line",
    "cwd": "the working folder of the command",
    "environment": "variables that shape a training: devices, threads, the job of a scheduler",
    "versions": "versions of Python and the libraries",
    "git": "commit of the checkout and whether it was changed; null outside one",
}
"""Fields of `run.json`; the training adds facts of its own (data fingerprint, threads, ...).

`data.json` beside it holds the sha256 of every image and label by its path in the data set, so that
a run that is resumed on other data can say what differs."""

START: Final = "start"
VALIDATION: Final = "validation"
CHECKPOINT: Final = "checkpoint"
SYSTEM: Final = "system"
WARNING: Final = "warning"
RESUME: Final = "resume"
END: Final = "end"

KINDS: Final[dict[str, dict[str, str]]] = {
    START: {
        "recipe": "stem of the recipe",
        "fold": "the fold that is held out",
        "epochs": "epochs to train",
        "classes": "names of the classes, in order",
        "train_images": "number of training images",
        "validation_images": "number of validation images",
        "steps_per_epoch": "optimiser steps an epoch",
        "parameters": "number of weights of the model",
    },
    VALIDATION: {
        "step": "optimiser steps done",
        "epoch": "epochs done; a fraction within an epoch",
        "dice": "Dice of each class; null where no image was labelled",
        "mean": "mean of these without those of not_bones; null when there is none",
        "not_bones": "classes that no mean here counts; without this field all count",
        "best": "the best so far: mean with its epoch and step, dice of each class on its own",
        "means": "the last 40 means, this one last",
        "metrics": "further metrics by name, each with its value for each class",
        "raw_mean": "mean Dice of the weights themselves",
        "ema_mean": "mean Dice of their moving average; null without one",
        "uses_ema": "whether the figures are the average's: the better of the two counts",
        "both_empty": "masks of the mean that are empty in label and prediction: Dice 1",
        "seconds": "how long the validation took",
    },
    CHECKPOINT: {
        "step": "optimiser steps done",
        "epoch": "epochs done",
        "path": "folder of the checkpoint, relative to the run",
        "best": "whether it is the best so far",
        "bytes": "size of its files",
    },
    SYSTEM: {
        "cpu": "percent of one core that this process and its workers used since the last",
        "ram": "bytes of memory that they hold",
        "ram_total": "bytes of memory of the machine",
        "device": "name of the device that trains",
        "memory": "bytes of the device that this process used at most since the last",
        "memory_total": "bytes of the device",
    },
    WARNING: {
        "message": "what a person should know",
        "about": "memory, loss, disk, loader, tracker or checkpoint",
    },
    RESUME: {
        "step": "what was logged for later steps is cancelled",
        "validated": "whether a validation at that very step counts; true where it is not told",
        "rollback": "how often the training itself has gone back after losses that were not finite",
        "rate": "factor of the learning rate since then",
    },
    END: {"state": "finished, stopped or failed", "reason": "why, in words"},
}
"""Fields of each kind of event beside `v`, `t` (seconds since 1970) and `kind`."""

MEMORY: Final = "memory"
LOSS: Final = "loss"
DISK: Final = "disk"
LOADER: Final = "loader"
TRACKER: Final = "tracker"
CHECKPOINT_FAULT: Final = "checkpoint"
"""What a warning is about."""

REQUIRED: Final[dict[str, tuple[str, ...]]] = {
    VALIDATION: ("step", "epoch", "dice"),
    CHECKPOINT: ("step", "path"),
    WARNING: ("message",),
    RESUME: ("step",),
    END: ("state",),
}
"""Fields without which an event is worthless: the writer refuses it."""

State = Literal["running", "quiet", "dead", "stopped", "failed", "finished", "broken"]
"""What a run is found to be; only how it ended is written down, the rest is derived."""
STATES: Final[tuple[State, ...]] = get_args(State)
END_STATES: Final[tuple[State, ...]] = ("finished", "stopped", "failed")
RESUMABLE: Final[tuple[State, ...]] = ("dead", "stopped", "failed")
"""States from which a run can go on."""

STEP_FIELDS: Final = {
    "t": "when the line was written, seconds since 1970",
    "step": "first step of the line",
    "every": "distance between its steps where it is not 1",
    "n": "number of its steps where it is not 1",
    "resume": "instead of the above: steps after this one are cancelled",
}
"""Fields of a line of `steps.jsonl`. Every other field is a logged value: a list with one number a
step (null: not finite, or not logged), or one number where it hardly changed within the line, or is
told once a line. The file is touched each second: that is the heartbeat. An empty object counts as
nothing."""

MEANS_KEPT: Final = 40
"""Means that a validation carries, so that a tail is enough to draw the trend."""
PREVIEWS_KEPT: Final = 40
"""Validations for which previews are kept, spread over the run."""
PREVIEW_SIDE: Final = 1024
"""Longest side of a preview, in pixels."""
HEARTBEAT: Final = 1.0
"""Seconds between two touches of `steps.jsonl`, with a line where there is something to tell."""
SILENCE: Final = 30.0
"""Seconds without a heartbeat after which a run is called quiet (or dead, where no kernel can be
asked)."""
