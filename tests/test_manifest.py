"""A manifest is read as people write it, and refused with all of its mistakes named."""

from pathlib import Path

import numpy as np
import pyarrow.csv
import pyarrow.parquet
import pytest
from small_data import make_shapes, write_manifest

from datamodules.sources import ManifestData


def read(manifest: Path, **options: object):
    return ManifestData(manifest=str(manifest), **options).read(seed=0)


def test_every_row_keeps_its_label_split_group_and_mask(shapes):
    table = read(shapes)
    assert len(table) == 24
    assert table.class_names == ("disc", "square")
    assert table.positive_class == "square"
    assert table.counts() == {"train": [6, 6], "val": [3, 3], "test": [3, 3]}
    assert table.has_roi().all()
    assert table.region_names == ("roi",)


def test_class_order_follows_the_user(shapes):
    table = read(shapes, classes=["square", "disc"], positive_class="square")
    assert table.class_names == ("square", "disc")
    first = table.columns["label"][0].as_py()
    assert table.class_names[table.labels[0]] == first


@pytest.mark.parametrize("separator", [";", "\t"])
def test_other_separators_and_a_byte_order_mark_are_read(shapes, tmp_path, separator):
    text = shapes.read_text().replace(",", separator)
    other = tmp_path / "other.csv"
    other.write_text("\ufeff" + text, encoding="utf-8")
    assert read(other, root=str(shapes.parent)).labels.tolist() == read(shapes).labels.tolist()


def test_parquet_is_read_like_csv(shapes, tmp_path):
    other = tmp_path / "manifest.parquet"
    pyarrow.parquet.write_table(pyarrow.csv.read_csv(shapes), other)
    table = read(other, root=str(shapes.parent))
    assert table.ids.to_pylist() == read(shapes).ids.to_pylist()


def test_a_blank_mask_is_unknown(shapes, tmp_path, rows_of):
    rows = rows_of(shapes)
    rows[3]["mask"] = ""
    table = read(write_manifest(tmp_path / "m.csv", rows), root=str(shapes.parent))
    assert np.flatnonzero(~table.has_roi().any(1)).tolist() == [3]


@pytest.mark.parametrize(
    ("box_format", "text"),
    [
        ("xyxy", "10 5 30 25"),
        ("xywh", "10,5,20,20"),
        ("cxcywh", "[20, 15, 20, 20]"),
        ("xyxy_normalized", "0.2083333 0.125 0.625 0.625"),
    ],
)
def test_boxes_of_every_convention_mean_the_same_pixels(
    shapes, tmp_path, rows_of, box_format, text
):
    from datamodules.regions.planes import read_regions

    rows = [
        {k: v for k, v in row.items() if k != "mask"} | {"box_eye": text} for row in rows_of(shapes)
    ]
    manifest = write_manifest(tmp_path / "m.csv", rows)
    table = read(manifest, root=str(shapes.parent), box_format=box_format)
    assert table.region_names == ("eye",)
    expected = np.zeros((1, 40, 48), bool)
    expected[:, 5:25, 10:30] = True
    assert (read_regions(table, 0, 40, 48) == expected).all()


def test_box_sides_may_stand_in_columns_of_their_own_and_round_outwards(shapes, tmp_path, rows_of):
    from datamodules.regions.planes import box_pixels

    sides = {"box_eye_x0": "1.2", "box_eye_y0": "2.9", "box_eye_x1": "7.1", "box_eye_y1": "8"}
    rows = [row | sides for row in rows_of(shapes)]
    table = read(write_manifest(tmp_path / "m.csv", rows), root=str(shapes.parent))
    assert table.region_names == ("roi", "eye")
    assert box_pixels(table.boxes["eye"][0], False, 40, 48) == (1, 2, 8, 8)


def change(rows: list, row: int, **cells: str) -> list:
    return [line | cells if index == row else line for index, line in enumerate(rows)]


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda rows: [{"image": r["image"]} for r in rows], "column 'label' is missing"),
        (lambda rows: change(rows, 2, label=""), "'label' is blank in row 4"),
        (lambda rows: change(rows, 1, image=rows[0]["image"]), "must name a row once"),
        (lambda rows: [r | {"label": "disc"} for r in rows], "one class only"),
        (lambda rows: change(rows, 0, split="trian"), "split 'trian' is unknown"),
        (lambda rows: change(rows, 0, split=""), "split is blank in 1 rows"),
        (lambda rows: [r | {"group": "anna"} for r in rows], "group 'anna' stands in"),
        (lambda rows: change(rows, 0, image="../secret.png"), "lies outside of"),
        (lambda rows: change(rows, 0, mask="../../secret.png"), "lies outside of"),
        (lambda rows: [r | {"box": "1 2 3"} for r in rows], "expected four numbers"),
        (lambda rows: change([r | {"weight": "1"} for r in rows], 5, weight="-2"), "row 7: weight"),
        (
            lambda rows: change([r | {"weight": "1"} for r in rows], 5, weight="nan"),
            "row 7: weight",
        ),
    ],
)
def test_mistakes_are_refused_by_name(shapes, tmp_path, rows_of, make, message):
    manifest = write_manifest(tmp_path / "m.csv", make(rows_of(shapes)))
    with pytest.raises(ValueError, match=message):
        read(manifest, root=str(shapes.parent))


def test_all_mistakes_of_a_kind_come_together(shapes, tmp_path, rows_of):
    rows = [row | {"weight": "much"} for row in rows_of(shapes)]
    with pytest.raises(ValueError, match=r"24 problems in (.|\n)*row 2(.|\n)*row 3(.|\n)*4 more"):
        read(write_manifest(tmp_path / "m.csv", rows), root=str(shapes.parent))


def test_an_unknown_slice_column_names_the_columns_there_are(shapes):
    with pytest.raises(ValueError, match=r"data\.slice_by=sites: there is no such column.*site"):
        read(shapes, slice_by="sites")


def test_a_missing_manifest_is_named(tmp_path):
    with pytest.raises(ValueError, match=r"there is no file .*nothing\.csv"):
        read(tmp_path / "nothing.csv")


def test_files_may_lie_outside_when_allowed(tmp_path, rows_of):
    manifest = make_shapes(tmp_path / "data")
    (tmp_path / "lists").mkdir()
    rows = [row | {"image": f"../data/{row['image']}", "mask": ""} for row in rows_of(manifest)]
    elsewhere = write_manifest(tmp_path / "lists" / "m.csv", rows)
    assert len(read(elsewhere, allow_outside=True)) == 24


@pytest.mark.parametrize("group", ["1", "12", "anna"])
def test_a_group_of_any_length_is_found_on_both_sides(shapes, tmp_path, rows_of, group):
    rows = [row | {"group": group} for row in rows_of(shapes)]
    with pytest.raises(ValueError, match=f"group '{group}' stands in test and train and val"):
        read(write_manifest(tmp_path / "m.csv", rows), root=str(shapes.parent))


def test_blank_groups_are_unknown_groups(shapes, tmp_path, rows_of):
    rows = [row | {"group": ""} for row in rows_of(shapes)]
    table = read(write_manifest(tmp_path / "m.csv", rows), root=str(shapes.parent))
    assert table.groups is None
    rows = change(rows_of(shapes), 0, group="")
    table = read(write_manifest(tmp_path / "m.csv", rows), root=str(shapes.parent))
    assert any("The group of 1 of 24 images is blank" in note for note in table.notes)


def test_an_image_in_several_rows_stays_in_one_split(shapes, tmp_path, rows_of):
    rows = [row | {"id": f"object{index}"} for index, row in enumerate(rows_of(shapes))]
    rows = [{k: v for k, v in row.items() if k not in ("group", "split")} for row in rows]
    twice = [*rows, *(row | {"id": f"again{i}"} for i, row in enumerate(rows))]
    table = read(write_manifest(tmp_path / "m.csv", twice), root=str(shapes.parent))
    images = table.columns["image"].to_pylist()
    places = {(image, split) for image, split in zip(images, table.splits, strict=True)}
    assert len(places) == len(set(images)) == 24


def test_paths_written_on_windows_are_read(shapes, tmp_path, rows_of):
    rows = [
        row | {name: row[name].replace("/", "\\") for name in ("image", "mask")}
        for row in rows_of(shapes)
    ]
    table = read(write_manifest(tmp_path / "m.csv", rows), root=str(shapes.parent))
    assert Path(table.image_path(0)).is_file()
    assert Path(table.mask_path("roi", 0)).is_file()


@pytest.mark.parametrize(
    ("pair", "message"),
    [("split", "joins images of different classes"), ("label", None)],
)
def test_a_pair_joins_images_of_one_class(shapes, pair, message):
    if message is None:
        assert len(read(shapes, pair_by=pair)) == 24
        return
    with pytest.raises(ValueError, match=message):
        read(shapes, pair_by=pair)


def test_a_positive_class_is_one_of_two(shapes, tmp_path, rows_of):
    rows = [row | {"label": f"{row['label']}{i % 4 // 2}"} for i, row in enumerate(rows_of(shapes))]
    manifest = write_manifest(tmp_path / "m.csv", rows)
    with pytest.raises(ValueError, match="there are 4 classes"):
        read(manifest, root=str(shapes.parent), positive_class="disc0")


def test_classes_may_be_numbers(shapes, tmp_path, rows_of):
    rows = [row | {"label": str(int(row["label"] == "disc"))} for row in rows_of(shapes)]
    manifest = write_manifest(tmp_path / "m.csv", rows)
    table = read(manifest, root=str(shapes.parent), classes=[1, 0], positive_class=1)
    assert table.class_names == ("1", "0")
    assert table.positive_class == "1"


def test_a_row_of_too_many_cells_is_named_by_its_number(shapes, tmp_path):
    lines = shapes.read_text().splitlines()
    lines[4] += ",surplus"
    (tmp_path / "m.csv").write_text("\n".join(lines))
    with pytest.raises(ValueError, match=r"Row #5: Expected \d+ columns.*closed"):
        read(tmp_path / "m.csv", root=str(shapes.parent))


def test_a_broken_parquet_file_is_not_told_about_commas(tmp_path):
    (tmp_path / "m.parquet").write_text("image,label\n")
    with pytest.raises(ValueError, match=r"expected Parquet, as the name says") as error:
        read(tmp_path / "m.parquet")
    assert "comma" not in str(error.value)
