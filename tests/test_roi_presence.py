"""Having a ROI is looked at where it goes with the label, and only there."""

from itertools import product
from math import comb

import numpy as np
import pytest
from small_data import write_manifest

from datamodules.checks.roi_presence import find_association, presence_p_value, presence_table
from datamodules.sources import ManifestData

EVEN = {split: {"closed": (5, 5), "open": (5, 5)} for split in ("train", "val", "test")}


@pytest.fixture
def table_of(tmp_path):
    """Table of split -> class -> (images with ROI, images without); no file is ever opened."""

    def make(counts):
        rows = [
            {"image": f"{split}_{name}_{present}_{i}.png", "label": name, "split": split}
            | {"mask": "mask.png" if present else ""}
            for split, classes in counts.items()
            for name, numbers in classes.items()
            for present, number in zip((True, False), numbers, strict=True)
            for i in range(number)
        ]
        return ManifestData(manifest=str(write_manifest(tmp_path / "m.csv", rows))).read(seed=0)

    return make


def test_a_detector_that_misses_closed_eyes_is_found_and_named(table_of):
    counts = EVEN | {"train": {"closed": (10, 40), "open": (45, 5)}}
    said = find_association(table_of(counts))
    assert "in the train split" in said
    assert "10 of 50 (20%)" in said and "45 of 50 (90%)" in said
    assert "'closed'" in said and "'open'" in said
    assert "gate.roi_missing=full" in said


def test_every_split_with_an_association_is_named_the_strongest_first(table_of):
    counts = EVEN | {
        "train": {"closed": (10, 40), "open": (45, 5)},
        "test": {"closed": (0, 30), "open": (30, 0)},
    }
    said = find_association(table_of(counts))
    assert "in the test split 0 of 30" in said
    assert "likewise in train" in said


@pytest.mark.parametrize("numbers", [(20, 20), (40, 0), (0, 40), (2, 38)])
def test_classes_alike_say_nothing(table_of, numbers):
    same = {"closed": numbers, "open": numbers}
    assert find_association(table_of(EVEN | {"train": same})) is None


def test_a_test_split_without_roi_is_no_association(table_of):
    """All splits together look like one: the test has none, and mostly closed eyes."""
    counts = {
        "train": {"closed": (20, 0), "open": (200, 0)},
        "val": {"closed": (10, 0), "open": (10, 0)},
        "test": {"closed": (0, 200), "open": (0, 20)},
    }
    assert find_association(table_of(counts)) is None


def test_a_small_difference_in_large_data_is_no_alarm(table_of):
    counts = EVEN | {"train": {"closed": (4600, 400), "open": (4900, 100)}}
    assert find_association(table_of(counts)) is None


@pytest.mark.parametrize(("number", "found"), [(6, False), (7, True)])
def test_small_counts_are_judged_exactly(table_of, number, found):
    """All of one class and none of the other: 2 of comb(12, 6) = 924 orders, of 3432 with 7."""
    counts = EVEN | {"train": {"closed": (0, number), "open": (number, 0)}}
    assert presence_p_value(np.array([[0, number], [number, 0]])) == pytest.approx(
        2 / comb(2 * number, number)
    )
    assert (find_association(table_of(counts)) is not None) == found


def test_one_odd_image_of_a_tiny_class_is_not_named(table_of):
    classes = {f"class_{i}": (450 + 20 * (i % 2), 50 - 20 * (i % 2)) for i in range(6)}
    counts = {split: classes | {"tiny": (0, 1)} for split in ("train", "val", "test")}
    assert presence_p_value(np.array([*classes.values(), (0, 1)])) < 0.01
    assert find_association(table_of(counts)) is None


def test_one_class_of_many_is_held_against_the_others(table_of):
    classes = {"melanoma": (30, 0), "naevus": (8, 22), "wart": (9, 21), "none": (10, 20)}
    said = find_association(table_of(dict.fromkeys(("train", "val", "test"), classes)))
    assert "30 of 30 (100%) images of 'melanoma'" in said
    assert "27 of 90 (30%) of the other classes" in said


def test_few_images_of_three_classes_are_judged_by_permutation():
    counts = np.array([[4, 0], [1, 3], [0, 4]])
    sizes, total = counts.sum(1), counts[:, 0].sum()
    expected = sizes * total / sizes.sum()
    observed = ((counts[:, 0] - expected) ** 2 / sizes).sum()
    exact = 0.0  # enumerated: every way of giving 5 of 12 images a ROI
    for drawn in product(*(range(size + 1) for size in sizes)):
        if sum(drawn) == total and ((drawn - expected) ** 2 / sizes).sum() >= observed - 1e-9:
            ways = np.prod([comb(size, n) for size, n in zip(sizes, drawn, strict=True)])
            exact += ways / comb(sizes.sum(), total)
    assert presence_p_value(counts) == pytest.approx(exact, abs=4 * (exact / 9_999) ** 0.5)
    assert presence_p_value(counts) == presence_p_value(counts)


def test_the_table_counts_every_class(table_of):
    counts = EVEN | {"train": {"closed": (10, 40), "open": (45, 5)}}
    lines = [line.split() for line in presence_table(table_of(counts)).splitlines()]
    assert lines[1:] == [["closed", "20", "50", "28.6%"], ["open", "55", "15", "78.6%"]]
    assert len(set(map(len, presence_table(table_of(counts)).splitlines()))) == 1
