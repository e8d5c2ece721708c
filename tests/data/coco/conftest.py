"""A COCO data set as RAM-H1200 ships it, small."""

import json

import numpy as np
import pytest

SIZE = (40, 50)


@pytest.fixture
def add_coco():
    """Writes a COCO file and its images to a folder; gives the file's path.

    `images` are names, `annotations` (image, category, segmentation); categories have gaps.
    """

    def add(folder, images, annotations=(), categories=("Radius", "Ulna"), *, size=SIZE, **more):
        from PIL import Image

        folder.mkdir(parents=True, exist_ok=True)
        rng = np.random.default_rng(3)
        for name in images:
            path = folder / name
            if path.suffix:
                Image.fromarray(rng.integers(0, 256, size, np.uint8)).save(path)
        ids = {name: 10 + 3 * place for place, name in enumerate(images)}
        category_ids = {name: 2 + 5 * place for place, name in enumerate(categories)}
        document = {
            "images": [
                {"id": number, "file_name": name, "height": size[0], "width": size[1]}
                for name, number in ids.items()
            ],
            "categories": [
                {"id": number, "name": name, "supercategory": "bones"}
                for name, number in category_ids.items()
            ],
            "annotations": [
                {
                    "id": number,
                    "image_id": ids[image],
                    "category_id": category_ids[category],
                    "segmentation": segmentation,
                    "iscrowd": 0,
                }
                for number, (image, category, segmentation) in enumerate(annotations)
            ],
        }
        for key, entries in more.pop("also", {}).items():
            document[key] = [*entries, *document[key]]
        path = folder / more.pop("name", "_annotations_bone_rle.coco.json")
        path.write_text(json.dumps(document))
        return path

    return add


@pytest.fixture
def encoded():
    """A mask as pycocotools writes it, compressed or as plain counts."""
    import pycocotools.mask

    def encode(mask, compressed=True):
        found = pycocotools.mask.encode(np.asfortranarray(mask.astype(np.uint8)))
        if compressed:
            return {"size": list(mask.shape), "counts": found["counts"].decode()}
        flat = mask.T.reshape(-1).astype(int)
        edges = np.flatnonzero(np.diff(flat, prepend=0)).tolist()
        counts = np.diff([0, *edges, len(flat)]).tolist()
        return {"size": list(mask.shape), "counts": counts}

    return encode
