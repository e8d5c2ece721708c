"""What may lie in the working folder of a case, by the names that the cases use."""

import gzip
import json
import os
import re
import shutil
import time
from collections.abc import Callable
from pathlib import Path

from surface import HERE

BEFORE = HERE / "before"
TWO_HOURS = 7200
LEFT, RIGHT = "image1661131294159_L", "image1661131237984_R"
HEADER = "image_name,class,rle\n"
SMALL = {
    "a": "i.png,Ulna,1 6\ni.png,Radius,1 1\nj.png,Ulna,\nj.png,Radius,5 4\n",
    "b": "i.png,Ulna,3 6\ni.png,Radius,1 1\nj.png,Ulna,2 2\nj.png,Radius,6 4\n",
    "c": "i.png,Ulna,5 6\nj.png,Ulna,3 2 9 1\nj.png,Radius,7 4\n",
    "lacks": "i.png,Ulna,1 6\ni.png,Radius,1 1\n",
    "doubled": "i.png,Ulna,1 6\ni.png,Ulna,1 6\ni.png,Radius,1 1\n",
    "two-answers": "i.png,Ulna,1 6\ni.png,Ulna,2 6\ni.png,Radius,1 1\n",
    "odd": "i.png,Ulna,1 6 9\ni.png,Radius,1 1\n",
    "past": "i.png,Ulna,15 9\ni.png,Radius,1 1\n",
    "unsorted": "i.png,Ulna,9 2 1 3 2 3\ni.png,Radius,1.0 1\n",
    "misspelt": "i.png,Ulan,1 6\ni.png,Raduis,1 1\n",
    "words": "i.png,Ulna,one six\ni.png,Radius,1 1\n",
}
PLAN = """schema = 1
members = ["a.csv", "b.csv", "c.csv"]
[weights]
"a.csv" = 0.1
"b.csv" = 0.2
"c.csv" = 0.3
[classes.Radius]
members = ["a.csv", "c.csv"]
threshold = "20%"
"""


def put(name: str) -> Callable[[Path], None]:
    """Something of the frozen folder, under the same name."""

    def bring(folder: Path) -> None:
        source, target = BEFORE / name, folder / name.replace("cache", ".handseg")
        if source.is_dir():
            shutil.copytree(source, target)
        else:
            shutil.copy(source, target)

    return bring


def data(folder: Path) -> None:
    """Hands of five people, one of them the test split; neither folds nor crops."""
    put("data")(folder)
    (folder / "data/folds.json").unlink()
    shutil.rmtree(folder / "data/crops")


def csvs(folder: Path) -> None:
    """Submissions on those hands: truth.csv, and a, b and c that are a bit off."""
    for path in (BEFORE / "csvs").iterdir():
        shutil.copy(path, folder)


def runs(folder: Path) -> None:
    """Two finished runs and a stopped one, as if they had ended two hours ago."""
    put("runs")(folder)
    ends = [time_of(path) for path in (folder / "runs").glob("*/events.jsonl")]
    later = int(time.time()) - TWO_HOURS - 30 - int(max(ends))
    for path in [p for p in (folder / "runs").rglob("*") if p.is_file()]:
        if path.name in ("run.json", "events.jsonl", "steps.jsonl"):
            path.write_text(re.sub(r"(?<=[:\[])1[789]\d{8}\b", moved(later), path.read_text()))
        os.utime(path, times=(max(ends) + later,) * 2)


def time_of(log: Path) -> float:
    return max(json.loads(line)["t"] for line in log.read_text().splitlines())


def moved(seconds: int) -> Callable[[re.Match[str]], str]:
    return lambda found: str(int(found[0]) + seconds)


def broken_run(folder: Path) -> None:
    """A run whose facts are damaged."""
    (folder / "runs/broken").mkdir(parents=True)
    (folder / "runs/broken/run.json").write_text("{")
    long_ago = time.time() - TWO_HOURS - 30
    os.utime(folder / "runs/broken/run.json", times=(long_ago, long_ago))
    os.utime(folder / "runs/broken", times=(long_ago, long_ago))


def small(folder: Path) -> None:
    """Masks of 4 × 4 pixels, and what can be wrong with such files."""
    for name, rows in SMALL.items():
        (folder / f"{name}.csv").write_text(HEADER + rows)
    rows = SMALL["a"].replace("\n", "\r\n")
    (folder / "windows.csv").write_bytes(b"\xef\xbb\xbf" + f"{HEADER}{rows}".encode())
    (folder / "packed.csv.gz").write_bytes(gzip.compress((HEADER + SMALL["a"]).encode(), mtime=0))
    (folder / "header.csv").write_text("image,mask\ni.png,1 6\n")
    (folder / "known.csv").write_text(HEADER + SMALL["a"])
    sizes = {"i.png": [4, 4], "j.png": [4, 4]}
    sidecar = {"v": 1, "images": sizes, "classes": ["Ulna", "Radius"], "sha256": "0" * 64}
    (folder / "known.csv.json").write_text(json.dumps(sidecar))
    (folder / "plan.toml").write_text(PLAN)
    (folder / "bad-plan.toml").write_text(PLAN.replace("threshold", "treshold"))
    (folder / "empty-plan.toml").write_text(PLAN.replace('"20%"', "1"))


def own_sizes(folder: Path) -> None:
    """The sidecar of a.csv says another size than the data set has."""
    path = folder / "a.csv.json"
    path.write_text(re.sub(r"\[\s*64,\s*64\s*\]", "[64, 128]", path.read_text()))


def folded(folder: Path) -> None:
    """Held-out predictions of both folds of a recipe, `fold-0.csv` and `fold-1.csv`."""
    lines = (BEFORE / "csvs/a.csv").read_text().splitlines(keepends=True)
    people = [["ID001", "ID002"], ["ID003", "ID004"]]
    labels = BEFORE / "data/train/outputs_json"
    for fold in (0, 1):
        names = {path.stem for one in people[fold] for path in (labels / one).glob("*.json")}
        rows = [line for line in lines[1:] if line.partition(".")[0] in names]
        (folder / f"fold-{fold}.csv").write_text(lines[0] + "".join(rows))
        sidecar = json.loads((BEFORE / "csvs/a.csv.json").read_text())
        images = {k: v for k, v in sidecar["images"].items() if k.partition(".")[0] in names}
        facts = {"recipe": "unet", "fold": fold, "trained_people": people[1 - fold]}
        kept = {"v": 1, "classes": sidecar["classes"], "images": images, "split": "val", **facts}
        (folder / f"fold-{fold}.csv.json").write_text(json.dumps(kept))


def change_label(name: str, edit: Callable[[list[dict]], None]) -> Callable[[Path], None]:
    """The label of a training image, changed."""

    def change(folder: Path) -> None:
        (path,) = (folder / "data/train/outputs_json").glob(f"*/{name}.json")
        document = json.loads(path.read_text())
        edit(document["annotations"])
        path.write_text(json.dumps(document))

    return change


def damage(pattern: str, content: bytes) -> Callable[[Path], None]:
    """The first file of a pattern, with other contents."""
    return lambda folder: write(min(folder.glob(pattern)), content)


def write(path: Path, content: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)


def file(name: str, text: str) -> Callable[[Path], None]:
    return lambda folder: write(folder / name, text.encode())


def recipes(folder: Path) -> None:
    """A recipe that trains in a second, one with three faults, one that is no TOML."""
    shutil.copy(BEFORE / "segformer.toml", folder / "tiny.toml")
    faults = 'schema = 1\n[train]\nepoch = 3\nbatch_size = "x"\n[model]\narchitecture = "unett"\n'
    (folder / "wrong.toml").write_text(faults)
    (folder / "broken.toml").write_text("schema = = 1\n")


def flat(folder: Path) -> None:
    """Images beside their labels, without folders of people."""
    for image in (BEFORE / "data/train/DCM").glob("ID00[12]/*.png"):
        label = BEFORE / f"data/train/outputs_json/{image.parent.name}/{image.stem}.json"
        number = image.stem.strip("image_LR")[-4:]
        stem = f"{image.parent.name}_{number}"
        (folder / "flat").mkdir(exist_ok=True)
        shutil.copy(image, folder / f"flat/{stem}.png")
        shutil.copy(label, folder / f"flat/{stem}.json")


def coco(folder: Path) -> None:
    """A set of COCO's format with polygons, a misspelt bone and a category that is no bone."""
    names = {"Radius": "Radius", "Ulna": "Ulna", "Trapezium": "Trapzium", "finger-4": "DP2"}
    categories = {name: 2 + 5 * n for n, name in enumerate([*names.values(), "ring"])}
    images, annotations = [], []
    for n, image in enumerate(sorted((BEFORE / "data/train/DCM").glob("*/*.png"))[:6]):
        label = BEFORE / f"data/train/outputs_json/{image.parent.name}/{image.stem}.json"
        name = f"JP_XX_P00{image.parent.name[-2:]}_20121201_{n}_{'LR'[n % 2]}.png"
        images.append({"id": 10 + n, "file_name": name, "height": 64, "width": 64})
        (folder / "coco/train").mkdir(parents=True, exist_ok=True)
        shutil.copy(image, folder / "coco/train" / name)
        for one in json.loads(label.read_text())["annotations"]:
            if one["label"] in names:
                points = [[c for point in one["points"] for c in point]]
                entry = {"id": len(annotations), "image_id": 10 + n, "segmentation": points}
                annotations.append(entry | {"category_id": categories[names[one["label"]]]})
    listed = [{"id": number, "name": name} for name, number in categories.items()]
    document = {"images": images, "categories": listed, "annotations": annotations}
    path = folder / "coco/train/_annotations.coco.json"
    path.write_text(json.dumps(document))


def dicom(folder: Path) -> None:
    """Two of the images as DICOM files of 12 bits."""
    import numpy as np
    from PIL import Image
    from pydicom.dataset import FileDataset, FileMetaDataset
    from pydicom.uid import ExplicitVRLittleEndian, SecondaryCaptureImageStorage

    for path in sorted((folder / "data/train/DCM").glob("ID001/*.png")):
        with Image.open(path) as image:
            pixels = np.asarray(image.convert("L")).astype("<u2") * 16
        meta = FileMetaDataset()
        meta.TransferSyntaxUID = ExplicitVRLittleEndian
        meta.MediaStorageSOPClassUID, meta.MediaStorageSOPInstanceUID = (
            SecondaryCaptureImageStorage,
            "1.2.3",
        )
        made = FileDataset(None, {}, file_meta=meta, preamble=b"\0" * 128)
        made.SOPClassUID, made.SOPInstanceUID = SecondaryCaptureImageStorage, "1.2.3"
        made.Rows, made.Columns = pixels.shape
        made.SamplesPerPixel, made.PhotometricInterpretation = 1, "MONOCHROME2"
        made.BitsAllocated, made.BitsStored, made.HighBit = 16, 12, 11
        made.PixelRepresentation, made.PixelData = 0, pixels.tobytes()
        made.save_as(path.with_suffix(".dcm"), enforce_file_format=True)
        path.unlink()


def metadata(folder: Path) -> None:
    """Age and sex of the people, one figure of which cannot be read."""
    import openpyxl

    book = openpyxl.Workbook()
    rows = [("ID001", "34세", "남"), ("ID002", 61, "F"), ("ID003", "?", "M"), ("ID009", 5, "F")]
    for row in [("ID", "나이", "성별"), *rows]:
        book.active.append(row)
    book.save(folder / "data/meta_data.xlsx")


def misspell(entries: list[dict]) -> None:
    entries[3]["label"] = "finger-44"


def double(entries: list[dict]) -> None:
    entries.append(entries[20])


def leave_out_points(entries: list[dict]) -> None:
    entries[28]["points"] = [[1, 2], [3]]


INGREDIENTS: dict[str, Callable[[Path], None]] = {
    "empty": lambda folder: None,
    "data": data,
    "whole-data": put("data"),
    "cache": put("cache"),
    "votes": put("votes"),
    "csvs": csvs,
    "runs": runs,
    "broken-run": broken_run,
    "small": small,
    "own-sizes": own_sizes,
    "folded": folded,
    "recipes": recipes,
    "flat": flat,
    "dicom": dicom,
    "metadata": metadata,
    "coco": coco,
    "misspelt-label": change_label(LEFT, misspell),
    "doubled-label": change_label(RIGHT, double),
    "bad-points": change_label(LEFT, leave_out_points),
    "broken-label": damage("data/train/outputs_json/*/*.json", b'{"annotations": ['),
    "broken-image": damage("data/train/DCM/*/*.png", b"\x89PNG\r\n"),
    "broken-folds": damage("data/folds.json", b'{"version": 99}'),
    "broken-crops": damage("data/crops/wrist/manifest.json", b"{}"),
    "broken-best": damage("runs/stopped/checkpoints/step-00000002/state.pt", b"x"),
    "broken-last": damage("runs/stopped/checkpoints/step-00000003/state.pt", b"x"),
    "broken-coco": damage("coco/train/*.json", b'{"images": ['),
    "no-masks": damage("coco/train/*.json", b'{"images": [{"id": 1}], "categories": [], '
                       b'"annotations": []}'),
    "settings": file("data/dataset.toml", 'exclude = ["image1661131294159_L.png"]\n'),
    "bad-settings": file("data/dataset.toml", 'layot = "coco"\nexclude = 3\n'),
    "broken-labelme": file("lm/i.json", '{"shapes": [{}], "imagePath": "i.png", "imageHeight": 3, '
                           '"imageWidth": 5}'),
    "broken-planes": file("planes/Ulna.png", ""),
    "broken-json": file("broken.json", '{"images": ['),
    "page": file("page.html", "mine"),
    "taken": file("made.csv", "mine"),
    "notes": file("made/notes.txt", "mine"),
}  # fmt: skip


def prepare(names: str, folder: Path) -> bool:
    """Fill a working folder; whether what comes of it is only roughly the same each time."""
    for name in names.split("+"):
        if name != "rough":
            INGREDIENTS[name](folder)
    return "rough" in names.split("+")
