"""What `handseg check` finds on phantoms into which faults were put, and what it costs.

    python benchmarks/check.py                 # found and false alarms, some minutes
    python benchmarks/check.py --speed 60      # seconds and memory on so many hands of 2048²

Each kind of fault is put into 1 % and 5 % of the images (one at least) of sets of 20 and of 400
images, and the whole data set is checked as `handseg check` does it. Labels are those of phantoms;
images are small files of their own, since no kind that is counted here is seen in a radiograph.
The check was written on the seeds 101 to 106, 110, 7000 and 20000 to 20029; here others are drawn.
"""

import argparse
import shutil
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from check_faults import OUTLIERS, STRUCTURE, Fault, Hand, write_set
from measure import spend

from handseg.anatomy import BONES
from handseg.check.dataset import check_dataset
from handseg.check.findings import Finding
from handseg.data.dataset import open_dataset
from handseg.phantom.writing import write_phantoms

SEEDS = (90_001, 90_002, 90_003)
SMALL_SEEDS = range(92_000, 92_030)
"""Of further sets of 20, which are cheap."""
CLEAN_SEEDS = (97_001, 97_002, 97_003, 97_004, 97_005)
SMALL_CLEAN_SEEDS = range(96_000, 96_050)


def is_found(hand: Hand, wanted: tuple[str, ...], findings: Sequence[Finding]) -> bool:
    """Whether a finding names the hand's image (or the set), the reason and the bone."""
    words = {*BONES}
    reasons = [word for word in wanted if word not in words]
    bones = [word for word in wanted if word in words]
    stem = hand.image.stem
    return any(
        one.reason in reasons
        and (stem in one.image or stem in one.detail or "only some" in one.reason
             or hand.image.parent.name in one.detail)
        and all(bone in (one.cls, *one.detail.replace(",", "").split()) for bone in bones)
        for one in findings
    )  # fmt: skip


def measure(
    images: int, share: float, kinds: dict[str, Fault], seeds: Sequence[int]
) -> dict[str, tuple[int, int, int]]:
    """Of each kind how many were found of how many, and clean images with a false alarm."""
    counts: dict[str, tuple[int, int, int]] = dict.fromkeys(kinds, (0, 0, 0))
    for seed in seeds:
        with tempfile.TemporaryDirectory() as place:
            master = Path(place) / "master"
            write_set(master, images, seed)
            for number, (kind, fault) in enumerate(kinds.items()):
                work = Path(place) / "work"
                shutil.copytree(master, work)
                hands = hands_of(work)
                rng = np.random.default_rng([seed, number, images, round(100 * share)])
                chosen = rng.permutation(len(hands))[: max(1, round(share * images))].tolist()
                untouched = [hand for at, hand in enumerate(hands) if at not in chosen]
                wanted = [fault(hands[at], untouched, rng) for at in chosen]
                findings = check_dataset(open_dataset(work)).findings
                found = [
                    is_found(hands[at], words, findings)
                    for at, words in zip(chosen, wanted, strict=True)
                ]
                alarms = false_alarms([hands[at] for at in chosen], findings)
                before = counts[kind]
                counts[kind] = (
                    before[0] + sum(found), before[1] + len(found), before[2] + alarms
                )  # fmt: skip
                shutil.rmtree(work)
    return counts


def hands_of(folder: Path) -> list[Hand]:
    images = sorted(folder.glob("*/DCM/*/*.png"))
    return [
        Hand(image, Path(str(image).replace("/DCM/", "/outputs_json/")).with_suffix(".json"))
        for image in images
    ]


def false_alarms(faulty: Sequence[Hand], findings: Sequence[Finding]) -> int:
    """Images with an error or a warning that were not touched."""
    stems = {hand.image.stem for hand in faulty}
    people = {hand.image.parent.name for hand in faulty}
    return len(
        {
            one.image
            for one in findings
            if one.severity != "note"
            and one.image
            and Path(one.image).stem.removeprefix("again-") not in stems
            and not any(stem in one.detail for stem in stems)
            and not any(person in one.detail for person in people)
        }
    )


def report_found(kinds: dict[str, Fault], seeds: Sequence[int], most: int) -> None:
    for images in (20, 400):
        drawn = [*seeds, *SMALL_SEEDS[:most]] if images == 20 else seeds
        for share in (0.01, 0.05):
            counts = measure(images, share, kinds, drawn)
            print(f"\n{images} images, {share:.0%} at fault, {len(drawn)} sets")
            for kind, (found, put, alarms) in counts.items():
                print(f"  {kind:<32} {found:>4} of {put:<4} false alarms {alarms}", flush=True)


def report_clean() -> None:
    for images, seeds in ((20, SMALL_CLEAN_SEEDS), (400, CLEAN_SEEDS)):
        alarms, hands = 0, 0
        for seed in seeds:
            with tempfile.TemporaryDirectory() as place:
                write_set(Path(place) / "data", images, seed)
                findings = check_dataset(open_dataset(Path(place) / "data")).findings
                named = {one.image for one in findings if one.severity != "note"}
                alarms, hands = alarms + len(named), hands + images
        print(f"clean, sets of {images}: {alarms} of {hands} hands with a false alarm", flush=True)


def report_speed(hands: int) -> None:
    with tempfile.TemporaryDirectory() as place:
        data = Path(place) / "data"
        write_phantoms(data, people=hands // 2, size=2048, seed=95_001)
        bytes_read = sum(path.stat().st_size for path in data.rglob("*") if path.is_file())
        for words in ([], ["--deep"]):
            begun = time.perf_counter()
            command = [shutil.which("handseg") or "handseg", "check", str(data), *words]
            spent = spend([*command, "--no-progress"])
            wall = time.perf_counter() - begun
            print(
                f"check {' '.join(words) or '(default)'}: {hands} hands of 2048² "
                f"({bytes_read / 1e6:.0f} MB) in {wall:.1f} s, {spent.cpu:.1f} s of CPU, "
                f"{spent.megabytes:.0f} MB at most; 800 hands: {wall * 800 / hands:.0f} s"
            )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--speed", type=int, metavar="HANDS", help="measure seconds instead")
    parser.add_argument("--quick", action="store_true", help="one set of each instead of several")
    words = parser.parse_args()
    if words.speed:
        report_speed(words.speed)
        return
    seeds = SEEDS[:1] if words.quick else SEEDS
    report_clean()
    report_found(OUTLIERS, seeds, 0 if words.quick else 30)
    report_found(STRUCTURE, SEEDS[:1], 0 if words.quick else 2)


if __name__ == "__main__":
    main()
