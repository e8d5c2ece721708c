"""The examples in the documentation of `handseg.rle` print what they say."""

import doctest
import re
from importlib import import_module
from pathlib import Path

import numpy as np
import pytest

from handseg import rle

README = Path(__file__).parents[2] / "README.md"


@pytest.mark.parametrize("module", ["handseg.rle", "handseg.rle.set_operations"])
def test_the_examples_of_the_docstrings_hold(module):
    found = doctest.testmod(import_module(module))
    assert found.attempted
    assert not found.failed


def test_the_example_of_the_readme_holds():
    blocks = re.findall(r"```python\n(.*?)```", README.read_text(encoding="utf-8"), re.DOTALL)
    (example,) = (block for block in blocks if "rle.vote" in block)
    names = {"mask": np.eye(4, dtype=np.uint8)}
    exec(example, names)
    voted = rle.vote([names["a"], names["b"], names["c"]], weights=[2, 1, 1], threshold=2)
    assert f"# {rle.format(voted)!r}" in example
