"""Cached images and label planes."""

import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from PIL import Image

from handseg.data import cache, fingerprint, images
from handseg.data.cache import build_cache, cache_bytes
from handseg.data.dataset import open_dataset
from handseg.data.images import read_image
from handseg.data.labels import read_polygons
from handseg.data.planes import Letterbox, label_planes
from handseg.errors import FailedError, InputError

BOX = [[10, 10], [50, 10], [50, 40], [10, 40]]


@pytest.fixture
def hands(empty_folder, add_hand):
    """Three hands of different shapes, the second without a label."""
    root = empty_folder / "data"
    add_hand(root, "ID001/a", [("Ulna", BOX)])
    add_hand(root, "ID002/b", None, size=(80, 60))
    add_hand(root, "ID003/c", [("Radius", BOX), ("Ulna", BOX)], size=(64, 64), labelled=["Ulna"])
    return open_dataset(root)


def opened():
    dataset = open_dataset(Path("data"))
    return dataset.train, dataset.classes


@pytest.fixture
def unread(monkeypatch):
    """Reading an image is a failure of the test."""

    def forbidden(path, size):
        raise AssertionError(f"{path} was read")

    return lambda: monkeypatch.setattr(cache, "read_letterboxed", forbidden)


def folder():
    (only,) = Path(".handseg/prepared").iterdir()
    return only


def test_prepared_samples_are_fitted_images_and_labels(hands):
    prepared = build_cache(hands.train, hands.classes, 32)
    assert prepared.images.shape == (3, 32, 32)
    assert prepared.planes.shape == (3, 32, 32, 4)
    assert prepared.sources.tolist() == [[60, 80], [80, 60], [64, 64]]
    for index, sample in enumerate(hands.train):
        image = read_image(sample.image)
        fit = Letterbox(image.shape, 32)
        assert np.array_equal(prepared.image(index), fit.image(image))
        if sample.labels:
            labels = read_polygons(sample.labels, hands.classes)
            expected = label_planes(labels, hands.classes, image.shape, fit)
            assert np.array_equal(prepared.label_planes(index), expected)
            assert expected.any()
            assert tuple(prepared.labelled[index]) == labels.labelled
    assert not prepared.planes[1].any()
    assert not prepared.labelled[1].any()
    assert prepared.labelled.sum(axis=1).tolist() == [29, 0, 1]


def test_the_bytes_that_are_foretold_are_those_on_disk(hands):
    build_cache(hands.train, hands.classes, 32)
    sizes = sum((folder() / f"{name}.npy").stat().st_size - 128 for name in ("images", "planes"))
    assert sizes == cache_bytes(3, 29, 32) == 3 * 32 * 32 * 5


def test_prepared_samples_are_used_again_without_reading_an_image(hands, unread):
    first = build_cache(hands.train, hands.classes, 32)
    unread()
    again = build_cache(hands.train, hands.classes, 32)
    assert np.array_equal(first.images, again.images)
    for asked in ((hands.train, hands.classes, 48), (hands.train[:2], hands.classes, 32)):
        with pytest.raises(AssertionError, match="was read"):
            build_cache(*asked)


def test_the_same_contents_elsewhere_are_used_again(hands, unread):
    build_cache(hands.train, hands.classes, 32)
    shutil.move("data", "elsewhere")
    unread()
    moved = open_dataset(Path("elsewhere"))
    assert build_cache(moved.train, moved.classes, 32).samples == moved.train


def test_a_changed_label_and_another_order_are_prepared_anew(hands):
    before = build_cache(hands.train, hands.classes, 32)
    turned = build_cache(hands.train[::-1], hands.classes, 32)
    assert np.array_equal(turned.images[::-1], before.images)
    label = hands.train[0].labels
    label.write_text(label.read_text().replace("Ulna", "Lunate"))
    after = build_cache(*opened(), 32)
    assert not np.array_equal(after.planes[0], before.planes[0])
    assert np.array_equal(after.planes[2], before.planes[2])


def shorten(name):
    def damage(folder):
        content = (folder / name).read_bytes()
        (folder / name).write_bytes(content[:-1])

    return damage


def lose(name):
    return lambda folder: (folder / name).unlink()


def garble(name):
    def damage(folder):
        content = bytearray((folder / name).read_bytes())
        content[:64] = bytes(64)
        (folder / name).write_bytes(content)

    return damage


def flip_a_bit(name):
    def damage(folder):
        before = (folder / name).stat()
        content = bytearray((folder / name).read_bytes())
        content[len(content) // 2] ^= 1
        (folder / name).write_bytes(content)
        os.utime(folder / name, ns=(before.st_atime_ns, before.st_mtime_ns))

    return damage


@pytest.mark.parametrize("harm", [shorten, lose, garble, flip_a_bit])
@pytest.mark.parametrize("name", ["images.npy", "planes.npy", "facts.npz"])
def test_a_damaged_or_partial_folder_is_made_anew(hands, harm, name):
    first = build_cache(hands.train, hands.classes, 32)
    before = np.array(first.images), np.array(first.planes)
    harm(name)(folder())
    again = build_cache(hands.train, hands.classes, 32)
    assert np.array_equal(again.images, before[0])
    assert np.array_equal(again.planes, before[1])
    told = []
    build_cache(hands.train, hands.classes, 32, announce=lambda *sizes: told.append(sizes))
    assert not told


def test_size_and_free_disk_are_told_before_anything_is_made(hands):
    told = []

    def announce(needed, free):
        told.append((needed, free))
        assert not Path(".handseg/prepared").exists()

    build_cache(hands.train, hands.classes, 32, announce=announce)
    assert told == [(cache_bytes(3, 29, 32), pytest.approx(told[0][1]))]
    assert told[0][1] > told[0][0]


def test_some_of_the_samples_are_a_view_in_the_order_asked_for(hands):
    prepared = build_cache(hands.train, hands.classes, 32)
    some = prepared.only([hands.train[2], hands.train[0]]).only([hands.train[0]])
    assert some.samples == (hands.train[0],)
    assert np.array_equal(some.image(0), prepared.image(0))
    assert np.array_equal(some.label_planes(0), prepared.label_planes(0))
    assert some.labelled.tolist() == [prepared.labelled[0].tolist()]
    assert some.sources.tolist() == [[60, 80]]


def test_what_is_handed_out_is_a_copy(hands):
    prepared = build_cache(hands.train, hands.classes, 32)
    prepared.image(0)[:] = 0
    assert prepared.image(0).any()


def test_a_disk_that_is_too_small_is_said_before_anything_is_made(hands, monkeypatch):
    monkeypatch.setattr(shutil, "disk_usage", lambda path: SimpleNamespace(free=1000))
    with pytest.raises(FailedError) as caught:
        build_cache(hands.train, hands.classes, 32)
    assert "HANDSEG_CACHE" in caught.value.hints[0]
    assert not Path(".handseg/prepared").exists()


@pytest.mark.parametrize("fault", ["image", "label", "interruption"])
def test_a_fault_half_way_leaves_nothing_behind(hands, fault):
    def interrupt(done, total, note=""):
        raise KeyboardInterrupt

    if fault == "image":
        hands.train[2].image.write_bytes(hands.train[2].image.read_bytes()[:900])
    elif fault == "label":
        hands.train[2].labels.write_text("{")
    expected = KeyboardInterrupt if fault == "interruption" else InputError
    with pytest.raises(expected):
        build_cache(
            hands.train, hands.classes, 32, *([interrupt] if fault == "interruption" else [])
        )
    assert not Path(".handseg/prepared").exists()


def test_a_folder_that_can_never_be_mapped_is_a_failure_and_no_endless_loop(hands, monkeypatch):
    monkeypatch.setattr(cache, "map_cache", lambda *arguments: None)
    with pytest.raises(FailedError, match="cannot be mapped"):
        build_cache(hands.train, hands.classes, 32)


MAKER = """
import sys, time
from pathlib import Path
from handseg.data import cache, images
from handseg.data.dataset import open_dataset
plain = cache.read_letterboxed
cache.read_letterboxed = lambda *one: (time.sleep(globals().get("pause", 0.2)), plain(*one))[1]
dataset = open_dataset(Path("data"))
print("ready", flush=True)
sys.stdin.readline()
prepared = cache.build_cache(dataset.train, dataset.classes, 32)
print(int(prepared.images.sum()), int(prepared.planes.sum()))
"""


def test_two_processes_that_prepare_at_once_both_end_well(hands):
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    # A damaged folder stands in the way of both.
    build_cache(hands.train, hands.classes, 32)
    lose("facts.npz")(folder())
    makers = [subprocess.Popen([sys.executable, "-c", MAKER], text=True, **pipes) for _ in "12"]
    for maker in makers:
        assert maker.stdout.readline() == "ready\n"
    for maker in makers:
        maker.stdin.write("\n")
        maker.stdin.flush()
    results = [maker.communicate(timeout=60) for maker in makers]
    assert [maker.returncode for maker in makers] == [0, 0], results
    prepared = build_cache(hands.train, hands.classes, 32)
    expected = f"{int(prepared.images.sum())} {int(prepared.planes.sum())}\n"
    assert [out for out, _ in results] == [expected, expected]
    assert folder().name.startswith("32-")


def start_maker(*, limit=""):
    """A process that prepares, once it is told to by a line on its standard input."""
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    maker = subprocess.Popen([sys.executable, "-c", limit + MAKER], text=True, **pipes)
    assert maker.stdout.readline() == "ready\n"
    return maker


def test_a_maker_that_is_killed_leaves_nothing_that_is_used_or_that_stays(hands):
    maker = start_maker(limit=SLOW)
    maker.stdin.write("\n")
    maker.stdin.flush()
    while not list(Path().glob(".handseg/prepared/.32-*/images.npy")):
        assert maker.poll() is None
    os.kill(maker.pid, signal.SIGKILL)
    maker.communicate()
    (draft,) = Path(".handseg/prepared").iterdir()
    # As if a while had passed: drafts without a living maker go then.
    os.utime(draft, (0, 0))
    prepared = build_cache(hands.train, hands.classes, 32)
    assert prepared.images.any()
    assert folder().name.startswith("32-")
    assert not list(Path(".handseg").glob("*.lock"))


SLOW = "import time; pause = 30\n"
SMALL = """
import resource
resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096))
"""


def test_a_file_that_gets_no_room_is_said_and_leaves_nothing_behind(hands):
    # Known hashes are not written again: only the prepared files meet the limit.
    fingerprint.file_hashes(fingerprint.sample_files(hands.train))
    maker = start_maker(limit=SMALL)
    _, said = maker.communicate("\n", timeout=60)
    assert maker.returncode == 1
    assert "FailedError: the prepared data set needs 15.4 kB, the disk says: File too large" in said
    assert not Path(".handseg/prepared").exists()


def test_a_second_process_waits_for_the_first_and_makes_nothing_itself(hands):
    maker = start_maker()
    maker.stdin.write("\n")
    maker.stdin.flush()
    while not list(Path().glob(".handseg/prepared/.32-*")):
        assert maker.poll() is None
    told, seen = [], []
    build_cache(
        *(hands.train, hands.classes, 32),
        lambda done, total, note="": seen.append(note),
        lambda needed, free: told.append(needed),
    )
    assert not told
    assert set(seen) == {"another process prepares them"}
    maker.communicate(timeout=60)
    assert maker.returncode == 0


def test_pixels_that_are_read_otherwise_are_prepared_anew_and_no_others(hands, monkeypatch):
    with monkeypatch.context() as old:
        old.setattr(images, "PIXEL_VERSION", 1)
        plain = cache.cache_folder(hands.train, hands.classes, 32)
    assert cache.cache_folder(hands.train, hands.classes, 32) == plain
    path = hands.train[0].image
    shown, tags = read_image(path), Image.Exif()
    tags[274] = 6
    Image.fromarray(np.rot90(shown)).save(path, exif=tags)
    with monkeypatch.context() as old:
        # An earlier version, which does not turn it.
        old.setattr(images, "PIXEL_VERSION", 1)
        old.setattr(images, "orientation_of", lambda image, path: 1)
        before = build_cache(*opened(), 32)
        assert before.sources[0].tolist() == [80, 60]
    prepared = build_cache(*opened(), 32)
    assert prepared.sources[0].tolist() == [60, 80]
    assert np.array_equal(prepared.image(0), Letterbox((60, 80), 32).image(shown))
