"""Boxes that exist already are joined to images, whatever wrote them."""

import numpy as np
import pyarrow as pa
import pyarrow.parquet
import pytest
from annotated import SIZE, coco, cvat, cvat_box, labelme, write_images, write_json

from datamodules.sources import FolderData

NAMES = [f"{label}/{number}{label}.png" for label in ("cat", "dog") for number in range(8)]
BOXES = {name: [("face", (4.5 + i, 5, 20, 25.25))] for i, name in enumerate(NAMES)}


@pytest.fixture
def pets(tmp_path):
    return write_images(tmp_path / "pets", NAMES)


def as_coco(folder):
    return write_json(folder / "boxes.json", coco(BOXES))


def as_results(folder):
    results = [
        {"image_id": n, "category_id": 1, "score": 0.9, "bbox": [x0, y0, x1 - x0, y1 - y0]}
        for n, [(_, (x0, y0, x1, y1))] in BOXES.items()
    ]
    return write_json(folder / "results.json", results)


def as_labelme(folder):
    for name, boxes in BOXES.items():
        write_json(folder / "labelme" / f"{name[:-4]}.json", labelme(name.split("/")[1], boxes))
    return folder / "labelme"


def as_cvat(folder):
    path = folder / "annotations.xml"
    path.write_text(cvat({n: cvat_box(*own[0]) for n, own in BOXES.items()}), encoding="utf-8")
    return path


def as_yolo(folder):
    width, height = SIZE
    for name, [(_, (x0, y0, x1, y1))] in BOXES.items():
        path = folder / "labels" / f"{name[:-4]}.txt"
        path.parent.mkdir(parents=True, exist_ok=True)
        x, y = (x0 + x1) / 2 / width, (y0 + y1) / 2 / height
        path.write_text(f"0 {x:.7f} {y:.7f} {(x1 - x0) / width:.7f} {(y1 - y0) / height:.7f}\n")
    return folder / "labels"


def as_csv(folder):
    lines = [f"{n},{','.join(map(str, own[0][1]))}" for n, own in BOXES.items()]
    path = folder / "boxes.csv"
    path.write_text("\n".join(["file_name,xmin,ymin,xmax,ymax", *lines]))
    return path


def as_csv_of_one_column(folder):
    lines = [f"{n};{list(own[0][1])}" for n, own in BOXES.items()]
    path = folder / "boxes.csv"
    path.write_text("\n".join(["image;box", *lines]))
    return path


def as_parquet(folder):
    columns = {"path": list(BOXES), "bbox": [list(own[0][1]) for own in BOXES.values()]}
    pyarrow.parquet.write_table(pa.table(columns), folder / "boxes.parquet")
    return folder / "boxes.parquet"


def as_records(folder):
    keys = ("x0", "y0", "x1", "y1")
    records = [
        {"image": n, "conf": 0.5, **dict(zip(keys, map(float, own[0][1]), strict=True))}
        for n, own in BOXES.items()
    ]
    return write_json(folder / "records.json", records)


def as_csv_an_image(folder):
    for name, own in BOXES.items():
        path = folder / "tables" / f"{name[:-4]}.csv"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("x0,y0,x1,y1\n" + ",".join(map(str, own[0][1])))
    return folder / "tables"


FORMATS = [as_coco, as_results, as_labelme, as_cvat, as_yolo, as_csv, as_csv_of_one_column]
FORMATS += [as_parquet, as_records, as_csv_an_image]


@pytest.mark.parametrize("write", FORMATS)
def test_the_same_boxes_come_out_of_every_format(pets, tmp_path, write):
    table = FolderData(images=str(pets), boxes=str(write(tmp_path))).read(seed=0)
    assert table.region_names == ("roi",)
    expected = np.array([BOXES[name][0][1] for name in table.columns["image"].to_pylist()])
    if table.boxes_normalized:
        expected = expected / (*SIZE, *SIZE)
    assert table.boxes["roi"] == pytest.approx(expected, abs=1e-6)
