"""The people of samples as they may be written down: patients of DICOM headers under pseudonyms.

A pseudonym is the HMAC of the patient's id with a random key that stands beside the folds, and
nowhere else: who has folds, runs, crops or predictions cannot tell the patient, whoever has the key
and the images can.
"""

import base64
import hmac
import json
import os
import re
import secrets
import shlex
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

from handseg import disk
from handseg.data.labels import Sample
from handseg.data.layout import without_suffix
from handseg.data.settings import FILE, Settings
from handseg.data.storage import stand_in, writable
from handseg.errors import InputError

KEY = "people.key"
BYTES = 32
LENGTH = 10
"""Characters of a pseudonym, five bits each: among 100,000 patients two are the same in one of
200,000 data sets."""


PSEUDONYM = re.compile(f"P-[a-z2-7]{{{LENGTH}}}")


def with_pseudonyms(
    root: Path, settings: Settings, samples: Sequence[Sample]
) -> tuple[tuple[Sample, ...], list[str]]:
    """Samples whose patients, where a DICOM header told them, have pseudonyms; notes on it.

    Folds that are there are obeyed: people stay as an earlier version wrote them.

    Raises:
        InputError: the key cannot be read or written, or folds were made with one that is gone.
    """
    known = people_in_folds(root, settings)
    earlier = [_as_in(known, sample) for sample in samples]
    kept = {person for person in earlier if person is not None}
    notes: list[str] = []
    if kept:
        one = fold_files(root, settings)
        path = next(path for path in one if path.exists())
        is_plain = any(sample.patient in kept for sample in samples if sample.patient)
        what = "patients' ids as DICOM headers have them" if is_plain else "an image for a person"
        notes.append(f"{path} has {what}, and is obeyed (new folds: remove it)")
    hidden = [
        sample.patient
        for sample, person in zip(samples, earlier, strict=True)
        if sample.patient and person is None
    ]
    key = b""
    if hidden and settings.people != "plain":
        _refuse_lost_key(root, settings, known)
        key = _key(root)
    found = tuple(
        replace(sample, person=person or _person(sample, key))
        for sample, person in zip(samples, earlier, strict=True)
    )
    return found, notes


def fold_files(root: Path, settings: Settings) -> tuple[Path, Path]:
    """Where folds stand: beside the data, as its settings say, and where that is read-only."""
    return root / (settings.folds or "folds.json"), stand_in(root) / "folds.json"


def people_in_folds(root: Path, settings: Settings) -> frozenset[str]:
    """The people of the folds that are there; none where they are at fault, which training says."""
    for path in fold_files(root, settings):
        try:
            return frozenset(json.loads(path.read_text(encoding="utf-8"))["folds"])
        except (OSError, ValueError, KeyError, TypeError):
            continue
    return frozenset()


def _as_in(known: frozenset[str], sample: Sample) -> str | None:
    """The person of a sample as earlier versions wrote it, where folds have that and no other."""
    if not known or sample.person in known - {sample.patient}:
        return None
    names = (sample.patient, sample.image.stem, without_suffix(sample.image_name))
    return next((name for name in names if name in known), None)


def _person(sample: Sample, key: bytes) -> str:
    if not (sample.patient and key):
        return sample.person
    digest = hmac.digest(key, sample.patient.encode(), "sha256")
    return "P-" + base64.b32encode(digest).decode().lower()[:LENGTH]


def _refuse_lost_key(root: Path, settings: Settings, known: frozenset[str]) -> None:
    """Raise InputError where folds have pseudonyms and their key is gone: others would be made."""
    path = _key_path(root)
    if path.exists() or not any(map(PSEUDONYM.fullmatch, known)):
        return
    folds = next(one for one in fold_files(root, settings) if one.exists())
    raise InputError(
        f"{path} is gone, and {folds} has people by pseudonyms that were made with it",
        details="a new key makes new pseudonyms: people would be dealt anew, and runs not compare",
        hints=[
            f"bring the old one back to {path}",
            f"or, where it is lost for good: rm {shlex.quote(str(folds))}   # new key, new folds",
        ],
    )


def _key_path(root: Path) -> Path:
    # Or will stand.
    places = (root / KEY, stand_in(root) / KEY)
    return next((place for place in places if place.exists()), places[not writable(root)])


def _key(root: Path) -> bytes:
    """The key of a data set, made where there is none yet."""
    path = _key_path(root)
    try:
        if not path.exists():
            path.parent.mkdir(parents=True, exist_ok=True)
            with disk.hidden_file(path.parent) as draft:
                draft.write_text(secrets.token_hex(BYTES) + "\n")
                draft.chmod(0o600)
                with suppress(FileExistsError):  # another process was first
                    os.link(draft, path)
        return bytes.fromhex(path.read_text(encoding="ascii"))
    except (OSError, ValueError) as error:
        raise InputError(
            f"{path} cannot be used: patients of DICOM files have no pseudonyms without it",
            details=str(error),
            hints=[f'in {FILE}:  people = "plain"   # their ids are written down as they are'],
        ) from error
