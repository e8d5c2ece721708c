"""What is chosen by name is there under that name, and names are known without loading it."""

import subprocess
import sys
from pkgutil import resolve_name

import pytest

from handseg.formats.masks import Format
from handseg.registry import FORMATS, LAYOUTS, LIBRARIES, LOSSES


@pytest.mark.parametrize("place", [*LOSSES.values(), *LIBRARIES.values(), *LAYOUTS.values()])
def test_every_place_is_there(place):
    assert resolve_name(place)


@pytest.mark.parametrize("name", FORMATS)
def test_a_format_calls_itself_as_it_is_chosen(name):
    kind = resolve_name(FORMATS[name])
    assert issubclass(kind, Format)
    assert kind.name == name


def test_names_are_known_without_loading_what_they_name():
    code = "import sys; import handseg.registry; print([m for m in sys.modules if 'handseg' in m])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "['handseg', 'handseg.registry']\n"
