"""Regions that were found: how they are written, compared with given ones, and drawn."""

import csv
import dataclasses
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from small_data import make_shapes

from datamodules.files.images import read_mask, read_size
from datamodules.regions.contact_sheet import CAPTION, CELL, COLUMNS, MISS, draw_contact_sheet
from datamodules.regions.found_files import in_pixels, write_manifest, write_misses
from datamodules.regions.roi_agreement import box_around, compare_with_given
from datamodules.sources import ManifestData


@pytest.fixture
def table(shapes):
    return ManifestData(manifest=str(shapes)).read(seed=0)


@pytest.fixture
def true_boxes(table):
    return np.array(
        [box_around(read_mask(table.mask_path("roi", row))) for row in range(len(table))]
    )


def write_and_read(table, boxes, folder, **said):
    sources = np.where(np.isnan(boxes[:, 0]), "", "detected")
    bare = dataclasses.replace(table, mask_paths={})
    write_manifest(folder / "manifest.csv", bare, {"roi": boxes}, sources)
    return ManifestData(manifest=str(folder / "manifest.csv"), root=str(table.root), **said).read(
        seed=0
    )


def test_written_boxes_are_read_again_as_detected(table, true_boxes, tmp_path):
    true_boxes[3] = np.nan
    again = write_and_read(table, true_boxes, tmp_path)
    np.testing.assert_array_equal(again.boxes["roi"], true_boxes)
    assert again.detected.tolist() == [row != 3 for row in range(len(table))]
    assert "mask" not in again.columns.column_names
    for name in ("image", "label", "split", "group", "site"):
        assert again.columns[name].to_pylist() == table.columns[name].to_pylist()


def test_distractors_given_as_shares_are_written_in_pixels(table, true_boxes, tmp_path):
    shares = np.full((len(table), 4), np.nan)
    shares[0] = [0.25, 0.5, 0.75, 1]
    marked = dataclasses.replace(table, distractors={"logo": shares}, boxes_normalized=True)
    again = write_and_read(in_pixels(marked), true_boxes, tmp_path)
    np.testing.assert_array_equal(again.distractors["logo"][0], [12, 20, 36, 40])
    assert np.isnan(again.distractors["logo"][1:]).all()


def test_a_proposal_gates_as_a_detection_and_is_said_aloud(table, true_boxes, tmp_path):
    path = tmp_path / "manifest.csv"
    write_and_read(table, true_boxes, tmp_path)
    path.write_text(path.read_text().replace("detected", "proposed", 2))
    again = ManifestData(manifest=str(path), root=str(table.root)).read(seed=0)
    assert again.detected.all()
    assert any("2 of 24 images is a PROPOSAL" in note for note in again.notes)
    path.write_text(path.read_text().replace("proposed", "guessed", 1))
    with pytest.raises(
        ValueError, match="roi_source is 'guessed', expected given, detected or pro"
    ):
        ManifestData(manifest=str(path), root=str(table.root)).read(seed=0)


def test_misses_are_listed_with_label_and_reason(table, tmp_path):
    rows, reasons = np.array([1, 4, 5]), np.array(["", "no face", 'cannot be decoded: "x", y'])
    write_misses(tmp_path / "misses.csv", table, rows, reasons)
    with (tmp_path / "misses.csv").open(newline="") as file:
        read = list(csv.DictReader(file))
    assert [row["id"] for row in read] == [table.ids[4].as_py(), table.ids[5].as_py()]
    assert [row["label"] for row in read] == ["disc", "square"]
    assert [row["reason"] for row in read] == reasons[1:].tolist()


def test_the_box_around_a_mask_holds_it_and_no_more():
    mask = np.zeros((9, 12), bool)
    mask[2:5, 3:10] = mask[7, 4] = True
    assert box_around(mask).tolist() == [3, 2, 10, 8]
    assert np.isnan(box_around(np.zeros((3, 3), bool))).all()


def test_found_regions_that_are_the_given_ones_agree_wholly(table, true_boxes):
    rows = np.arange(len(table))
    one = compare_with_given(table, rows, {"roi": true_boxes}, seed=0)["roi"]
    assert (one.num, one.iou, one.offset, one.close, one.snug) == (24, 1, 0, 1, 1)


def test_a_shift_is_measured_in_pixels_and_missed_images_do_not_count(table, true_boxes):
    shifted = true_boxes + np.array([6, 0, 6, 0])
    shifted[5] = np.nan
    one = compare_with_given(table, np.arange(len(table)), {"roi": shifted}, seed=0)["roi"]
    width, height = (true_boxes[:, 2:] - true_boxes[:, :2]).T
    inner = (width - 6) * height
    iou = inner / (2 * width * height - inner)
    assert one.num == 23 and one.offset == 6 and one.close == one.snug == 0
    assert one.iou == pytest.approx(np.delete(iou, 5).mean())


def test_a_given_mask_that_cannot_be_read_is_left_out_of_the_comparison(tmp_path, true_boxes):
    own = ManifestData(manifest=str(make_shapes(tmp_path / "data"))).read(seed=0)
    Path(own.mask_path("roi", 3)).write_bytes(b"none")
    one = compare_with_given(own, np.arange(len(own)), {"roi": true_boxes}, seed=0)["roi"]
    assert one.num == len(own) - 1


def test_regions_of_other_names_are_not_compared(table, true_boxes):
    assert compare_with_given(table, np.arange(len(table)), {"mouth": true_boxes}, seed=0) == {}


def test_the_sheet_keeps_a_third_for_misses_and_marks_them(table, true_boxes):
    rows, reasons = np.arange(len(table)), np.full(len(table), "", object)
    reasons[:9] = "no face"
    sheet = draw_contact_sheet(table, rows, {"roi": true_boxes}, reasons, 12, seed=0)
    assert sheet.size == (COLUMNS * CELL, 2 * (CELL + CAPTION))
    pixels = np.asarray(sheet)
    corners = [pixels[y, x] for y in (0, CELL + CAPTION) for x in range(0, COLUMNS * CELL, CELL)]
    assert sum(tuple(corner) == MISS for corner in corners) == 4


def test_a_picture_that_cannot_be_read_is_on_the_sheet_all_the_same(tmp_path):
    table = ManifestData(manifest=str(make_shapes(tmp_path / "shapes"))).read(seed=0)
    (tmp_path / "shapes" / "images" / "disc_000.png").write_bytes(b"none")
    nothing = {"roi": np.full((1, 4), np.nan)}
    sheet = draw_contact_sheet(table, np.array([0]), nothing, np.array(["broken"]), 4, seed=0)
    assert sheet.size == (CELL, CELL + CAPTION)


@pytest.mark.parametrize(("orientation", "size"), [(1, (10, 20)), (3, (10, 20)), (6, (20, 10))])
def test_a_size_is_that_of_the_upright_image(orientation, size, tmp_path):
    exif = Image.Exif()
    exif[0x0112] = orientation
    Image.new("RGB", (20, 10)).save(tmp_path / "one.jpg", exif=exif)
    assert read_size(str(tmp_path / "one.jpg")) == size
