"""What an image of 12,000² costs: to be read for a network, and its 29 masks to be drawn.

    python benchmarks/large_images.py [CHECKOUT]… [--side N]

Each line is a process of its own; with checkouts (`git worktree add /tmp/before HEAD~1`), also what
their code takes. Needs 1 GB of disk.
"""

import argparse
import sys
import tempfile
from pathlib import Path

from measure import spend, warm

HERE = Path(__file__).parent.parent
MAKE = """
import sys
import numpy as np
from PIL import Image
folder, side = sys.argv[1], int(sys.argv[2])
Image.MAX_IMAGE_PIXELS = None
rng = np.random.default_rng(0)
grey = np.kron(rng.integers(0, 200, (100, 100), np.uint8), np.ones((side // 100,) * 2, np.uint8))
grey += rng.integers(0, 8, grey.shape, np.uint8)
image = Image.fromarray(grey)
image.save(f"{folder}/grey.png", compress_level=1)
image.save(f"{folder}/grey.tif", compression="tiff_lzw")
image.save(f"{folder}/grey.jpg")
image.convert("RGB").save(f"{folder}/colour.png", compress_level=1)
image.convert("RGB").save(f"{folder}/colour.jpg")
Image.fromarray(grey.astype(np.uint16) * 16).save(f"{folder}/deep.png", compress_level=1)
"""
READ = """
import sys
from pathlib import Path
from types import SimpleNamespace
from handseg.inference.whole import read_batch
read_batch([SimpleNamespace(image=Path(sys.argv[1]))], 512)
"""
NOTHING = "from handseg.inference.whole import read_batch"
DRAW = """
import sys
import torch
from handseg import rle
from handseg.data.planes import Letterbox
from handseg.inference.whole import host_masks
side = int(sys.argv[1])
y, x = torch.meshgrid(torch.arange(512.0), torch.arange(512.0), indexing="ij")
torch.manual_seed(0)
centres, radii = torch.rand(29, 2) * 400 + 56, torch.rand(29) * 20 + 8
logits = torch.stack([
    radius - torch.hypot(y - centre[0], x - centre[1])
    for centre, radius in zip(centres, radii, strict=True)
])
for mask in host_masks(logits, Letterbox((side, side), 512)):
    rle.from_mask(mask)
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("checkouts", nargs="*", type=Path)
    parser.add_argument("--side", type=int, default=12_000)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        spend([sys.executable, "-c", MAKE, folder, str(asked.side)])
        images = sorted(folder.iterdir())
        warm(images)
        for checkout in (*asked.checkouts, HERE):
            print(f"{checkout}, {asked.side} × {asked.side}")
            cases = [("nothing, but imports", NOTHING, "")]
            cases += [(f"read {image.name} for 512 px", READ, str(image)) for image in images]
            for name, code, word in (*cases, ("29 masks of 512 px", DRAW, str(asked.side))):
                python = ["env", f"PYTHONPATH={checkout}", sys.executable, "-P", "-c"]
                spent = spend([*python, code, word])
                print(f"  {name:30} {spent.cpu:5.1f} s CPU  {spent.megabytes / 1000:5.2f} GB")


if __name__ == "__main__":
    main()
