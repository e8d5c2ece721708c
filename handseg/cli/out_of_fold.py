"""The held-out predictions of all folds as one submission: `handseg vote --out-of-fold`."""

from collections.abc import Sequence
from pathlib import Path

from handseg.cli import console, options
from handseg.errors import UsageError


def join_predictions(
    preds: Sequence[str], data: Path | None, runs: Path, out: Path | None = None
) -> None:
    """Join runs' validations, or CSVs; the path goes to stdout.

    Raises:
        UsageError: none is named.
        InputError: they are not all folds of one recipe on this data set, each once.
    """
    from handseg.data.dataset import open_dataset
    from handseg.ensemble.out_of_fold import join_folds
    from handseg.rle.submission import read_submission
    from handseg.runs.predictions import find_prediction

    if not preds:
        raise UsageError(
            "--out-of-fold joins what is named: a run of every fold",
            hints=["handseg vote --out-of-fold unet-1 unet-2 unet-3 unet-4 unet-5"],
        )
    if out == options.STREAM:
        raise UsageError("--out-of-fold writes a file with its sidecar: name one")
    members = [read_submission(find_prediction(pred, runs, "val")) for pred in preds]
    path, images = join_folds(members, open_dataset(options.data_folder(data)), out)
    console.info(
        f"{len(members)} folds joined: {images} images, each by the model that never saw its person"
    )
    console.info(f"every bone:  handseg score {path}")
    console.out(str(path))
