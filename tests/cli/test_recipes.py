"""`handseg recipes` as a person types it."""

import csv
import json

import pytest
import typer
from typer.testing import CliRunner

from handseg.cli.recipes import app as recipes

app = typer.Typer()
app.add_typer(recipes, name="recipes")


@pytest.fixture
def type_recipes(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return lambda *words: CliRunner().invoke(app, ["recipes", *words])


def test_the_list_names_every_recipe_with_the_line_that_runs_it(type_recipes):
    done = type_recipes()
    assert done.exit_code == 0
    assert "segformer  " in done.stdout
    assert "handseg train recipes/segformer.toml" in done.stdout
    assert "handseg recipes copy segformer" in done.stderr


def test_the_list_is_json_and_csv_too(type_recipes):
    rows = json.loads(type_recipes("--json").stdout)
    names = [row["recipe"] for row in rows]
    assert {"base", "segformer", "unet", "demo-segformer"} <= set(names)
    assert rows[names.index("unet")]["comment"][0] == "handseg train recipes/unet.toml"
    table = list(csv.DictReader(type_recipes("--csv").stdout.splitlines(keepends=True)))
    assert [row["recipe"] for row in table] == names
    assert type_recipes("--csv", "--json").exit_code == 2


def test_a_copy_brings_its_bases_and_prints_what_was_made(type_recipes, tmp_path):
    done = type_recipes("copy", "unet")
    assert (done.exit_code, done.stdout) == (0, "recipes/base.toml\nrecipes/unet.toml\n")
    assert (tmp_path / "recipes/unet.toml").read_text().startswith("# handseg train")
    assert type_recipes("copy", "recipes/manet.toml").stdout == "recipes/manet.toml\n"


def test_a_taken_name_is_an_error_unless_forced_and_nothing_is_touched(type_recipes, tmp_path):
    (tmp_path / "recipes").mkdir()
    (tmp_path / "recipes/base.toml").write_text("schema = 1\n")
    done = type_recipes("copy", "unet")
    assert done.exit_code == 2
    assert "recipes/base.toml is there already" in done.stderr
    assert "handseg recipes copy unet --force" in done.stderr
    assert [path.name for path in (tmp_path / "recipes").iterdir()] == ["base.toml"]
    assert type_recipes("copy", "unet", "--force").exit_code == 0
    assert "augment" in (tmp_path / "recipes/base.toml").read_text()


def test_a_name_that_no_recipe_has_is_told_with_the_nearest(type_recipes, tmp_path):
    done = type_recipes("copy", "segfrmer")
    assert done.exit_code == 2
    assert "did you mean segformer" in done.stderr
    assert not (tmp_path / "recipes").exists()
