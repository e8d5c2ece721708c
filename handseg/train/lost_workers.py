"""What is said of a loader's processes that died or hung, and when it is enough."""

import signal
from collections import Counter
from collections.abc import Callable, Sequence

from handseg.errors import FailedError
from handseg.train import workers
from handseg.train.workers import Loss

MOST = 3
"""Times in an epoch that processes may be replaced."""
SHARED_MEMORY_HINTS = ("docker run --shm-size=8g …", "--set data.workers=0")
CAUSES = {
    signal.SIGKILL: "the system kills where memory runs out",
    signal.SIGBUS: "shared memory (/dev/shm) is full, or a prepared file was cut short",
    signal.SIGSEGV: "a library crashed",
}


class LostWorkers:
    """The losses of one epoch."""

    def __init__(self, image_name: Callable[[int], str]) -> None:
        self.image_name = image_name
        self.count = 0
        self.of_image: Counter[int] = Counter()

    def take(self, lost: Sequence[Loss]) -> str:
        """Note losses found at once; what to tell.

        Raises:
            FailedError: they are too many, or an image was worked on before too.
        """
        self.count += 1
        self.of_image.update({loss.sample for loss in lost if loss.sample is not None})
        said = "; ".join(self.told(loss) for loss in lost)
        twice = [self.image_name(one) for one, times in self.of_image.items() if times > 1]
        if twice:
            raise FailedError(
                f"{', '.join(twice)} ended a process of the loader twice",
                details=said,
                hints=hints(lost),
            )
        if self.count > MOST:
            what = f"processes of the loader were lost {self.count} times in an epoch"
            raise FailedError(what, details=said, hints=hints(lost))
        return f"{said}; started anew, nothing is lost"

    def told(self, loss: Loss) -> str:
        """One loss in words."""
        sample = loss.sample
        place = "between two images" if sample is None else f"at {self.image_name(sample)}"
        if loss.hung:
            return f"a process of the loader hung for {workers.STALL:g} s {place}"
        return f"a process of the loader {ending(loss.exit_code)} {place}"


def ending(code: int) -> str:
    """How a process ended, from its exit code; a signal's number is negative."""
    if code >= 0:
        return f"ended with {code}"
    number = signal.Signals(-code)
    cause = f" ({CAUSES[number]})" if number in CAUSES else ""
    return f"died of {number.name}{cause}"


def hints(lost: Sequence[Loss]) -> tuple[str, ...]:
    """What a person may try."""
    if any(loss.exit_code == -signal.SIGBUS for loss in lost):
        return SHARED_MEMORY_HINTS
    return ("--set data.workers=0",)
