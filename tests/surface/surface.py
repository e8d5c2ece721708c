"""One invocation of handseg in a working folder of its own, and what came of it as plain text."""

import hashlib
import json
import os
import re
import shlex
import sys
import tempfile
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple
from unittest import mock

from masks import masked

# Before torch: other numbers of threads give other last bits.
os.environ.setdefault("OMP_NUM_THREADS", "1")

HERE = Path(__file__).parent
EXPECTED = HERE / "expected"
OTHERS = re.compile(r"HANDSEG_|TTY_|.*COLOR")
"""Variables of the person who runs the tests that shape what is said."""
MANNER = {"COLUMNS": "140", "LINES": "40", "NO_COLOR": "1", "TERM": "dumb", "TZ": "UTC"}
SHOWN_LINES = 60
"""Lines of a written file that are shown; of a longer one only its digest."""
PRINTED_LINES, WIDEST = 300, 400
"""What is printed beyond that is told by its digest alone."""
SHOWN_FILES = 6
"""Files of one folder and kind that are listed one by one."""
TEXT = (".csv", ".json", ".toml", ".txt", ".html", ".svg", ".jsonl")
PASSING = re.compile(r"(^|/)(hashes\.json|run\.lock|\..*\.lock)$")
"""Files that tell of times and paths alone."""


class Step(NamedTuple):
    """One command line: variables, words, and the file that stdin comes from."""

    variables: Mapping[str, str]
    words: list[str]
    stdin: str | None


class Told(NamedTuple):
    """What a command left on its streams."""

    code: int
    stdout: str
    stderr: str


def parsed(line: str) -> Step:
    """A command line as one types it: `NAME=VALUE` before it, `< FILE` behind it."""
    words = shlex.split(line)
    stdin = words.pop() if "<" in words else None
    words = [word for word in words if word != "<"]
    variables = {}
    while re.match(r"[A-Z_]+=", words[0]):
        name, _, variables[name] = words.pop(0).partition("=")
    return Step(variables, words, stdin)


@contextmanager
def own_streams(stdin: bytes) -> Iterator[tuple[Path, Path]]:
    """Give the files that stdout and stderr go to, those of subprocesses too."""
    with tempfile.TemporaryDirectory() as place:
        paths = [Path(place, name) for name in ("stdin", "stdout", "stderr")]
        paths[0].write_bytes(stdin)
        sys.stdout.flush()
        sys.stderr.flush()
        kept = [os.dup(number) for number in range(3)]
        streams = [
            path.open(mode, encoding="utf-8", newline="")
            for path, mode in zip(paths, "rww", strict=True)
        ]
        try:
            for number, stream in enumerate(streams):
                os.dup2(stream.fileno(), number)
            patched = {path.name: stream for path, stream in zip(paths, streams, strict=True)}
            with mock.patch.multiple(sys, **patched), warnings.catch_warnings():
                # Python says a warning once a process: which case that is depends on the order.
                warnings.simplefilter("ignore")
                yield paths[1], paths[2]
        finally:
            for stream in streams:
                stream.close()
            for number, handle in enumerate(kept):
                os.dup2(handle, number)
                os.close(handle)


def run(step: Step, folder: Path) -> Told:
    """Run a command line in this process as the console script would, in a working folder."""
    from handseg.cli.main import main

    quiet = [] if {"--help", "-h", "--version"} & {*step.words} else ["--no-progress"]
    stdin = (folder / step.stdin).read_bytes() if step.stdin else b""
    surroundings = {key: text for key, text in os.environ.items() if not OTHERS.match(key)}
    before = Path.cwd()
    os.chdir(folder)
    try:
        with (
            own_streams(stdin) as (out, err),
            mock.patch.dict(os.environ, {**surroundings, **MANNER, **step.variables}, clear=True),
            mock.patch.object(sys, "argv", ["handseg", *step.words, *quiet]),
            # Else the parser would call the program `python -m pytest`.
            mock.patch.object(sys.modules["__main__"], "__package__", None, create=True),
        ):
            code = 0
            try:
                main()
            except SystemExit as end:
                code = end.code if isinstance(end.code, int) else int(end.code is not None)
            sys.stdout.flush()
            sys.stderr.flush()
            return Told(code, *(path.read_bytes().decode() for path in (out, err)))
    finally:
        os.chdir(before)


def snapshot(folder: Path) -> dict[str, str]:
    """The digest of every file, by its path."""
    files = [path for path in folder.rglob("*") if path.is_file()]
    return {path.relative_to(folder).as_posix(): digest(path.read_bytes()) for path in files}


def digest(content: bytes | str) -> str:
    raw = content if isinstance(content, bytes) else content.encode()
    return hashlib.sha256(raw).hexdigest()[:16]


def pixels(path: Path, rough: bool) -> str:
    """What a picture shows: other releases of a library pack the same pixels otherwise."""
    import numpy as np
    from PIL import Image

    with Image.open(path) as image:
        values = np.asarray(image)
    shape = f"{'×'.join(map(str, values.shape))} {values.dtype}"
    return shape if rough else f"{shape} {digest(values.tobytes())}"


def keys_of(text: str) -> str:
    """Of a log each kind of line once, with its fields: what they hold depends on the machine.

    How many steps a line of a second tells of (`n`, `every`) does so too, and whether it has any.
    """
    lines = [json.loads(line) for line in text.splitlines()]
    fields = [(str(one.get("kind", "")), sorted(one.keys() - {"n", "every"})) for one in lines]
    kinds = dict.fromkeys((kind, " ".join(names)) for kind, names in fields if names)
    return "".join(f"{kind}: {keys}\n" for kind, keys in kinds)


def describe(name: str, path: Path, folder: Path, rough: bool) -> str:
    """A line on a written file, and under it what a person can read of it."""
    if path.suffix == ".png":
        return f"{name}  {pixels(path, rough)}\n"
    if path.suffix not in TEXT:
        return f"{name}\n" if rough else f"{name}  {digest(path.read_bytes())}\n"
    text = path.read_bytes().decode()
    if path.suffix == ".jsonl":
        return f"{name}\n" + indented(keys_of(text))
    if name.endswith(("run.json", "manifest.json")) and rough:
        return f"{name}\n" + indented(" ".join(json.loads(text)) + "\n")
    text = masked(text, folder, rough)
    lines = text.count("\n") + (not text.endswith("\n"))
    head = f"{name}  {lines} lines  {digest(text)}\n"
    shown = headings(text) if path.suffix == ".html" else readable(text)
    return head + (indented(shown) if shown.count("\n") <= SHOWN_LINES else "")


def headings(html: str) -> str:
    found = re.findall(r"<(title|h\d|th|figcaption|dt)\b[^>]*>(.*?)</\1>", html, re.DOTALL)
    return "".join(f"{tag} {re.sub('<[^>]*>', '', text).strip()}\n" for tag, text in found)


def readable(text: str) -> str:
    """A text with lists of JSON on one line each, and no line too wide to read."""
    flat = re.sub(r"\[[^][{}]*\]", lambda found: " ".join(found[0].split()), text)
    lines = flat.splitlines()
    return "".join(f"{x if len(x) <= WIDEST else x[:WIDEST] + '…'}\n" for x in lines)


def printed(text: str) -> str:
    """What a stream holds; of much the first lines, and a digest of all."""
    whole = text.rstrip("\n") + "\n"
    lines = whole.splitlines(keepends=True)
    if len(lines) <= PRINTED_LINES and max(map(len, lines)) <= WIDEST:
        return whole
    shown = readable(whole).splitlines(keepends=True)[:PRINTED_LINES]
    return f"({len(lines)} lines, {digest(whole)})\n" + "".join(shown)


def indented(text: str) -> str:
    return "".join(f"    {line}\n" for line in text.splitlines())


def files_written(before: Mapping[str, str], folder: Path, rough: bool) -> str:
    """What is new (+), changed (~) or gone (-); many files of a kind are one line."""
    after = snapshot(folder)
    changed = {name for name in before.keys() | after.keys() if before.get(name) != after.get(name)}
    groups: dict[tuple[str, str], list[str]] = {}
    for name in sorted(changed):
        if not PASSING.search(name):
            top = "/".join(name.split("/")[:3])
            groups.setdefault((top if top != name else "", Path(name).suffix), []).append(name)
    lines = []
    for (top, suffix), names in groups.items():
        signs = ["-" if n not in after else "~" if n in before else "+" for n in names]
        if len(names) > SHOWN_FILES and top:
            what = [describe(n, folder / n, folder, rough) for n in names if n in after]
            lines.append(
                f"{signs[0]} {top}/…{suffix}: {len(names)} files  {digest(''.join(what))}\n"
            )
            continue
        for sign, name in zip(signs, names, strict=True):
            there = name in after
            lines.append(
                f"{sign} "
                + (describe(name, folder / name, folder, rough) if there else f"{name}\n")
            )
    return "".join(lines)


def transcript(line: str, folder: Path, rough: bool = False) -> str:
    """What the command lines of a case say and leave, as text to compare and to read."""
    before, parts = snapshot(folder), []
    for step in line.split(" && "):
        told = run(parsed(step), folder)
        typed = re.sub(r"^((?:[A-Z_]+=\S+ )*)", r"$ \1handseg ", step)
        parts.append(f"{typed}\nexit {told.code}\n")
        for title, text in (("stdout", told.stdout), ("stderr", told.stderr)):
            if text:
                parts.append(f"-- {title}\n" + printed(masked(text, folder, rough)))
    if written := files_written(before, folder, rough):
        parts.append(f"-- files\n{written}")
    return "".join(parts)
