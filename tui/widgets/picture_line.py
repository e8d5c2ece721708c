"""The line above a picture: which image, of which run and epoch, what is painted."""

from dataclasses import dataclass
from typing import Literal

from rich.text import Text

from handseg.view import overlay
from tui import palette
from tui.widgets.lines import Lines
from tui.wording import joined, one_line

View = Literal["prediction", "label", "errors"]

LEGEND = (
    ("right", overlay.RIGHT),
    ("missed", overlay.MISSED),
    ("too much", overlay.EXTRA),
    ("wrong bone", overlay.SWAPPED),
)


@dataclass(frozen=True)
class PictureState:
    """What is shown."""

    run: str = ""
    image_name: str = ""
    number: int = 0
    of: int = 0
    step: int | None = None
    epoch: float | None = None
    validations: tuple[int, ...] = ()
    view: View = "prediction"
    labelled: bool = True
    chosen: str | None = None
    only: bool = False
    note: str = ""


class PictureLine(Lines):
    """Says what is shown, in two lines."""

    shown = PictureState()

    def show(self, shown: PictureState) -> None:
        self.shown = shown
        self.refresh()

    def lines(self, width: int, height: int) -> list[Text]:
        return [self._image(), self._painted()]

    def _image(self) -> Text:
        shown = self.shown
        if not shown.image_name:
            return Text(f" {one_line(shown.note)}", palette.DIM)
        parts = [
            Text(f" {one_line(shown.image_name)}", "bold"),
            Text(f"  {shown.number}/{shown.of}", palette.DIM),
            Text("  " + (one_line(shown.run) or "data set"), palette.ACCENT),
        ]
        if shown.step is not None:
            parts.append(Text(f"  {self._when(shown.step)}", palette.DIM))
        return joined(*parts)

    def _when(self, step: int) -> str:
        shown = self.shown
        when = f"step {step}" if shown.epoch is None else f"epoch {shown.epoch:g}"
        place = shown.validations.index(step) + 1 if step in shown.validations else 0
        newest = place == len(shown.validations)
        return when if newest else f"{when}  ({place} of {len(shown.validations)})"

    def _painted(self) -> Text:
        shown = self.shown
        if shown.note:
            return Text(f" {one_line(shown.note)}", palette.WARN) if shown.image_name else Text("")
        if not shown.image_name:
            return Text("")
        if shown.view == "errors":
            return joined(Text(" prediction against label", palette.DIM), *_legend())
        what = shown.view if shown.labelled or shown.view != "label" else "no label"
        which = one_line(shown.chosen) if shown.chosen else "all bones"
        only = " only" if shown.chosen and shown.only else ""
        return joined(Text(f" {what}", palette.DIM), Text(f"  {which}{only}"))


def _legend() -> list[Text]:
    return [
        Text(f"  ■ {word}", f"#{red:02x}{green:02x}{blue:02x}")
        for word, (red, green, blue) in LEGEND
    ]
