"""How long conversions of a submission take, PNG planes against Pillow's own encoder.

    python benchmarks/convert.py [--keep DIR]

Makes a CSV of 288 images of 2048² with 29 classes (`submissions.py`, 22 MB), converts it with whole
`handseg convert` processes to every format and back to CSV, says whether the same bytes came back,
and prints wall and CPU seconds. The plain way writes the same planes as Pillow does, one thread, on
some of the masks; the ratio is of CPU seconds a mask. Ends with 1 where the planes take longer than
15 seconds or a conversion changes a byte.
"""

import argparse
import contextlib
import sys
import tempfile
import time
from pathlib import Path

from measure import spend

HERE = Path(__file__).parent
HANDSEG = [sys.executable, "-c", "from handseg.cli.main import main; main()"]
SIDE, MASKS, PLAIN_MASKS = 2048, 288 * 29, 290
MOST_SECONDS = 15.0
OUTS = {"csv": "o.csv", "coco": "o.json", "png": "planes", "labelme": "labelme", "handbone": "hb"}


def main() -> int:
    """Print the figures; 1 where an aim is missed."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--keep", type=Path, help="a folder for the CSV, kept for the next time")
    keep = parser.parse_args().keep
    with tempfile.TemporaryDirectory() as scratch:
        csv = made(keep or Path(scratch))
        plain = plain_way(csv, Path(scratch) / "plain")
        kept = [measured(csv, to, Path(scratch), plain) for to in OUTS]
    return 0 if all(kept) else 1


def made(folder: Path) -> Path:
    """The CSV."""
    spend([sys.executable, HERE / "submissions.py", folder, "smooth"])
    return min(folder.glob("smooth*.csv"))


def measured(csv: Path, to: str, scratch: Path, plain: float) -> bool:
    """Convert to a format and back; whether the aims are kept."""
    out, back = scratch / OUTS[to], scratch / f"back-{to}.csv"
    words = ["-q", "--no-progress", "--image-size", f"{SIDE}x{SIDE}"]
    with contextlib.chdir(scratch):
        there = spend([*HANDSEG, "convert", csv, "--to", to, "--out", out, *words])
        again = spend([*HANDSEG, "convert", out, "--to", "csv", "--out", back, *words])
    same = back.read_bytes() == csv.read_bytes()
    print(
        f"{to:9}there {there.wall:5.1f} s ({there.cpu:5.1f} s CPU, {there.megabytes:.0f} MB)  "
        f"back {again.wall:5.1f} s ({again.cpu:5.1f} s CPU)  {'same bytes' if same else 'CHANGED'}"
    )
    if to != "png":
        return same
    ratio = plain / (there.cpu / MASKS)
    print(f"         {there.cpu / MASKS * 1e3:.2f} ms CPU a plane; Pillow {plain * 1e3:.2f} ms: "
          f"{ratio:.1f} × (aim: at most {MOST_SECONDS:g} s in all)")  # fmt: skip
    return same and there.wall <= MOST_SECONDS


def plain_way(csv: Path, folder: Path) -> float:
    """CPU seconds a mask with Pillow's 1-bit encoder, once its libraries are loaded."""
    from PIL import Image

    from handseg import rle
    from handseg.rle.submission import read_submission

    submission = read_submission(csv)
    folder.mkdir()
    begun = time.process_time()
    for number, (image, cls) in enumerate(submission.keys()[:PLAIN_MASKS]):
        mask = rle.to_mask(submission.runs(image, cls), (SIDE, SIDE))
        Image.fromarray(mask.view(bool)).save(folder / f"{number}.png")
    return (time.process_time() - begun) / PLAIN_MASKS


if __name__ == "__main__":
    sys.exit(main())
