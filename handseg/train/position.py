"""Where a training stands: what a checkpoint keeps beside weights and optimiser."""

import math
from dataclasses import asdict, dataclass
from typing import Any


@dataclass
class Position:
    """Steps, epochs and batches done, and what the validations so far have shown."""

    step: int = 0
    epoch: int = 0
    batch: int = 0
    """Batches of the present epoch that are done."""
    best: float = -math.inf
    """The best mean Dice."""
    reference: float = -math.inf
    """The mean Dice that a gain is counted from."""
    waited: int = 0
    """Validations since one that gained more than the delta."""
    plateau: float = 1.0
    """The factor of the rate that a plateau has brought."""
    skipped: int = 0
    """Steps that were not taken because their loss was not finite."""
    row: int = 0
    """How many of the last steps were of that kind."""
    rollbacks: int = 0
    """How often the training has gone back to a checkpoint for it."""
    shrink: float = 1.0
    """The factor of the rate that this has brought."""

    def take(self, mean: float, delta: float) -> bool:
        """Take in a validation; whether it is the best so far."""
        # From the last gain, not from the best: small steady gains add up to one.
        if mean > self.reference + delta:
            self.reference, self.waited = mean, 0
        else:
            self.waited += 1
        is_best = mean > self.best
        self.best = max(self.best, mean) if math.isfinite(mean) else self.best
        return is_best

    def end_epoch(self) -> None:
        self.epoch, self.batch = self.epoch + 1, 0

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)
