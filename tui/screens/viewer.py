"""Pictures with their masks: of a run's validation, or of the data set."""

import math
from collections import OrderedDict
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import lru_cache, partial
from typing import ClassVar, get_args

import numpy as np
from numpy.typing import NDArray
from rich.text import Text
from textual import on
from textual.binding import BindingType
from textual.containers import Horizontal, Vertical
from textual.message import Message
from textual.widget import Widget

from handseg.anatomy import colours
from handseg.data.dataset import Dataset, Sample
from handseg.errors import HandsegError
from handseg.runs.artifacts import Preview, list_previews, read_scores
from handseg.text import dice_text, one_line
from handseg.view import overlay
from handseg.view.overlay import dice_of_planes, fitted
from tui.keys import bindings
from tui.screens.dashboard_screen import DashboardScreen
from tui.state import State, View
from tui.theme import Theme, theme_of
from tui.widgets.half_blocks import HalfBlocks
from tui.widgets.lines import Lines, joined, without_middle
from tui.widgets.table import Cell, DataTable, TableColumn

ListedFor = tuple[str, int]
VIEWS: tuple[View, ...] = get_args(View)
LARGEST = 1024
"""Longest side, in pixels, of a data set's image as it is kept for looking."""
CACHE_BYTES = 96 * 1024 * 1024


@dataclass(frozen=True)
class PictureKey:
    """Names a picture: the run it belongs to ("" for the data set), its image and its step."""

    run: str
    image_name: str
    step: int | None = None


@dataclass(frozen=True)
class Picture:
    """A grey image uint8[H, W] with the bit planes uint8[H, W, P] of its label and prediction."""

    key: PictureKey
    image: NDArray[np.uint8]
    truth: NDArray[np.uint8] | None
    prediction: NDArray[np.uint8] | None
    full_size_dice: NDArray[np.floating] | None = None
    """Of each class, as the validation counted it."""

    @property
    def bytes(self) -> int:
        arrays = (self.image, self.truth, self.prediction)
        return sum(array.nbytes for array in arrays if array is not None)

    def dice(self, classes: int) -> NDArray[np.floating]:
        """Dice of each class, at full size where that is known; NaN without label or prediction."""
        if self.full_size_dice is not None:
            return self.full_size_dice
        if self.truth is None or self.prediction is None:
            return np.full(classes, np.nan)
        return dice_of_planes(self.truth, self.prediction, classes)


class PictureCache:
    """The pictures looked at last, within 96 MB."""

    def __init__(self, limit: int = CACHE_BYTES) -> None:
        self._limit = limit
        self._pictures: OrderedDict[PictureKey, Picture] = OrderedDict()

    def get(self, key: PictureKey) -> Picture | None:
        """The picture, if it is still kept."""
        if key in self._pictures:
            self._pictures.move_to_end(key)
        return self._pictures.get(key)

    def put(self, picture: Picture) -> None:
        """Keep a picture; the oldest give way."""
        self._pictures[picture.key] = picture
        while (
            len(self._pictures) > 1
            and sum(one.bytes for one in self._pictures.values()) > self._limit
        ):
            self._pictures.popitem(last=False)


def load_preview(key: PictureKey, preview: Preview) -> Picture:
    """A preview of a run at the step of the key, with the Dice that was counted at full size.

    Raises:
        OSError, ValueError: missing or damaged.
    """
    dice = None
    # Scores are kept of the last and the best validation only.
    with suppress(OSError, ValueError, KeyError):
        scores = read_scores(preview.folder.parent.parent, key.step or 0)
        dice = scores.dice[scores.images.index(key.image_name)]
    prediction = None if key.step is None else preview.prediction(key.step)
    image, truth = preview.image(), preview.truth()
    for planes in (truth, prediction):
        if planes is not None and planes.shape[:2] != image.shape:
            raise ValueError(f"masks {planes.shape[:2]} do not fit the image {image.shape}")
    return Picture(key, image, truth, prediction, dice)


def load_sample(key: PictureKey, dataset: Dataset, sample: Sample) -> Picture:
    """An image of the data set with its label, shrunk to at most 1,024 pixels a side.

    Raises:
        InputError: image or label cannot be read.
    """
    from handseg.data.images import image_size
    from handseg.data.labels import read_labels
    from handseg.data.planes import label_planes, read_letterboxed

    source = image_size(sample.image)
    fit, image = read_letterboxed(sample.image, min(LARGEST, max(source)))
    height, width = fit.inner
    truth = None
    if sample.labels is not None:
        labels = read_labels(sample, dataset.classes)
        truth = label_planes(labels, dataset.classes, source, fit)[:height, :width]
    return Picture(key, image[:height, :width], truth, None)


LEGEND = (
    ("right", overlay.RIGHT),
    ("missed", overlay.MISSED),
    ("too much", overlay.EXTRA),
    ("wrong bone", overlay.SWAPPED),
)


class PictureLines(Lines):
    """Which image is shown, of which run and epoch; below, what is painted."""

    shown: Sequence[Text] = ()

    def show(self, *lines: Text) -> None:
        self.shown = lines
        self.refresh()

    def lines(self, width: int, height: int) -> list[Text]:
        return list(self.shown)


ALL = ""
"""The key of the row that means all classes; no class is called so."""
SIGN, DICE = 3, 6


@dataclass(frozen=True)
class PictureClass:
    """A class of a picture: its colour, and Dice between label and prediction."""

    label: str
    colour: str
    dice: float


class PictureClasses(DataTable[PictureClass]):
    """A row for all classes and one for each."""

    CURSOR_IS_STATE = True

    is_full_size = True
    """Whether the Dice is that of the masks at full size, and not of the small picture."""

    @property
    def columns(self) -> Sequence[TableColumn[PictureClass]]:
        return columns_for(max(1, self.text_width - SIGN - DICE - 1), self.is_full_size)

    def show_classes(
        self, classes: tuple[str, ...], picture: Picture | None, chosen: str | None
    ) -> None:
        self.is_full_size = (
            picture is None or picture.prediction is None or picture.full_size_dice is not None
        )
        dices = picture.dice(len(classes)) if picture else [math.nan] * len(classes)
        rows = {ALL: PictureClass(ALL, "", math.nan)}
        for label, colour, dice in zip(classes, colours(classes), dices, strict=True):
            rows[label] = PictureClass(label, hex_of(colour), float(dice))
        self.show(rows, chosen)


@lru_cache(maxsize=4)
def columns_for(name: int, is_full_size: bool) -> Sequence[TableColumn[PictureClass]]:
    return (
        TableColumn(SIGN, sign_cell),
        TableColumn(name, name_cell, "bone"),
        TableColumn(DICE, dice_cell, "Dice" if is_full_size else "~Dice", "right"),
    )


def sign_cell(row: PictureClass, width: int, theme: Theme) -> Cell:
    return (" ■ ", row.colour) if row.label else ("", "")


def name_cell(row: PictureClass, width: int, theme: Theme) -> Cell:
    return (without_middle(row.label, width), "") if row.label else ("all bones", theme.dim)


def dice_cell(row: PictureClass, width: int, theme: Theme) -> Cell:
    if not row.label:
        return "", ""
    return dice_text(row.dice, 3), theme.bad if row.dice < 0.5 else ""


def hex_of(colour: tuple[int, int, int]) -> str:
    red, green, blue = colour
    return f"#{red:02x}{green:02x}{blue:02x}"


class ViewerScreen(DashboardScreen):
    """Screen 3."""

    PLACE: ClassVar[str] = "viewer"
    NEEDS_RUNS: ClassVar[bool] = False
    BINDINGS: ClassVar[list[BindingType]] = bindings("viewer")

    @dataclass
    class PreviewsListed(Message):
        """The pictures of a run."""

        run: str
        previews: list[Preview]

    @dataclass
    class PictureLoaded(Message):
        """A picture with its masks."""

        picture: Picture

    @dataclass
    class PictureFault(Message):
        """A picture that cannot be shown, and why."""

        key: PictureKey
        fault: str

    def __init__(self, state: State) -> None:
        super().__init__(state)
        self._cache = PictureCache()
        self._previews: dict[str, Preview] = {}
        self._samples: dict[str, Sample] = {}
        self._listed: ListedFor | None = None
        """The run whose previews were asked for, and how many validations it had then."""
        self._answered = False
        self._seen: object = None
        self._image_name = state.first_image
        self._step: int | None = None
        """The step chosen; None follows the newest."""
        self._view: View = VIEWS[0]
        if state.first_view in VIEWS:
            self._view = state.first_view
        self._first_epoch = state.first_epoch
        """An epoch to begin with, until the run's epochs are known."""
        self._only = False
        self._picture: Picture | None = None
        self._fault = ""
        self._blocks = HalfBlocks(id="picture")
        self._class_table = PictureClasses(id="classes")
        self._lines = PictureLines()

    def body(self) -> Iterable[Widget]:
        side = Vertical(self._class_table.header, self._class_table, id="side")
        yield self._lines
        yield Horizontal(self._blocks, side, id="body")

    @property
    def view_options(self) -> list[str]:
        key = self._key
        words = ["--image", key.image_name] if key is not None and self._image_name else []
        words += ["--view", self._view] if self._view != VIEWS[0] else []
        epoch = self._epoch(self._step) if self._step is not None else None
        return words + (["--epoch", f"{epoch:g}"] if epoch is not None else [])

    # What there is to look at

    @property
    def _run(self) -> str:
        # "": pictures of the data set.
        return self.state.highlighted or "" if self._previews else ""

    @property
    def _names(self) -> list[str]:
        return list(self._previews or self._samples)

    @property
    def _bones(self) -> tuple[str, ...]:
        run = self.state.run
        if self._previews and run is not None:
            return run.classes
        return self.state.dataset.classes if self.state.dataset else ()

    @property
    def _key(self) -> PictureKey | None:
        """The picture that should be shown."""
        names = self._names
        if not names:
            return None
        name = self._image_name if self._image_name in names else names[0]
        return PictureKey(self._run, name, self._step_of(name))

    def _step_of(self, name: str) -> int | None:
        preview = self._previews.get(name)
        if preview is None or not preview.steps:
            return None
        return self._step if self._step in preview.steps else preview.steps[-1]

    @property
    def settled(self) -> bool:
        """Whether the wanted picture is shown, or said why not."""
        if not self._answered:
            return False
        loaded = self._picture is not None and self._picture.key == self._key
        shown = loaded or bool(self._fault) or self._key is None
        # The epoch in the title is known once the run is read.
        return shown and self.state.is_read

    # Reading, in threads that only post

    def update(self) -> None:
        """Ask for the previews of the highlighted run where it is another or has new ones."""
        super().update()
        dataset = self.state.dataset
        if dataset is not None and not self._samples:
            self._samples = {sample.image_name: sample for sample in dataset.split("all")}
        run, details = self.state.run, self.state.run_details
        wanted = (run.name if run else "", len(details.epochs) if details else 0)
        if wanted != self._listed:
            if self._listed is None or wanted[0] != self._listed[0]:
                self._previews, self._step, self._answered = {}, None, False
            self._listed = wanted
            if run is not None:
                self.run_worker(partial(self._list, run.name), thread=True, group="previews")
        if run is None:
            self._answered = True
        if self._answered:
            self._begin()
        # A live run writes every second: what is shown is composed anew only for something new.
        seen = (self._listed, self._key, self._answered)
        if seen != self._seen:
            self._seen = seen
            self._want()

    def _list(self, run: str) -> None:
        previews = list_previews(self.state.runs_folder / run)
        self.post_message(self.PreviewsListed(run, previews))

    @on(PreviewsListed)
    def show_previews(self, event: PreviewsListed) -> None:
        """Take in the previews, if they are of the run that is still wanted."""
        if event.run != self.state.highlighted:
            return
        self._answered = True
        self._previews = {preview.image_name: preview for preview in event.previews}
        self.update()
        self._want()

    def _begin(self) -> None:
        """Go to the image and the epoch that were asked for, or say that they are not there."""
        if self.state.first_image is not None and self._image_name not in self._names:
            self.say(f"there is no picture of {one_line(self.state.first_image)}")
            self._image_name = None
        self.state.first_image = None
        details = self.state.run_details
        if self._first_epoch is None or details is None or not len(details.epochs):
            return
        at = int(np.abs(details.epochs - self._first_epoch).argmin())
        step = int(details.validation_steps[at])
        if details.epochs[at] == self._first_epoch and any(
            step in preview.steps for preview in self._previews.values()
        ):
            self._step = step
        else:
            self.say(f"there is no picture of epoch {self._first_epoch:g}")
        self._first_epoch = None

    def _want(self) -> None:
        """Show the wanted picture, from the cache or once it is loaded."""
        key = self._key if self._answered else None
        if key is None:
            self._picture = None
            self.draw()
            return
        self._picture, self._fault = self._cache.get(key), ""
        if self._picture is None:
            self.run_worker(partial(self._load, key), thread=True, exclusive=True, group="picture")
        self.draw()

    def _load(self, key: PictureKey) -> None:
        try:
            self.post_message(self.PictureLoaded(self._read(key)))
        except (OSError, ValueError, KeyError) as error:
            self.post_message(self.PictureFault(key, str(error)))
        except HandsegError as error:
            self.post_message(self.PictureFault(key, error.message))

    def _read(self, key: PictureKey) -> Picture:
        if key.run:
            return load_preview(key, self._previews[key.image_name])
        dataset = self.state.dataset
        if dataset is None:
            raise KeyError(key.image_name)
        return load_sample(key, dataset, self._samples[key.image_name])

    @on(PictureLoaded)
    def show_picture(self, event: PictureLoaded) -> None:
        """A picture has come; another may be wanted by now."""
        self._cache.put(event.picture)
        if event.picture.key == self._key:
            self._picture = event.picture
            self.draw()

    @on(PictureFault)
    def show_fault(self, event: PictureFault) -> None:
        """A picture cannot be shown: said in its place."""
        if event.key == self._key:
            self._fault = event.fault
            self.draw()

    # Drawing

    @property
    def _chosen(self) -> int | None:
        name = self.state.chosen_class
        return self._bones.index(name) if name in self._bones else None

    @on(HalfBlocks.Resized)
    def draw(self) -> None:
        """Show picture, line and classes as they are chosen."""
        picture = self._picture
        view = _possible(self._view, picture)
        self._blocks.show(self._raster(picture, view) if picture else None)
        chosen = self.state.chosen_class if self._chosen is not None else ALL
        self._class_table.show_classes(self._bones, picture, chosen)
        self._lines.show(self._image_text(), self._painted_text(view))

    def _raster(self, picture: Picture, view: View) -> NDArray[np.uint8] | None:
        room = self._blocks.room
        if min(room) < 2:
            return None
        size = fitted(picture.image.shape, room)
        truth, prediction = picture.truth, picture.prediction
        if view == "errors" and truth is not None and prediction is not None:
            return overlay.compose_errors(
                picture.image, truth, prediction, size, chosen=self._chosen
            )
        return overlay.compose(
            picture.image,
            prediction if view == "prediction" else truth,
            colours(self._bones),
            size,
            chosen=self._chosen,
            only=self._only,
        )

    def _image_text(self) -> Text:
        """Which image is shown, of which run and when; or why there is none."""
        key, names, theme = self._key, self._names, theme_of(self)
        if key is None:
            return Text(f" {one_line(self._fault or self._nothing())}", theme.dim)
        parts = [
            Text(f" {one_line(key.image_name)}", "bold"),
            Text(f"  {names.index(key.image_name) + 1}/{len(names)}", theme.dim),
            Text("  " + (one_line(self._run) or "data set"), theme.accent),
        ]
        if key.step is not None:
            parts.append(Text(f"  {self._when(key.image_name, key.step)}", theme.dim))
        return joined(*parts)

    def _when(self, image_name: str, step: int) -> str:
        epoch, steps = self._epoch(step), self._previews[image_name].steps
        when = f"step {step}" if epoch is None else f"epoch {epoch:g}"
        place = steps.index(step) + 1
        return when if place == len(steps) else f"{when}  ({place} of {len(steps)})"

    def _painted_text(self, view: View) -> Text:
        """What is painted over the image, and what its colours mean; or what is wrong."""
        theme, picture = theme_of(self), self._picture
        if self._key is None:
            return Text("")
        if self._fault:
            return Text(f" {one_line(self._fault)}", theme.warn)
        if view == "errors":
            legend = [Text(f"  ■ {word}", hex_of(colour)) for word, colour in LEGEND]
            return joined(Text(" prediction against label", theme.dim), *legend, self._alike())
        labelled = picture is None or picture.truth is not None
        what = view if labelled or view != "label" else "no label"
        chosen = self.state.chosen_class if self._chosen is not None else None
        which = one_line(chosen) if chosen else "all bones"
        only = " only" if chosen and self._only else ""
        return joined(Text(f" {what}", theme.dim), Text(f"  {which}{only}"), self._alike())

    def _alike(self) -> Text:
        # What the terminal cannot show.
        words = self.state.looks_alike
        return Text(f"  {words}" if words else "", theme_of(self).warn)

    def _nothing(self) -> str:
        """Why there is no picture."""
        if not self._answered:
            return "reading ..."
        run = self.state.highlighted
        return f"{run} has no pictures of its validation yet" if run else "no images"

    def _epoch(self, step: int) -> float | None:
        details = self.state.run_details
        if details is None:
            return None
        places = np.flatnonzero(details.validation_steps == step)
        return float(details.epochs[places[0]]) if places.size else None

    # Keys

    @on(DataTable.RowHighlighted)
    @on(DataTable.RowClicked)
    def choose_class(self, event: DataTable.RowEvent) -> None:
        self.state.chosen_class = None if event.key == ALL else event.key
        self.draw()

    def action_image(self, by: int) -> None:
        """The next image, or the one before."""
        names, key = self._names, self._key
        if key is not None:
            self._image_name = names[(names.index(key.image_name) + by) % len(names)]
            self._want()

    def action_validation(self, by: int) -> None:
        """The next validation of which there is a preview, or the one before."""
        key = self._key
        if key is None or key.step is None:
            return
        steps = self._previews[key.image_name].steps
        place = max(0, min(steps.index(key.step) + by, len(steps) - 1))
        # At the end it follows the training again.
        self._step = None if place == len(steps) - 1 else steps[place]
        self._want()

    def action_only(self) -> None:
        self._only = not self._only
        self.draw()

    def action_all(self) -> None:
        self.state.chosen_class, self._only = None, False
        self.draw()

    def action_next_view(self) -> None:
        """Prediction, label, one against the other: what this picture has of them."""
        now = _possible(self._view, self._picture)
        following: list[View] = [*VIEWS[VIEWS.index(now) + 1 :], *VIEWS]
        self._view = next(view for view in following if _possible(view, self._picture) == view)
        self.draw()


def _possible(view: View, picture: Picture | None) -> View:
    """The view, or the nearest to it that the picture has masks for."""
    if picture is None:
        return view
    if picture.prediction is None:
        return "label"
    return view if picture.truth is not None else "prediction"
