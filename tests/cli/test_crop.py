"""`handseg crop` as a person types it."""

import json
import os
import shutil
import tempfile
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from handseg.cli.crop import crop

app = typer.Typer()
app.command()(crop)


def type_crop(*words):
    return CliRunner().invoke(app, [*words, "--no-progress"])


def times(folder):
    return {path: path.stat().st_mtime_ns for path in [folder, *folder.rglob("*")]}


def first(pattern, root=Path("data/train")):
    return sorted(root.rglob(pattern))[0]


def test_it_says_what_it_found_and_will_make_and_prints_the_folder_alone(workplace):
    done = type_crop("--regions", "wrist,fingertip")
    assert (done.exit_code, done.stdout) == (0, "data/crops\n")
    assert "found 8 labelled images of 4 people, 4 test images" in done.stderr
    assert "wrist: 8 crops, about" in done.stderr
    assert "fingertip: 40 crops, about" in done.stderr
    assert '--set \'data.crops=["wrist", "fingertip"]\'' in done.stderr
    assert len(list(Path("data/crops/wrist").rglob("ID*/*.png"))) == 8
    assert len(list(Path("data/crops/fingertip").rglob("ID*/*.json"))) == 40
    # Test images are never cut, and nothing else is written beside the data.
    people = {path.name for path in Path("data/test/DCM").iterdir()}
    assert people.isdisjoint(path.name for path in Path("data/crops").rglob("ID*"))
    assert sorted(path.name for path in workplace.iterdir()) == [".handseg", "data"]


def test_a_second_call_changes_nothing(workplace):
    type_crop()
    before = times(workplace / "data")
    done = type_crop()
    assert (done.exit_code, done.stdout) == (0, "data/crops\n")
    assert "up to date" in done.stderr
    assert times(workplace / "data") == before


def test_another_region_is_added_and_the_first_stays(workplace):
    type_crop("--regions", "wrist")
    before = times(Path("data/crops/wrist"))
    assert type_crop("--regions", "fingertip").stdout == "data/crops\n"
    assert times(Path("data/crops/wrist")) == before
    assert sorted(path.name for path in Path("data/crops").iterdir()) == ["fingertip", "wrist"]


def test_a_changed_label_makes_all_crops_anew(workplace):
    type_crop("--regions", "wrist")
    stale = Path("data/crops/wrist/stale.txt")
    stale.write_text("of the old folder")
    before = {path: path.stat().st_ino for path in Path("data/crops/wrist").rglob("*.png")}
    label = first("*.json")
    document = json.loads(label.read_text())
    document["annotations"] = [a for a in document["annotations"] if a["label"] != "Pisiform"]
    label.write_text(json.dumps(document))
    assert type_crop("--regions", "wrist").exit_code == 0
    after = {path: path.stat().st_ino for path in Path("data/crops/wrist").rglob("*.png")}
    assert before.keys() == after.keys()
    assert all(before[path] != after[path] for path in before)
    assert not stale.exists()
    assert "Pisiform" not in first("*.json", Path("data/crops/wrist/outputs_json")).read_text()


@pytest.mark.parametrize("pattern", ["ID*", "manifest.json", "*.png"])
def test_a_half_deleted_folder_is_made_anew(workplace, pattern):
    type_crop("--regions", "wrist")
    files = sorted(path.relative_to("data") for path in Path("data/crops").rglob("*"))
    victim = first(pattern, Path("data/crops/wrist"))
    shutil.rmtree(victim) if victim.is_dir() else victim.unlink()
    assert type_crop("--regions", "wrist").exit_code == 0
    assert sorted(path.relative_to("data") for path in Path("data/crops").rglob("*")) == files


def test_force_makes_current_crops_anew(workplace):
    type_crop("--regions", "wrist")
    before = Path("data/crops/wrist").stat().st_ino
    assert "8 crops" in type_crop("--regions", "wrist", "--force").stderr
    assert Path("data/crops/wrist").stat().st_ino != before


def test_quiet_leaves_stdout_alone(workplace):
    done = type_crop("-q", "--regions", "wrist")
    assert (done.stdout, done.stderr) == ("data/crops\n", "")


def test_the_data_set_may_be_named_by_option_or_environment(workplace, monkeypatch):
    Path("data").rename("hands of 2024")
    assert type_crop("--data", "hands of 2024", "--regions", "wrist").stdout == (
        "hands of 2024/crops\n"
    )
    monkeypatch.setenv("HANDSEG_DATA", "hands of 2024")
    assert type_crop("--regions", "wrist").stdout == "hands of 2024/crops\n"


def test_in_an_empty_folder_it_says_the_layout_and_creates_nothing(empty_folder):
    done = type_crop("--regions", "wrist,fingertip")
    assert (done.exit_code, done.stdout) == (3, "")
    assert f"looked in {empty_folder}/data" in done.stderr
    for words in ("train/outputs_json", "--data", "handseg demo"):
        assert words in done.stderr
    assert not list(empty_folder.iterdir())


def test_an_unknown_region_is_a_fault_of_usage(workplace):
    done = type_crop("--regions", "wrist,elbow")
    assert (done.exit_code, done.stdout) == (2, "")
    assert "elbow" in done.stderr
    assert not Path("data/crops").exists()


def break_json():
    label = first("*.json")
    label.write_text(label.read_text()[:200])
    return [str(label), "broken JSON", "line 1, column"]


def name_an_unknown_class():
    label = first("*.json")
    label.write_text(label.read_text().replace('"Lunate"', '"Lunatum"'))
    return [str(label), "'Lunatum'", "(did you mean Lunate?)"]


def truncate_an_image():
    image = first("*.png")
    image.write_bytes(image.read_bytes()[:2000])
    return [str(image), "cannot be read as an image"]


def put_text_for_an_image():
    image = first("*.png")
    image.write_text("no image")
    return [str(image), "cannot be read as an image"]


def break_a_link():
    image = first("*.png")
    image.unlink()
    image.symlink_to("/nowhere/at/all.png")
    return [str(image)]


def lose_a_label():
    label = first("*.json")
    label.unlink()
    return [str(first("*.png")), str(label)]


@pytest.mark.parametrize(
    "harm",
    [
        break_json,
        name_an_unknown_class,
        truncate_an_image,
        put_text_for_an_image,
        break_a_link,
        lose_a_label,
    ],
)
@pytest.mark.parametrize("crops_before", [False, True])
def test_bad_input_is_one_message_and_leaves_nothing_half_written(workplace, harm, crops_before):
    if crops_before:
        type_crop("--regions", "wrist")
    expected = harm()
    before = times(Path("data/crops")) if crops_before else {}
    beside = {path.name for path in Path("data").iterdir()}
    done = type_crop("--regions", "wrist,fingertip")
    assert (done.exit_code, done.stdout) == (3, "")
    assert done.stderr.count("error:") == 1
    for words in expected:
        assert words in done.stderr
    assert {path.name for path in Path("data").iterdir()} == beside
    if crops_before:
        after = times(Path("data/crops"))
        after[Path("data/crops")] = before[Path("data/crops")]
        assert after == before


def test_ctrl_c_ends_with_130_and_leaves_nothing(workplace, monkeypatch):
    from handseg import crops

    def interrupt(*arguments):
        raise KeyboardInterrupt

    monkeypatch.setattr(crops, "write_png", interrupt)
    done = type_crop()
    assert (done.exit_code, done.stdout) == (130, "")
    assert not Path("data/crops").exists()


def test_crops_of_read_only_data_go_to_the_cache_and_that_is_said(phantom_folder, monkeypatch):
    with tempfile.TemporaryDirectory() as name:
        place = Path(name)
        shutil.copytree(phantom_folder, place / "data")
        place.chmod(0o777)
        (place / "data").chmod(0o555)
        monkeypatch.chdir(place)
        for variable in ("HANDSEG_DATA", "HANDSEG_CACHE"):
            monkeypatch.delenv(variable, raising=False)
        before = os.geteuid()
        if before == 0:
            os.seteuid(65534)
        try:
            done = type_crop("--regions", "wrist")
            again = type_crop("--regions", "wrist")
        finally:
            os.seteuid(before)
        assert done.exit_code == 0, done.stderr
        folder = Path(done.stdout.rstrip("\n"))
        assert folder.is_relative_to(".handseg")
        assert f"data is read-only: crops go to {folder}" in done.stderr
        assert len(list((folder / "wrist").rglob("ID*/*.png"))) == 8
        assert again.stdout == done.stdout
        assert "up to date" in again.stderr
