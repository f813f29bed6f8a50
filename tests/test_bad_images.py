"""Images that cannot be used stop a run, or are left out, counted and listed; nothing stands in."""

import csv
import json
from pathlib import Path

import numpy as np
import pytest
from front.outcome import ExitStatus, judge
from in_process import train_in_process
from PIL import Image
from small_data import make_shapes, write_manifest
from torch.utils.data import DataLoader

from datamodules.checks.file_check import check_files
from datamodules.loading.dataset import ROIDataset
from datamodules.loading.transforms import Preprocessing
from datamodules.problems import LostImage
from datamodules.sources import ManifestData

BROKEN = ("disc_000", "square_001", "disc_002", "square_003")


@pytest.fixture
def damaged(tmp_path):
    """Manifest of 24 images: one is cut, one missing, one has no mask file, one a small mask."""
    manifest = make_shapes(tmp_path / "data")
    images, masks = manifest.parent / "images", manifest.parent / "masks"
    file = images / "disc_000.png"
    file.write_bytes(file.read_bytes()[:300])
    (images / "square_001.png").unlink()
    (masks / "disc_002.png").write_bytes(b"no mask")
    Image.new("1", (10, 10), 1).save(masks / "square_003.png")
    return manifest


def test_by_default_all_are_listed_before_training(damaged, outputs, tmp_path):
    with pytest.raises(ValueError, match=r"4 problems .*data\.on_bad_image=skip") as error:
        train_in_process(damaged, tmp_path / "run")
    assert all(name in str(error.value) for name in BROKEN)
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize("policy", ["skip", "quarantine"])
def test_left_out_images_are_counted_in_every_report(damaged, outputs, tmp_path, policy):
    run = train_in_process(damaged, tmp_path / "run", f"data.on_bad_image={policy}")
    assert json.loads((run / "metrics.json").read_text())["num_bad_images"] == 4
    assert json.loads((run / "status.json").read_text())["num_bad_images"] == 4
    log = (run / "log.txt").read_text()
    assert "4 of 24 images are left out" in log
    assert "(4 bad images left out)" in log
    with (run / "split.csv").open() as file:
        used = {Path(row["id"]).stem for row in csv.DictReader(file)}
    assert len(used) == 20 and not used & set(BROKEN)
    assert (run / "quarantine.csv").is_file() == (policy == "quarantine")
    if policy == "quarantine":
        with (run / "quarantine.csv").open() as file:
            rows = list(csv.DictReader(file))
        assert [Path(row["id"]).stem for row in rows] == list(BROKEN)
        reasons = [row["reason"] for row in rows]
        for reason, word in zip(
            reasons, ("cannot be decoded", "does not exist", "mask", "10 x 10"), strict=True
        ):
            assert word in reason


def test_rows_keep_their_names_when_others_are_left_out(damaged, tmp_path):
    table = ManifestData(manifest=str(damaged)).read(0)
    kept = check_files(table, tmp_path / "memory.parquet", "skip").table
    assert len(kept) == 20
    names = {table.row_name(row) for row in range(len(table))}
    assert {kept.row_name(row) for row in range(len(kept))} < names
    assert kept.counts() == {"train": [5, 5], "val": [2, 3], "test": [3, 2]}


def test_what_is_left_out_leaves_all_else_of_a_row_together(tmp_path, rows_of):
    manifest = make_shapes(tmp_path / "data")
    rows = [
        row | {"weight": str(index), "box_eye": f"{index} 0 {index + 1} 1"}
        for index, row in enumerate(rows_of(manifest))
    ]
    table = ManifestData(manifest=str(write_manifest(manifest, rows))).read(0)
    rows = np.array([1, 4, 9])
    kept = table.keep(rows)
    assert kept.ids.to_pylist() == [table.ids[row].as_py() for row in rows.tolist()]
    for name in ("labels", "groups", "weights", "detected"):
        assert (getattr(kept, name) == getattr(table, name)[rows]).all(), name
    assert kept.image_path(2) == table.image_path(9)
    assert kept.mask_paths["roi"][1].as_py() == table.mask_paths["roi"][4].as_py()
    assert kept.boxes["eye"][2].tolist() == [9, 0, 10, 1]
    assert kept.keep(np.array([2])).row_name(0) == table.row_name(9)


def test_a_class_or_a_split_that_vanishes_is_an_error(tmp_path, rows_of):
    manifest = make_shapes(tmp_path / "data")
    for row in rows_of(manifest):
        if row["split"] == "val" or (row["label"] == "disc" and row["split"] == "train"):
            (manifest.parent / row["image"]).unlink()
    table = ManifestData(manifest=str(manifest)).read(0)
    with pytest.raises(ValueError, match="2 problems") as error:
        check_files(table, tmp_path / "memory.parquet", "skip")
    assert "no val image is left" in str(error.value)
    assert "no training image of disc is left" in str(error.value)


def test_a_box_outside_is_no_bad_image(tmp_path, rows_of):
    manifest = make_shapes(tmp_path / "data")
    rows = [row | {"box_eye": "0 0 500 5"} for row in rows_of(manifest)]
    table = ManifestData(manifest=str(write_manifest(manifest, rows))).read(0)
    with pytest.raises(ValueError, match="24 problems"):
        check_files(table, tmp_path / "memory.parquet", "skip")


@pytest.mark.parametrize("num_workers", [0, 1])
def test_a_file_that_breaks_while_training_is_named(tmp_path, num_workers):
    manifest = make_shapes(tmp_path / "data")
    table = ManifestData(manifest=str(manifest)).read(0)
    check_files(table, tmp_path / "memory.parquet")
    (manifest.parent / "images" / "disc_003.png").unlink()
    half = (0.5, 0.5, 0.5)
    dataset = ROIDataset(table, np.arange(8), Preprocessing((32, 32), half, half, "bilinear"))
    loader = DataLoader(dataset, batch_size=None, num_workers=num_workers)
    with pytest.raises(ValueError) as error:
        list(loader)
    outcome = judge(error.value)
    assert outcome.status == ExitStatus.MISTAKE
    assert outcome.message.startswith("manifest.csv row 8 (images/disc_003.png): ")
    assert "resume=" in outcome.message and "Traceback" not in outcome.message


def test_a_run_whose_file_breaks_says_so_in_its_status(outputs, tmp_path, monkeypatch):
    from workflow import fit

    manifest, open_folder = make_shapes(tmp_path / "data"), fit._open_folder

    def break_a_file(*args):
        (manifest.parent / "images" / "square_002.png").write_bytes(b"cut")
        return open_folder(*args)

    monkeypatch.setattr(fit, "_open_folder", break_a_file)
    with pytest.raises(LostImage, match=r"^manifest\.csv row 7 \(images/square_002\.png\)"):
        train_in_process(manifest, tmp_path / "run")
    status = json.loads((tmp_path / "run" / "status.json").read_text())
    assert status["state"] == "failed" and "images/square_002.png" in status["reason"]
