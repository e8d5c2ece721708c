"""Widgets that draw a few lines of text made to their size."""

from rich.text import Text
from textual.widget import Widget


class Lines(Widget):
    """Draws what `lines` gives for the present size."""

    def lines(self, width: int, height: int) -> list[Text]:
        """The lines to draw, from the top; those that do not fit are cut off."""
        raise NotImplementedError

    def render(self) -> Text:
        """The lines as one text, never wrapped."""
        width, height = self.size
        found = self.lines(width, height) if width > 0 and height > 0 else []
        text = Text("\n", no_wrap=True, overflow="crop", end="").join(found[:height])
        text.no_wrap, text.overflow = True, "crop"
        return text
