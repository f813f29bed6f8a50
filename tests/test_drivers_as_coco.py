"""The demo told by COCO is the demo: the same images, classes and regions, pixel by pixel."""

import csv
import shutil
from pathlib import Path

import numpy as np
import pytest
from annotated import write_json
from small_data import write_manifest

from datamodules.annotations.source import AnnotatedData
from datamodules.drivers import write_drivers
from datamodules.files.images import read_mask
from datamodules.regions.planes import read_regions
from datamodules.sources import FolderData, ManifestData

SIZE = 96


@pytest.fixture(scope="module")
def drivers(tmp_path_factory):
    folder = tmp_path_factory.mktemp("data") / "drivers"
    return write_drivers(folder, num_train=40, num_val=8, num_test=8)


def export(manifest: Path) -> tuple[dict, list[dict[str, str]]]:
    """COCO of its masks, and its rows with boxes in place of the masks."""
    with manifest.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    regions = [name.removeprefix("mask_") for name in rows[0] if name.startswith("mask_")]
    images, annotations, boxed = [], [], []
    for number, row in enumerate(rows):
        more = {key: row[key] for key in ("label", "split", "group", "background")}
        images.append({"id": number, "file_name": row["image"], **more})
        images[-1] |= {"width": SIZE, "height": SIZE}
        boxed.append({key: value for key, value in row.items() if not key.startswith("mask_")})
        for kind, region in enumerate(regions):
            mask = read_mask(str(manifest.parent / row[f"mask_{region}"]))
            y, x = np.nonzero(mask)
            x0, y0, x1, y1 = (int(n) for n in (x.min(), y.min(), x.max() + 1, y.max() + 1))
            boxed[-1][f"box_{region}"] = f"{x0} {y0} {x1} {y1}"
            flat = mask.T.ravel()
            edges = np.flatnonzero(np.diff(np.r_[False, flat]))
            counts = np.diff(np.r_[0, edges, flat.size]).tolist()
            annotation = {"id": len(annotations), "image_id": number, "category_id": kind}
            annotation |= {"bbox": [x0, y0, x1 - x0, y1 - y0]}
            annotations.append(
                annotation | {"segmentation": {"size": list(mask.shape), "counts": counts}}
            )
    categories = [{"id": kind, "name": region} for kind, region in enumerate(regions)]
    return {"images": images, "annotations": annotations, "categories": categories}, boxed


def regions_of(table) -> dict[str, np.ndarray]:
    order = [table.region_names.index(name) for name in sorted(table.region_names)]
    images = table.columns["image"].to_pylist()
    return {
        image.rsplit("/", 1)[1]: read_regions(table, row, SIZE, SIZE)[order]
        for row, image in enumerate(images)
    }


def assert_same(one, other) -> None:
    assert sorted(one.region_names) == sorted(other.region_names)
    assert one.class_names == other.class_names
    ours, theirs = regions_of(one), regions_of(other)
    assert ours.keys() == theirs.keys()
    assert all(planes.any() for planes in ours.values())
    assert all((planes == theirs[name]).all() for name, planes in ours.items())


def test_folders_and_the_boxes_of_coco_are_the_manifest_with_its_boxes(drivers, tmp_path):
    content, boxed = export(drivers)
    for row in boxed:
        target = tmp_path / "folders" / row["split"] / row["label"]
        target.mkdir(parents=True, exist_ok=True)
        shutil.copy(drivers.parent / row["image"], target)
    boxes = write_json(tmp_path / "coco.json", content)
    joined = FolderData(images=str(tmp_path / "folders"), boxes=str(boxes)).read(seed=0)
    manifest = write_manifest(tmp_path / "boxed.csv", boxed)
    assert_same(joined, ManifestData(manifest=str(manifest), root=str(drivers.parent)).read(seed=0))


def test_the_segmentations_of_coco_are_the_masks_of_the_manifest(drivers, tmp_path):
    path = write_json(tmp_path / "coco.json", export(drivers)[0])
    options = {"images": str(drivers.parent), "mask_cache": str(tmp_path / "masks")}
    table = AnnotatedData(annotations=str(path), slice_by="background", **options).read(seed=0)
    known = ManifestData(manifest=str(drivers), slice_by="background").read(seed=0)
    assert_same(table, known)
    assert table.fingerprint == known.fingerprint, "the split stands in COCO, too"
