"""Small files of annotations in every format, about one set of boxes."""

import json
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

Box = tuple[float, float, float, float]
Boxes = dict[str, list[tuple[str, Box]]]
SIZE = (48, 40)  # width and height


def write_images(folder: Path, names: list[str], size: tuple[int, int] = SIZE) -> Path:
    """Write images of noise."""
    rng = np.random.default_rng(0)
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        pixels = rng.integers(0, 255, (size[1], size[0], 3), dtype=np.uint8)
        Image.fromarray(pixels).save(folder / name)
    return folder


def write_json(path: Path, content: Any) -> Path:
    """Write JSON, and the folder that it lies in."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(content), encoding="utf-8")
    return path


def coco(boxes: Boxes, **more: dict[str, Any]) -> dict[str, list]:
    """COCO's content of boxes by image; ``more`` are further keys of an image's entry."""
    labels = sorted({label for own in boxes.values() for label, _ in own})
    images = [
        {"id": 100 + number, "file_name": name, "width": SIZE[0], "height": SIZE[1]}
        | more.get(name, {})
        for number, name in enumerate(boxes)
    ]
    annotations = [
        {
            "image_id": 100 + number,
            "category_id": labels.index(label) + 1,
            "bbox": [x0, y0, x1 - x0, y1 - y0],
        }
        for number, own in enumerate(boxes.values())
        for label, (x0, y0, x1, y1) in own
    ]
    for number, annotation in enumerate(annotations):
        annotation["id"] = number
    categories = [{"id": number + 1, "name": label} for number, label in enumerate(labels)]
    return {"images": images, "annotations": annotations, "categories": categories}


def labelme(name: str, boxes: list[tuple[str, Box]], **more: Any) -> dict[str, Any]:
    """LabelMe's content of one image."""
    shapes = [
        {"label": label, "points": [[x0, y0], [x1, y1]], "shape_type": "rectangle", "flags": {}}
        for label, (x0, y0, x1, y1) in boxes
    ]
    size = {"imageWidth": SIZE[0], "imageHeight": SIZE[1]}
    return {"version": "5.5.0", "flags": {}, "shapes": shapes, "imagePath": name, **size, **more}


def cvat(images: dict[str, str]) -> str:
    """CVAT's XML; the elements of each image as they are to stand in it."""
    inside = "".join(
        f'<image id="{number}" name="{name}" width="{SIZE[0]}" height="{SIZE[1]}">{text}</image>'
        for number, (name, text) in enumerate(images.items())
    )
    return f'<?xml version="1.0" encoding="utf-8"?><annotations>{inside}</annotations>'


def cvat_box(label: str, box: Box, more: str = "") -> str:
    """A box of CVAT's XML."""
    sides = zip(("xtl", "ytl", "xbr", "ybr"), box, strict=True)
    text = " ".join(f'{side}="{value}"' for side, value in sides)
    return f'<box label="{label}" {text} {more}/>'
