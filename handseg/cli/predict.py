"""`handseg predict`: a run's masks of images, as a submission."""

from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Annotated

import typer

from handseg.cli import console
from handseg.cli.command import (
    STREAM,
    Data,
    Force,
    Out,
    Runs,
    check_out,
    command,
    data_folder,
    runs_folder,
)
from handseg.errors import HandsegError, InputError, UsageError
from handseg.text import counted

if TYPE_CHECKING:
    from handseg.inference.predictions import PredictionJob


@command(
    examples=[
        "handseg predict",
        "handseg predict last --split val",
        "handseg predict segformer-1 --out submission.csv",
    ]
)
def predict(
    run: Annotated[
        list[str] | None,
        typer.Argument(metavar="RUN", help="Runs [default: every finished one that lacks them]."),
    ] = None,
    split: Annotated[
        str, typer.Option("--split", metavar="SPLIT", help="train, val, test or all.")
    ] = "test",
    data: Data = None,
    runs: Runs = None,
    out: Out = None,
    force: Force = False,
) -> None:
    """Predict the masks of images, as the competition's CSV.

    A run predicts with its best checkpoint. Images that cannot be read are left out and named: exit
    3. Without RUN, runs of other classes are left out.
    """
    from handseg.data.dataset import open_dataset
    from handseg.runs.query import find_run

    folder = runs_folder(runs)
    chosen = [find_run(text, folder) for text in run or []] or finished_runs(folder)
    if out is not None and len(chosen) > 1:
        raise UsageError(f"--out names one file, but there are {len(chosen)} runs")
    check_out(out, force)
    dataset = open_dataset(data_folder(data))
    console.info(dataset.recognised)
    from handseg.inference.predictions import plan_prediction

    if out == STREAM:
        with TemporaryDirectory() as place:
            job = plan_prediction(chosen[0], dataset, split, Path(place, "out.csv"), console.warn)
            unreadable = predict_images(job)
            console.print_csv(job.out.read_text(encoding="utf-8").removesuffix("\n"))
        raise_unreadable(unreadable)
        return
    unreadable: dict[str, InputError] = {}
    refused: list[HandsegError] = []
    for one in chosen:
        try:
            job = plan_prediction(one, dataset, split, out, console.warn)
            if out is None and not force:
                job.refuse_other_data()
        except (InputError, UsageError) as error:
            if run:
                raise
            console.warn(f"{one.name} is left out: {error.message}")
            refused.append(error)
            continue
        if job.is_done() and not force:
            console.info(f"{one.name}: {job.out} is up to date")
        else:
            unreadable |= predict_images(job)
        console.out(str(job.out))
    if len(refused) == len(chosen):
        raise refused[0]
    raise_unreadable(unreadable)


def predict_images(job: "PredictionJob") -> dict[str, InputError]:
    """Predict with a bar; gives the images that cannot be read."""
    from handseg.inference.predictions import run_prediction

    unreadable: dict[str, InputError] = {}
    with console.progress(f"{job.run.name}: {job.split}") as bar:
        run_prediction(job, bar, unreadable)
    return unreadable


def raise_unreadable(unreadable: Mapping[str, InputError]) -> None:
    """Raise InputError where images were left out."""
    if not unreadable:
        return
    number = counted(len(unreadable), "image")
    reasons = (f"{error.message}: {error.details}" for error in unreadable.values())
    raise InputError(
        f"{number} that cannot be read {'has' if len(unreadable) == 1 else 'have'} no prediction",
        details="\n".join(dict.fromkeys(reasons)),
        hints=["mend them and run predict again"],
    )


def finished_runs(folder: Path) -> list[Path]:
    """Every finished run but smoke runs, oldest first.

    Raises:
        InputError: there is none.
    """
    from handseg.runs.index import list_runs
    from handseg.runs.predictions import is_smoke_run

    ended = [run.folder for run in reversed(list_runs(folder)) if run.state == "finished"]
    finished = [run for run in ended if not is_smoke_run(run)]
    if not finished:
        raise InputError(
            f"there is no finished run in {folder}",
            hints=[
                "handseg train recipes/segformer.toml",
                "handseg predict RUN --split val",
                "handseg demo       goes the whole way on synthetic data",
            ],
        )
    return finished
