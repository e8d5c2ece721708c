"""What the workers tell the app: each names its run, errors too."""

from textual.message import Message

from handseg.data.dataset import Dataset
from handseg.runs.artifacts import Preview
from handseg.runs.history import RunDetails
from handseg.runs.summary import RunSummary
from tui.order import RunOrder
from tui.pictures import Picture, PictureKey


class RunsListed(Message):
    """All runs as they are now, the newest start first."""

    def __init__(self, runs: list[RunSummary]) -> None:
        super().__init__()
        self.runs = runs


class RunRead(Message):
    """One run read whole."""

    def __init__(self, run: str, details: RunDetails) -> None:
        super().__init__()
        self.run = run
        self.details = details


class RunFault(Message):
    """One run that cannot be read, and why."""

    def __init__(self, run: str, fault: str) -> None:
        super().__init__()
        self.run = run
        self.fault = fault


class PreviewsListed(Message):
    """The pictures of a run."""

    def __init__(self, run: str, previews: list[Preview]) -> None:
        super().__init__()
        self.run = run
        self.previews = previews


class PictureLoaded(Message):
    """A picture with its masks."""

    def __init__(self, picture: Picture) -> None:
        super().__init__()
        self.picture = picture


class PictureFault(Message):
    """A picture that cannot be shown, and why."""

    def __init__(self, key: PictureKey, fault: str) -> None:
        super().__init__()
        self.key = key
        self.fault = fault


class RunHighlighted(Message):
    """The person moved to a run."""

    def __init__(self, run: str) -> None:
        super().__init__()
        self.run = run


class RunSelected(Message):
    """The person wants to see the curves of a run with those of others, or no longer."""

    def __init__(self, run: str) -> None:
        super().__init__()
        self.run = run


class RunPinned(Message):
    """The person holds the other runs against this one, or no longer."""

    def __init__(self, run: str) -> None:
        super().__init__()
        self.run = run


class RunsInSight(Message):
    """The rows of the table that are on the screen."""

    def __init__(self, runs: tuple[str, ...]) -> None:
        super().__init__()
        self.runs = runs


class RunsFiltered(Message):
    """The person wants to see those runs only that hold the words of a filter."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.text = text


class RunsOrdered(Message):
    """The person wants the runs in another order."""

    def __init__(self, order: RunOrder) -> None:
        super().__init__()
        self.order = order


class ClassChosen(Message):
    """The person chose a class, which is chosen everywhere then; None: all classes."""

    def __init__(self, label: str | None) -> None:
        super().__init__()
        self.label = label


class Said(Message):
    """A line for the person, shown at the foot of the screen for a while."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.text = text


class RunOpened(Message):
    """The person wants to look at the pictures of a run."""

    def __init__(self, run: str) -> None:
        super().__init__()
        self.run = run


class DataOpened(Message):
    """The data set, or none where there is none."""

    def __init__(self, dataset: Dataset | None) -> None:
        super().__init__()
        self.dataset = dataset
