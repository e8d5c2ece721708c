"""Where conversions go: whole or not at all, and never over another's file."""

import pytest

from handseg.errors import FailedError
from handseg.formats.masks import Place, file_at, folder_at


def put_file(place, text):
    with file_at(place, ".json") as draft:
        draft.path.write_text(text)
    return draft.path


def put_folder(place, text):
    with folder_at(place) as draft:
        (draft.path / "x").write_text(text)
    return draft.path


def test_names_that_nobody_gave_are_numbered_beside_what_is_there(tmp_path):
    place = Place(tmp_path / "made", "a")
    for number in (1, 2):
        assert put_file(place, str(number)) == tmp_path / f"made/a-00{number}.json"
        assert put_folder(place, str(number)) == tmp_path / f"made/a-00{number}"
    assert (tmp_path / "made/a-001.json").read_text() == "1"
    assert (tmp_path / "made/a-001/x").read_text() == "1"
    assert len(list((tmp_path / "made").iterdir())) == 4


def test_a_name_that_a_person_gave_is_replaced(tmp_path):
    for number in (1, 2):
        assert put_file(Place(tmp_path, "", tmp_path / "f"), str(number)) == tmp_path / "f"
        assert put_folder(Place(tmp_path, "", tmp_path / "d"), str(number)) == tmp_path / "d"
    assert ((tmp_path / "f").read_text(), (tmp_path / "d/x").read_text()) == ("2", "2")


@pytest.mark.parametrize("put", [file_at, folder_at])
@pytest.mark.parametrize("named", [True, False])
def test_after_an_error_nothing_is_left_and_what_was_there_stands(tmp_path, put, named):
    old = tmp_path / "old" / "deep" / "f"
    if named:
        put_file(Place(tmp_path, "", old), "old") if put is file_at else put_folder(
            Place(tmp_path, "", old), "old"
        )
    before = sorted(tmp_path.rglob("*"))
    place = Place(tmp_path / "made" / "here", "a", old if named else None)
    words = (place, ".json") if put is file_at else (place,)
    with pytest.raises(RuntimeError), put(*words) as draft:
        raise RuntimeError(draft.path.name)
    assert sorted(tmp_path.rglob("*")) == before


@pytest.mark.parametrize("put", [put_file, put_folder])
def test_what_the_disk_refuses_is_said(tmp_path, put):
    (tmp_path / "file").write_text("")
    with pytest.raises(FailedError, match="nothing could be written in"):
        put(Place(tmp_path / "file" / "made", "a"), "1")
