"""A network's answer to some images as the competition's CSV with its sidecar."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from torch import nn

from handseg import rle
from handseg.data.dataset import Sample
from handseg.post.masks import host_masks
from handseg.predict.whole import Inference, infer_samples
from handseg.reporter import Progress, silent
from handseg.rle.writing import write_submission


def write_predictions(
    path: Path,
    model: nn.Module,
    samples: Sequence[Sample],
    classes: Sequence[str],
    size: int,
    inference: Inference,
    sidecar: Mapping[str, Any],
    progress: Progress = silent,
) -> Path:
    """Predict `samples` and write `path` and its sidecar, whole or not at all.

    Images stand in the order of `samples`, classes in that of `classes`.

    Raises:
        InputError: an image is unreadable.
    """
    sizes: dict[str, list[int]] = {}

    def rows() -> Iterator[tuple[str, str, rle.Runs]]:
        for sample, fit, logits in infer_samples(model, samples, size, inference, progress):
            sizes[sample.image_name] = list(fit.source)
            for name, mask in zip(classes, host_masks(logits, fit), strict=True):
                yield sample.image_name, name, rle.from_mask(mask)

    path.parent.mkdir(parents=True, exist_ok=True)
    # `sizes` fills while the rows are written, and the sidecar is written after them.
    return write_submission(path, rows(), {**sidecar, "classes": list(classes), "images": sizes})
