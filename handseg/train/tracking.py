"""Trackers of experiments, beside the run folder."""

from collections.abc import Mapping


class Trackers:
    """Those that a recipe asks for; none by default."""

    def steps(self, step: int, values: Mapping[str, float]) -> None:
        """The newest values of the steps."""

    def validation(
        self, step: int, epoch: float, mean: float, dice: Mapping[str, float], **more: float
    ) -> None:
        """A validation with the Dice of each class."""

    def end(self, state: str) -> None:
        """The run has ended."""
