"""Boxes of regions and of distractors are read by the same conventions, and never mixed up."""

import numpy as np
import pytest
from small_data import write_manifest

from datamodules.regions.planes import read_distractors
from datamodules.sources import ManifestData
from datamodules.tables.manifest import read_manifest

SIDES = ("x0", "y0", "x1", "y1")


@pytest.fixture
def read_with(shapes, tmp_path, rows_of):
    """Read the shapes with further cells in every row, or in one of them."""

    def read(cells, row=None, **options):
        blank = dict.fromkeys(cells, "")
        rows = [
            line | (cells if row in (None, index) else blank)
            for index, line in enumerate(rows_of(shapes))
        ]
        manifest = write_manifest(tmp_path / "m.csv", rows)
        return ManifestData(manifest=str(manifest), root=str(shapes.parent), **options).read(0)

    return read


def test_a_table_without_the_columns_has_no_distractors(read_with):
    table = read_with({})
    assert table.distractors == {}
    assert table.distractor_names == ()


@pytest.mark.parametrize(
    ("box_format", "text"),
    [
        ("xyxy", "10 5 30 25"),
        ("xywh", "10,5,20,20"),
        ("cxcywh", "[20, 15, 20, 20]"),
        ("xyxy_normalized", "0.2083333 0.125 0.625 0.625"),
    ],
)
def test_a_distractor_of_every_convention_means_the_same_pixels(read_with, box_format, text):
    table = read_with({"distractor_text": text}, box_format=box_format)
    expected = np.zeros((1, 40, 48), bool)
    expected[:, 5:25, 10:30] = True
    assert (read_distractors(table, 0, 40, 48) == expected).all()


def test_a_distractor_is_no_region(read_with):
    table = read_with({"distractor_text": "1 2 9 8", "box_eye": "10 5 30 25"})
    assert table.region_names == ("roi", "eye")
    assert table.distractor_names == ("text",)


def test_sides_in_columns_of_their_own_give_the_same_boxes(read_with):
    numbers = ["1", "2", "9", "8"]
    apart = {f"distractor_text_{s}": n for s, n in zip(SIDES, numbers, strict=True)}
    apart = read_with(apart | {"distractor_logo": "0 0 4 4"})
    assert apart.distractors["text"][0].tolist() == [1, 2, 9, 8]
    assert set(apart.distractor_names) == {"logo", "text"}


def test_a_blank_is_an_image_without_the_distractor(read_with):
    table = read_with({"distractor_text": "1 2 9 8", "distractor_logo": "0 0 4 4"}, row=3)
    planes = [read_distractors(table, row, 40, 48) for row in range(len(table))]
    assert [row for row, plane in enumerate(planes) if plane.any()] == [3]
    areas = dict(zip(table.distractor_names, planes[3].sum(axis=(1, 2)).tolist(), strict=True))
    assert areas == {"text": 48, "logo": 16}


@pytest.mark.parametrize(
    ("cells", "message"),
    [
        ({"distractor_text": "1 2 3"}, r"m\.csv row 6: the box of the distractor text is '1 2 3'"),
        ({"distractor_text": "a logo"}, "expected four numbers"),
        (
            {"distractor_text_x0": "1"},
            "distractor_text_y0, .*_y1 missing beside distractor_text_x0",
        ),
        ({"distractor": "1 2 9 8"}, "'distractor' does not say what it is a box of"),
        ({"distractor_x0": "1"}, "'distractor_x0' does not say what it is a box of"),
        (
            {f"box_eye_{side}": "1" for side in SIDES} | {"box_eye": "1 2 9 8"},
            "box_eye and box_eye_x0 both give one box",
        ),
    ],
)
def test_mistakes_are_refused_by_name(read_with, cells, message):
    with pytest.raises(ValueError, match=message):
        read_with(cells, row=4)


def test_mistakes_in_boxes_of_both_kinds_come_together(read_with):
    with pytest.raises(ValueError, match=r"2 problems in m\.csv") as error:
        read_with({"distractor_text": "left", "box_eye": "right"}, row=4)
    for part in ("the box of eye is 'right'", "the box of the distractor text is 'left'"):
        assert part in str(error.value)


@pytest.mark.parametrize("name", ["distracter_text", "distractors_text", "Distractor_text"])
def test_a_misspelt_distractor_is_named(shapes, tmp_path, rows_of, name):
    rows = [row | {name: "1 1 4 4"} for row in rows_of(shapes)]
    with pytest.raises(ValueError, match=f"{name}' looks like a distractor"):
        read_manifest(write_manifest(tmp_path / "m.csv", rows), None, "xyxy")


def test_a_missing_first_side_is_one_problem(shapes, tmp_path, rows_of):
    rows = [
        row | {f"distractor_text_{s}": "5" for s in ("y0", "x1", "y1")} for row in rows_of(shapes)
    ]
    with pytest.raises(ValueError, match="distractor_text_x0 missing beside distractor_text_y0"):
        read_manifest(write_manifest(tmp_path / "m.csv", rows), None, "xyxy")
