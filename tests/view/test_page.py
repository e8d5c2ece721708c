"""Pages are whole in themselves, and text from data is never markup."""

import base64
import io
import re
import xml.etree.ElementTree as ET

import numpy as np
import pytest
from PIL import Image

from handseg.view import charts
from handseg.view.charts import Bar
from handseg.view.page import Section, key, page, picture, png, table

EVIL = '<script>alert("x")</script>'


def test_text_from_data_is_never_markup():
    parts = table([EVIL], [[EVIL]]) + key([("red", EVIL)])
    parts += picture(np.zeros((2, 2, 3), np.uint8), EVIL)
    parts += charts.bars([Bar(EVIL, 1, 0, EVIL)])
    parts += charts.matrix([EVIL, "b"], np.ones((2, 2)), [[EVIL, EVIL], [EVIL, EVIL]])
    whole = page(EVIL, EVIL, [(EVIL, EVIL)], [Section(EVIL, EVIL, parts)])
    assert "<script" not in whole
    assert "&lt;script&gt;" in whole


def test_nothing_of_a_page_is_from_the_net():
    whole = page("t", "l", [], [Section("s", "s", picture(np.zeros((2, 2, 4), np.uint8), "c"))])
    assert not re.findall(r"(?:src|href)=\"(?!data:)", whole)
    assert "url(" not in whole
    assert "@import" not in whole


def test_a_picture_is_its_pixels():
    pixels = np.random.default_rng(1).integers(0, 256, (5, 7, 3), np.uint8)
    head, _, data = png(pixels).partition(",")
    assert head == "data:image/png;base64"
    assert np.array_equal(np.asarray(Image.open(io.BytesIO(base64.b64decode(data)))), pixels)


@pytest.mark.parametrize(
    "plot",
    [
        charts.bars([]),
        charts.bars([Bar("a & b", 2.0, 1.0, "2"), Bar("none", float("nan"), 0, "absent")]),
        charts.histogram(np.arange(5.0), [np.array([0.0, 1, 2, 1]), np.zeros(4)], "°", 2),
        charts.histogram(np.arange(5.0), [], ""),
        charts.matrix(["a", "b"], np.zeros((2, 2)), [["", ""], ["", ""]]),
        charts.matrix([], np.zeros((0, 0)), []),
    ],
)
def test_plots_are_well_formed_and_finite(plot):
    drawn = ET.fromstring(plot)
    assert drawn.tag.endswith("svg")
    assert "nan" not in plot
    assert "inf" not in plot


def widths(plot):
    return [float(rect.get("width")) for rect in ET.fromstring(plot).iter() if "rect" in rect.tag]


def test_bars_are_as_long_as_their_figures():
    long, short = widths(charts.bars([Bar("a", 4, 1, ""), Bar("b", 1, 0, "")]))
    assert long == pytest.approx(4 * short, rel=0.01)


def test_the_largest_of_a_matrix_is_the_darkest():
    values = np.zeros((3, 3))
    values[2, 0], values[2, 1] = 0.8, 0.2
    plot = charts.matrix(list("abc"), values, [list("xyz")] * 3)
    shades = [float(found) for found in re.findall(r'fill-opacity="([\d.]+)"', plot)]
    assert shades == [1.0, 0.5]
