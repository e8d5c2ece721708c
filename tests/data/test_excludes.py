"""Images are left out without touching what else stands in dataset.toml."""

import pytest

from handseg.data.dataset import open_dataset
from handseg.data.settings import settings_of, with_excludes, write_excludes
from handseg.errors import InputError

WRITTEN = """\
# ours, do not touch
layout = "handbone"   # as delivered
exclude = ["old.png"]  # blurred

[regions]
wrist = [ "Lunate" ]
"""


def test_names_are_added_and_every_other_line_stays():
    lines = with_excludes(WRITTEN, ["new.png", "old.png"]).splitlines()
    kept = [line for line in WRITTEN.splitlines() if not line.startswith("exclude")]
    assert [line for line in lines if line in kept] == kept
    assert "# blurred" in "\n".join(lines)


def test_a_text_without_the_key_gets_it_before_its_tables(tmp_path):
    text = with_excludes('[regions]\nwrist = ["Lunate"]  # small\n', ["a.png"])
    (tmp_path / "dataset.toml").write_text(text)
    settings = settings_of(tmp_path)
    assert settings.exclude == ("a.png",)
    assert settings.regions == {"wrist": (("Lunate",),)}
    assert "# small" in text


@pytest.mark.parametrize("name", ['a"b.png', "ü\\n.png", "ID001/a b.png", "'''.png"])
def test_any_name_comes_back(tmp_path, name):
    write_excludes(tmp_path, [name])
    write_excludes(tmp_path, ["other.png", name])
    assert settings_of(tmp_path).exclude == (name, "other.png")


def test_what_was_written_is_obeyed(workplace):
    dataset = open_dataset(workplace / "data")
    name = dataset.train[2].image_name
    path = write_excludes(dataset.root, [name])
    assert path == workplace / "data/dataset.toml"
    again = open_dataset(workplace / "data")
    assert [one.image_name for one in again.train] == [
        one.image_name for one in dataset.train if one.image_name != name
    ]


def test_what_is_no_toml_is_refused_and_left(tmp_path):
    (tmp_path / "dataset.toml").write_text("exclude = [")
    with pytest.raises(InputError, match="cannot be written"):
        write_excludes(tmp_path, ["a.png"])
    assert (tmp_path / "dataset.toml").read_text() == "exclude = ["


def test_beside_read_only_data_it_stands_in_the_cache_and_is_obeyed(workplace, monkeypatch):
    data = workplace / "data"
    before = open_dataset(data).train
    # Root may write anywhere: the answer of the system is put in its mouth.
    monkeypatch.setattr("handseg.data.settings.writable", lambda folder: False)
    path = write_excludes(data, [before[0].image_name])
    assert workplace / ".handseg" in path.absolute().parents
    assert not (data / "dataset.toml").exists()
    assert [one.image_name for one in open_dataset(data).train] == [
        one.image_name for one in before[1:]
    ]
