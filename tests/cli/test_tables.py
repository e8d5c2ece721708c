"""One table for people, spreadsheets and programs."""

import math

from rich.console import Console
from rich.text import Text

from handseg.cli.tables import Column, Table, json_value

TABLE = Table(
    [Column("class"), Column("dice", lambda value: f"{value:.4f}", right=True), Column("line")],
    [("[red]a,b[/]", 0.1 + 0.2, 7), ("b", math.nan, None)],
)


def test_csv_has_full_figures_and_nothing_where_there_is_none():
    assert TABLE.to_csv() == 'class,dice,line\n"[red]a,b[/]",0.30000000000000004,7\nb,,'


def test_json_has_null_where_there_is_no_figure():
    assert [json_value(value) for value in ("b", 0.1 + 0.2, math.nan)] == ["b", 0.1 + 0.2, None]


def test_a_name_that_looks_like_markup_is_printed_as_it_is():
    console = Console(width=80, record=True, file=None, force_terminal=False)
    with console.capture() as captured:
        console.print(TABLE.to_rich())
    assert "[red]a,b[/]" in captured.get()
    assert "0.3000" in captured.get()


def test_a_table_without_rows_is_its_head():
    assert Table([Column("a"), Column("b", text=Text)], []).to_csv() == "a,b"
