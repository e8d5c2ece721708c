"""`handseg recipes` as a person types it."""

import csv
import json

import pytest
import typer
from huggingface_hub.constants import HF_HUB_CACHE
from safetensors.torch import save_file
from typer.testing import CliRunner

from handseg.cli.recipes import app as recipes

app = typer.Typer()
app.add_typer(recipes, name="recipes")


@pytest.fixture
def type_recipes(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return lambda *words: CliRunner().invoke(app, ["recipes", *words])


def test_the_list_says_of_every_recipe_what_it_is_and_what_was_published(type_recipes):
    done = type_recipes()
    assert done.exit_code == 0
    row = next(line.split() for line in done.stdout.splitlines() if line.startswith("  unet "))
    assert row[:5] == ["unet", "smp", "unet", "resnet50", "32.5"]
    assert row[-4:] == [".9504", ".9474", "512", "BSD-3-Clause"]
    assert " demo-base " not in done.stdout
    assert "handseg recipes copy segformer" in done.stderr


def test_the_list_is_json_and_csv_too(type_recipes):
    rows = json.loads(type_recipes("--json").stdout)
    names = [row["recipe"] for row in rows]
    assert {"segformer", "unet", "demo-segformer"} <= set(names)
    unet = rows[names.index("unet")]
    assert unet["comment"][0] == "handseg train recipes/unet.toml"
    assert unet["published"] == {"validation": 0.9504, "leaderboard": 0.9474, "size": 512}
    assert unet["parameters"] == 32525165
    table = list(csv.DictReader(type_recipes("--csv").stdout.splitlines(keepends=True)))
    assert [row["recipe"] for row in table] == names
    assert type_recipes("--csv", "--json").exit_code == 2


def test_weights_that_cannot_be_fetched_are_named_before_any_are_loaded(type_recipes):
    done = type_recipes("fetch", "demo-unet", "segfrmer")
    assert done.exit_code == 2
    assert "did you mean segformer" in done.stderr
    done = type_recipes("fetch", "demo-unet")
    assert (done.exit_code, done.stdout) == (0, "")
    assert "demo-unet trains from scratch: it has no weights to fetch" in done.stderr


def test_fetched_weights_lie_where_a_training_looks_for_them(type_recipes, tmp_path, monkeypatch):
    import timm

    model = timm.create_model("test_byobnet")
    save_file(model.state_dict(), tmp_path / "model.safetensors")
    (tmp_path / "mine.toml").write_text(
        """
        schema = 1
        [model]
        library = "smp"
        architecture = "unet"
        encoder = "tu-test_byobnet"
        weights = "owner/name"
        """
    )
    monkeypatch.setattr(
        "handseg.models.library.hub_file", lambda name: tmp_path / "model.safetensors"
    )
    done = type_recipes("fetch", "mine.toml")
    assert (done.exit_code, done.stdout) == (0, "mine  owner/name\n")
    assert f"they lie in {HF_HUB_CACHE}" in done.stderr.replace("\n", " ")


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


def test_a_recipe_is_shown_as_it_is_or_with_the_place_of_every_value(type_recipes, tmp_path):
    done = type_recipes("show", "segformer")
    assert done.stdout.startswith("# handseg train recipes/segformer.toml\n")
    resolved = type_recipes("show", "segformer", "--resolved", "--set", "train.epochs=5").stdout
    lines = {line.partition(" =")[0]: line.partition("  # ")[2] for line in resolved.splitlines()}
    assert lines["encoder"].endswith("recipes/segformer.toml:11")
    assert lines["rotate"].endswith("recipes/base.toml:12")
    assert lines["epochs"] == "--set"
    assert lines["prior"] == "default"
    (tmp_path / "again.toml").write_text(resolved)
    again = type_recipes("show", "again.toml", "--resolved").stdout
    assert values(again) == values(resolved)


def values(text):
    return [line.partition("  # ")[0].rstrip() for line in text.splitlines()]


def test_a_schedule_is_drawn_over_the_epochs_and_given_as_numbers(type_recipes):
    words = ["show", "unet", "--schedule", "--set", "loss.schedule={ dice = [[0, 0.3], [1, 0.9]] }"]
    drawn = type_recipes(*words).stdout
    assert [line.split()[0] for line in drawn.splitlines() if line[0] != " "] == [
        *("rate", "cosine", "bce", "dice")
    ]
    assert "100 epochs" in drawn
    found = json.loads(type_recipes(*words, "--json", "--set", "train.epochs=4").stdout)
    assert found["epoch"] == [0, 1, 2, 3, 4]
    assert found["dice"] == pytest.approx([0.3, 0.45, 0.6, 0.75, 0.9])
    assert found["rate"][-1] == pytest.approx(1e-7)
    assert type_recipes("show", "unet", "--json").exit_code == 2
    assert type_recipes("show", "unet", "--resolved", "--schedule").exit_code == 2
