"""`ARCHITECTURE.md` is true: its tables are the code's, and what it names is there."""

import re
import runpy
from importlib import import_module
from pathlib import Path

import pytest

GENERATOR = runpy.run_path(str(Path(__file__).with_name("generate.py")))
ROOT, DOCUMENT = GENERATOR["ROOT"], GENERATOR["DOCUMENT"]
TEXT = DOCUMENT.read_text(encoding="utf-8")
PATHS = sorted(set(re.findall(r"`((?:handseg|tui|tests|benchmarks|recipes)/[a-z\d_./-]*)`", TEXT)))
"""Not `handseg/cli/NAME.py`, which stands for any."""
NAMES = sorted(set(re.findall(r"`((?:handseg|tui)\.[\w.]+)(?:\(\))?`", TEXT)))


def test_its_tables_are_those_of_the_code():
    assert GENERATOR["generated"](TEXT) == TEXT, "run: python tests/architecture/generate.py"


def test_every_table_stands_in_it_once():
    assert sorted(match[2] for match in GENERATOR["BLOCK"].finditer(TEXT)) == sorted(
        GENERATOR["TABLES"]
    )


@pytest.mark.parametrize("path", PATHS)
def test_the_files_that_it_names_are_there(path):
    assert (ROOT / path).exists()


@pytest.mark.parametrize("name", NAMES)
def test_the_code_that_it_names_is_there(name):
    """`handseg.room.module.Class.method` or a part of it."""
    module, attributes = name, []
    while True:
        try:
            found = import_module(module)
            break
        except ModuleNotFoundError:
            module, _, attribute = module.rpartition(".")
            attributes.insert(0, attribute)
    for attribute in attributes:
        found = getattr(found, attribute)
