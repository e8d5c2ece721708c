"""What another time, machine or folder would change in a text, and words in its place."""

import re
from pathlib import Path

REPOSITORY = Path(__file__).parents[2]
MASKS = [
    # Before numbers: this one is drawn by chance.
    (r"terminal-\d+", "terminal-<frame>"),
    (r'"versions": \{[^}]*\}', '"versions": <versions>'),
    (r"\b20\d\d-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(\+00:00|Z)?", "<time>"),
    (r"\b20\d\d-\d\d-\d\d \d\d:\d\d\b", "YYYY-MM-DD HH:MM"),
    (r"\b\d\d:\d\d:\d\d\b", "HH:MM:SS"),
    (r"\b1[789]\d{8}(\.\d+)?\b", "<seconds>"),
    (r'("age": |,)72\d\d\.\d+', r"\g<1><age>"),
    (r"[\d.]+ [kMGT]B that are free", "<size> that are free"),
    (r"[\d.]+ s a step on the CPU, about .* for", "<time> a step on the CPU, about <time> for"),
    (r"handseg \d+\.\d+\.\d+", "handseg <version>"),
    (r"^this run began with .*\n", ""),
    (r"/tmp/handseg[\w-]*", "<temporary>"),
    # Another processor adds in another order: ten decimals are the same everywhere.
    (r"(\d\.\d{10})\d+", r"\1"),
    # Tables are padded to their width.
    (r"[ \t]+$", ""),
]
ROUGH = [
    # Another processor has other last bits, and whatever follows from them.
    (r"^((Radius|Ulna|[A-Z][a-z]+|finger-\d+) +\d\.\d+ *)+$\n", ""),
    (r"worst: .*", "worst: <bones>"),
    (r"\b\d*\.\d+(e-\d+)?\b", "#.#"),
    (r" of the weights.*", " <weights>"),
    (r"(step|validation|everything|memory) {6,}.*", r"\1 <measured>"),
    (r'"(checkpoint|sha256)": "\w+"', r'"\1": "<sha256>"'),
    (r"\(EMA\)  ", ""),
    (r"(\.png,[\w-]+,)[\d ]*$", r"\1<runs>"),
]


def masked(text: str, folder: Path, rough: bool = False) -> str:
    """A text without what another time, machine or folder would change."""
    for path, word in ((folder.resolve(), "<here>"), (folder, "<here>"), (REPOSITORY, "<handseg>")):
        text = text.replace(str(path), word)
    text = text.replace("\r", "␍")
    for pattern, word in [*MASKS, *(ROUGH if rough else [])]:
        text = re.sub(pattern, word, text, flags=re.MULTILINE)
    return text
