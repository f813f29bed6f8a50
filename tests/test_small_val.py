"""A validation split that cannot tell epochs apart is said before training; training goes on."""

import pytest
from in_process import train_in_process
from small_data import make_shapes, write_manifest

SMALL = "The validation split is small"


def read_log(manifest, out, *words):
    quick = ["debug=one_batch", "test=false", "gate=pixel", *words]
    return (train_in_process(manifest, out, *quick) / "log.txt").read_text(encoding="utf-8")


def test_few_images_of_a_class_are_named_with_what_chance_makes_of_them(shapes, outputs, tmp_path):
    said = read_log(shapes, tmp_path / "run")
    # 3 validation images a class, in 3 groups
    assert f"{SMALL}: 3 groups (expected 5 or more) and of some classes few images: " in said
    assert "3 of disc, 3 of square (expected 10 or more of each), 6 images in all" in said
    # 1.96 * sqrt(2 * 0.9 * 0.1 / 6)
    assert "differ by less than 34% differ by chance" in said
    assert "callbacks.early_stopping and callbacks.best choose" in said


def test_nobody_who_chooses_by_it_nothing_to_say(shapes, outputs, tmp_path):
    words = ["callbacks.early_stopping=null", "callbacks.best.monitor=train_macro_f1"]
    assert SMALL not in read_log(shapes, tmp_path / "run", *words)


@pytest.mark.parametrize(("num_groups", "warns"), [(4, True), (5, False)])
def test_ten_images_of_each_class_in_five_groups_are_enough(
    num_groups, warns, rows_of, outputs, tmp_path
):
    manifest = make_shapes(tmp_path / "data", per_class=40, size=(16, 16))
    rows = rows_of(manifest)
    val = [row for row in rows if row["split"] == "val"]
    assert len(val) == 20
    for number, row in enumerate(val):
        row["group"] = f"val{number // 2 % num_groups}"
    assert (SMALL in read_log(write_manifest(manifest, rows), tmp_path / "run")) is warns
