"""Records what handseg says and writes today, or compares it with what was recorded.

python tests/surface/record.py [NAME…]             records anew
python tests/surface/record.py --compare [NAME…]   prints unified diffs; exit 1 where there are any
"""

import difflib
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

from cases import CASES, Case
from places import prepare
from surface import EXPECTED, transcript


def observed(case: Case) -> str:
    """What the case says and writes now, in a new working folder."""
    with tempfile.TemporaryDirectory(prefix="surface-") as place:
        rough = prepare(case.place, Path(place))
        return f"# in a folder with: {case.place}\n" + transcript(case.line, Path(place), rough)


def expected(case: Case) -> str:
    path = EXPECTED / f"{case.name}.txt"
    return path.read_text(encoding="utf-8") if path.exists() else ""


def difference(case: Case) -> str:
    """A unified diff from what was recorded to what is; empty where they are the same."""
    lines = [text.splitlines() for text in (expected(case), observed(case))]
    names = (f"{case.name}: recorded", f"{case.name}: now")
    return "\n".join(difflib.unified_diff(*lines, *names, lineterm="", n=2))


def main(words: list[str]) -> int:
    comparing = "--compare" in words
    names = [word for word in words if word != "--compare"]
    differs = 0
    for case in [CASES[name] for name in names or CASES]:
        if comparing:
            found = difference(case)
            differs += bool(found)
            print(found or f"{case.name}: the same")  # noqa: T201
        else:
            EXPECTED.mkdir(exist_ok=True)
            text = observed(case)
            (EXPECTED / f"{case.name}.txt").write_text(text, encoding="utf-8")
    if comparing:
        print(f"{differs} of {len(names or CASES)} cases differ")  # noqa: T201
    return int(differs > 0)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
