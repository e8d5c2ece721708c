"""Fine-tuning: a training that begins with the weights of a run instead of published ones."""

from collections.abc import Callable, Sequence
from pathlib import Path

from torch import Tensor

from handseg.errors import InputError
from handseg.models.checkpoints import load_best
from handseg.models.segmenter import Segmenter
from handseg.predict.of_run import read_facts
from handseg.runs import layout
from handseg.runs.query import find_run
from handseg.text import listed

NAMED = 6
"""Classes and tensors that are named before the rest is counted."""


def begin_from(
    model: Segmenter,
    run: str,
    runs: Path,
    classes: Sequence[str],
    tell: Callable[[str], None] = lambda text: None,
) -> None:
    """Take over the weights of a run's best checkpoint, where their shapes agree.

    The rows of the head follow the names of the classes: those that the run did not know stay new,
    and that is told.

    Raises:
        InputError: there is no such run, no checkpoint of it, or no weight that fits.
    """
    folder = find_run(run, runs)
    found = load_best(folder / layout.CHECKPOINTS, tell).chosen()
    own = model.state_dict()
    head = {name for name in own if name.startswith(f"{model.head_name}.")}
    fitting = {
        name: tensor
        for name, tensor in found.items()
        if name in own and name not in head and own[name].shape == tensor.shape
    }
    if not fitting:
        raise InputError(f"no weight of {run} fits the recipe's model")
    before = [str(name) for name in read_facts(folder)["classes"]]
    heads = {
        name: rows_by_class(own[name], found[name], classes, before)
        for name in head
        if name in found and fits_but_for_classes(own[name], found[name], len(before))
    }
    model.load_state_dict(fitting | heads, strict=False)
    tell(f"begins with the weights of {folder.name}: {len(fitting)} of {len(own) - len(head)}")
    tell_new(
        sorted(own.keys() - head - fitting.keys()),
        list(classes) if len(heads) < len(head) else [c for c in classes if c not in before],
        tell,
    )


def tell_new(tensors: Sequence[str], classes: Sequence[str], tell: Callable[[str], None]) -> None:
    """Say what the run did not have: it begins as if there were no run."""
    if tensors:
        tell(f"new, of another shape or unknown there: {listed(tensors, NAMED)}")
    if classes:
        tell(f"new heads: {listed(classes, NAMED)}")


def fits_but_for_classes(own: Tensor, found: Tensor, before: int) -> bool:
    """Whether two heads differ in nothing but their classes."""
    return own.shape[1:] == found.shape[1:] and len(found) == before


def rows_by_class(
    own: Tensor, found: Tensor, classes: Sequence[str], before: Sequence[str]
) -> Tensor:
    """A head whose rows are those of the classes of the same names; the others stay."""
    rows = own.clone()
    for row, name in enumerate(classes):
        if name in before:
            rows[row] = found[before.index(name)]
    return rows
