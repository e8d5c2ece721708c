"""One self-contained HTML page: light or dark as the reader has it, nothing from the net."""

import base64
import html
import io
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

_STYLE = """
:root { color-scheme: light dark;
  --paper: #fbfbfa; --card: #fff; --ink: #1c2024; --soft: #667079; --line: #e2e4e6;
  --accent: #1f6fb2; --second: #c2571a; --third: #3d8b4e; --faint: #eef2f5; }
@media (prefers-color-scheme: dark) { :root {
  --paper: #14171a; --card: #1c2024; --ink: #e6e8ea; --soft: #98a2ab; --line: #333a40;
  --accent: #5fb0f0; --second: #f09a5a; --third: #74c686; --faint: #262c31; } }
* { box-sizing: border-box }
body { margin: 0 auto; padding: 2rem 1.5rem 4rem; max-width: 84rem; background: var(--paper);
  color: var(--ink); font: 15px/1.5 system-ui, sans-serif }
h1 { font-size: 1.6rem; margin: 0 } h2 { font-size: 1.15rem; margin: 0 0 .3rem }
p { margin: .2rem 0 .8rem; color: var(--soft); max-width: 52rem; white-space: pre-line }
section { background: var(--card); border: 1px solid var(--line); border-radius: 8px;
  padding: 1.1rem 1.3rem; margin-top: 1.2rem; overflow-x: auto }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; font-size: .87rem }
th { color: var(--soft); font-weight: 600; text-align: left; position: sticky; top: 0;
  background: var(--card); box-shadow: 0 1px var(--line) }
th, td { padding: .06rem .8rem .06rem 0; white-space: nowrap; vertical-align: top }
th.figure, td.figure { text-align: right }
tbody tr:hover { background: var(--faint) }
svg { max-width: 100%; height: auto; display: block }
svg text { fill: var(--ink); font: 12px system-ui, sans-serif }
svg .soft { fill: var(--soft) } svg .line { stroke: var(--line) } svg .ink { stroke: var(--ink) }
.side { display: flex; flex-wrap: wrap; gap: 1.5rem 2.5rem; align-items: flex-start }
.side > div { max-height: 46rem; overflow: auto }
.tiles { display: flex; flex-wrap: wrap; gap: .6rem 2.2rem; margin-top: 1rem }
.tiles b { display: block; font-size: 1.5rem; font-weight: 600 } .tiles span { color: var(--soft) }
.maps { display: grid; grid-template-columns: repeat(auto-fill, minmax(9rem, 1fr)); gap: .9rem }
figure { margin: 0 } figcaption { font-size: .8rem; color: var(--soft); overflow-wrap: anywhere }
figure img { display: block; width: 100%; border: 1px solid var(--line); border-radius: 4px;
  background: var(--faint) }
.key { font-size: .85rem; margin-right: 1.2rem }
.key i { display: inline-block; width: .8em; height: .8em; border-radius: 2px; margin-right: .4em }
"""


class Section(NamedTuple):
    """A part of a page: a title (text), a sentence (text) and HTML."""

    title: str
    sentence: str
    body: str


def page(
    title: str, lead: str, tiles: Sequence[tuple[str, str]], sections: Sequence[Section]
) -> str:
    """The whole page; `tiles` are figures and what they are of."""
    shown = "".join(
        f"<div><b>{text(figure)}</b><span>{text(of)}</span></div>" for figure, of in tiles
    )
    parts = "".join(
        f"<section><h2>{text(one.title)}</h2><p>{text(one.sentence)}</p>{one.body}</section>\n"
        for one in sections
    )
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{text(title)}</title><style>{_STYLE}</style></head>\n<body>"
        f'<h1>{text(title)}</h1><p>{text(lead)}</p><div class="tiles">{shown}</div>\n'
        f"{parts}</body></html>\n"
    )


def text(value: str) -> str:
    return html.escape(value, quote=True)


def table(
    header: Sequence[str],
    rows: Sequence[Sequence[str]],
    words: int = 1,
    pictures: Sequence[str] = (),
) -> str:
    """A table of texts; the first `words` columns are words, the others figures.

    `pictures` (HTML, one a row) stand in a further column; the header may name it.
    """

    def cells(kind: str, values: Sequence[str]) -> str:
        return "".join(
            f"<{kind}>{text(value)}</{kind}>"
            if place < words
            else f'<{kind} class="figure">{text(value)}</{kind}>'
            for place, value in enumerate(values)
        )

    drawn = [f"<td>{one}</td>" for one in pictures] or [""] * len(rows)
    body = "".join(
        f"<tr>{cells('td', row)}{picture}</tr>" for row, picture in zip(rows, drawn, strict=True)
    )
    return f"<table><thead><tr>{cells('th', header)}</tr></thead><tbody>{body}</tbody></table>"


def beside(*parts: str) -> str:
    return '<div class="side">' + "".join(f"<div>{part}</div>" for part in parts) + "</div>"


def key(names: Sequence[tuple[str, str]]) -> str:
    """What colours mean: pairs of a colour (CSS) and a name."""
    marks = (
        f'<span class="key"><i style="background:{colour}"></i>{text(name)}</span>'
        for colour, name in names
    )
    return "<div>" + "".join(marks) + "</div>"


def picture(image: NDArray[np.uint8], caption: str) -> str:
    """An image, uint8[height, width, 3 or 4], inside the page, with a caption."""
    return (
        f'<figure><img src="{png(image)}" alt="{text(caption)}">'
        f"<figcaption>{text(caption)}</figcaption></figure>"
    )


def png(image: NDArray[np.uint8]) -> str:
    """An image as a data URI."""
    return "data:image/png;base64," + base64.b64encode(png_bytes(image)).decode()


def png_bytes(image: NDArray[np.uint8]) -> bytes:
    """An image, uint8[height, width, 3 or 4], as a PNG file has it."""
    from PIL import Image

    stream = io.BytesIO()
    Image.fromarray(image).save(stream, "PNG", optimize=True)
    return stream.getvalue()
