"""Masks that tell the label are found out, and what tells is named."""

import numpy as np
import pytest
from PIL import Image
from scipy.stats import beta
from small_data import write_manifest

from datamodules.checks.mask_geometry import describe_mask
from datamodules.checks.mask_only import bootstrap, measure_mask_only
from datamodules.checks.roi_presence import find_association
from datamodules.sources import ManifestData

SIZE = 32


def box_of(radius, rng):
    """A square of 2 radius + 1 pixels anywhere, x0 y0 x1 y1."""
    y, x = rng.integers(radius, SIZE - radius, 2)
    return x - radius, y - radius, x + radius + 1, y + radius + 1


def draw(box, size=(SIZE, SIZE)):
    mask = np.zeros(size, bool)
    if box is not None:
        mask[box[1] : box[3], box[0] : box[2]] = True
    return mask


@pytest.fixture
def table_of(tmp_path):
    """Table of training masks by class; None: no mask. Validation and test are never opened."""

    def make(by_class, column="mask", groups=None, **options):
        rows = []
        for label, regions in by_class.items():
            for i, region in enumerate(regions):
                name, value = f"{label}_{i}.png", ""
                if column == "mask" and region is not None:
                    value = f"mask_{name}"
                    Image.fromarray(region).save(tmp_path / value)
                elif region is not None:
                    value = " ".join(map(str, region))
                row = {"image": name, "label": label, "split": "train", column: value}
                rows.append(row | ({} if groups is None else {"group": groups[label][i]}))
            for split in ("val", "test"):
                row = {"image": f"{split}_{label}.png", "label": label, "split": split, column: ""}
                rows.append(row | ({} if groups is None else {"group": f"{split}{label}"}))
        manifest = write_manifest(tmp_path / "m.csv", rows)
        return ManifestData(manifest=str(manifest), **options).read(seed=0)

    return make


def squares(radius, number, seed):
    rng = np.random.default_rng(seed)
    return [draw(box_of(radius, rng)) for _ in range(number)]


def test_the_size_of_a_mask_tells_the_label(table_of):
    result = measure_mask_only(table_of({"big": squares(8, 30, 0), "small": squares(3, 30, 1)}), 0)
    assert result.balanced_accuracy > 0.95
    assert result.low <= result.balanced_accuracy <= result.high
    assert result.warning
    assert (result.chance, result.num_images) == (0.5, 60)
    assert "no gate on pixels hides that" in result.sentence
    for remedy in ("gate.dilate", "extras.mask_jitter", "boxes of one size"):
        assert remedy in result.sentence


@pytest.mark.parametrize("seed", range(3))
def test_masks_alike_stay_at_chance(table_of, seed):
    table = table_of({"one": squares(4, 60, 2 * seed), "other": squares(4, 60, 2 * seed + 1)})
    result = measure_mask_only(table, seed)
    assert result.low < 0.5 < result.high
    assert not result.warning


def test_presence_that_tells_the_label_is_named_here_and_by_the_association(table_of):
    missed = [mask if i % 10 == 0 else None for i, mask in enumerate(squares(4, 40, 0))]
    table = table_of({"closed": missed, "open": squares(4, 40, 1)})
    result = measure_mask_only(table, 0)
    assert result.warning
    assert "Whether there is a ROI at all reaches 0.95" in result.sentence
    assert "in the train split 4 of 40" in find_association(table)


def test_masks_missing_alike_say_nothing(table_of):
    def half(seed):
        return [mask if i % 2 else None for i, mask in enumerate(squares(4, 40, seed))]

    table = table_of({"closed": half(0), "open": half(1)})
    assert not measure_mask_only(table, 0).warning
    assert find_association(table) is None


def test_an_empty_mask_that_means_normal_is_named(table_of):
    table = table_of({"ill": squares(4, 20, 0), "normal": [draw(None)] * 20})
    result = measure_mask_only(table, 0)
    assert result.warning and "Whether the mask is empty reaches 1.00" in result.sentence
    assert find_association(table) is None  # annotated, all of them


def test_boxes_say_what_the_same_masks_say(table_of, tmp_path):
    rng = np.random.default_rng(0)
    boxes = {name: [box_of(r, rng) for _ in range(15)] for name, r in (("big", 7), ("small", 5))}
    masks = {name: [draw(box) for box in some] for name, some in boxes.items()}
    expected = measure_mask_only(table_of(masks), 0)
    for name in boxes:
        for i in range(15):
            Image.new("RGB", (SIZE, SIZE)).save(tmp_path / f"{name}_{i}.png")
    assert measure_mask_only(table_of(boxes, "box"), 0) == expected


def test_a_turned_photograph_takes_its_box_upright(table_of, tmp_path):
    turned = Image.Exif()
    turned[0x0112] = 6
    boxes = {"low": [(2, 50, 12, 60)] * 10, "high": [(2, 4, 12, 14)] * 10}
    results = []
    for size, exif in (((16, 64), Image.Exif()), ((64, 16), turned)):
        for name in boxes:
            for i in range(10):
                Image.new("RGB", size).save(tmp_path / f"{name}_{i}.png", exif=exif)
        results.append(measure_mask_only(table_of(boxes, "box"), 0))
    assert results[0] == results[1]
    assert "gate.dilate" in results[0].sentence  # told by its place, not found empty


def test_sizes_may_differ_and_one_of_several_regions_may_be_missing(tmp_path):
    rows = []
    for i in range(24):
        size = (20 + i, 60 - i)
        row = {"image": f"{i}.png", "label": "ab"[i % 2], "split": "train" if i < 20 else "val"}
        Image.new("RGB", size).save(tmp_path / row["image"])
        Image.fromarray(draw((2, 2, 9, 9), size[::-1])).save(tmp_path / f"mask{i}.png")
        row["split"] = "test" if i > 21 else row["split"]
        box = "" if i % 4 else "0.1 0.1 0.5 0.5"
        rows.append(row | {"mask_face": f"mask{i}.png" if i % 3 else "", "box_eye": box})
    manifest = write_manifest(tmp_path / "m.csv", rows)
    table = ManifestData(manifest=str(manifest), box_format="xyxy_normalized").read(seed=0)
    assert table.region_names == ("face", "eye")
    assert measure_mask_only(table, 0).num_images == 20


def test_a_mask_that_tells_the_subject_only_does_not_count(table_of):
    """Every subject has a place of its own and one label; a new subject says nothing."""
    rng = np.random.default_rng(0)
    places = {name: [box_of(3, rng) for _ in range(12)] for name in ("alert", "drowsy")}
    masks = {name: [draw(box) for box in some for _ in range(5)] for name, some in places.items()}
    groups = {name: [f"{name}{i // 5}" for i in range(60)] for name in masks}
    assert measure_mask_only(table_of(masks), 0).low > 0.8
    known = measure_mask_only(table_of(masks, groups=groups), 0)
    assert known.low < 0.5 < known.high and not known.warning


def test_without_enough_to_learn_from_nothing_is_measured(table_of):
    assert measure_mask_only(table_of({"a": [None] * 20, "b": [None] * 20}), 0) is None
    assert measure_mask_only(table_of({"a": squares(3, 9, 0), "b": squares(3, 20, 1)}), 0) is None
    masks = {"a": squares(3, 12, 0), "b": squares(3, 12, 1)}
    groups = {"a": ["one subject"] * 12, "b": [f"b{i}" for i in range(12)]}
    assert measure_mask_only(table_of(masks, groups=groups), 0) is None


@pytest.mark.parametrize(("num_classes", "per_class", "seen"), [(2, 500, 2), (61, 12, 60)])
def test_much_data_is_measured_on_600_images(table_of, num_classes, per_class, seen):
    classes = {f"c{k}": [draw(None)] + [None] * (per_class - 1) for k in range(num_classes)}
    result = measure_mask_only(table_of(classes), 0)
    assert (result.num_images, result.chance) == (600, 1 / seen)


def test_the_same_seed_gives_the_same_result(table_of):
    table = table_of({"one": squares(4, 30, 0), "other": squares(5, 30, 1)})
    assert measure_mask_only(table, 3) == measure_mask_only(table, 3)


@pytest.mark.parametrize("num_right", [10, 7, 0])
def test_the_interval_of_single_images_is_that_of_jeffreys(num_right):
    right = np.arange(10) < num_right
    mean, low, high = bootstrap(right, np.zeros(10, int), np.arange(10), 0)
    expected = beta(num_right + 0.5, 10 - num_right + 0.5).ppf([0.025, 0.975])
    assert mean == num_right / 10
    assert (low, high) == pytest.approx((min(mean, expected[0]), max(mean, expected[1])), abs=0.02)


def test_frames_of_one_subject_count_once():
    single = bootstrap(np.arange(10) < 7, np.zeros(10, int), np.arange(10), 0)
    tenfold = np.repeat(np.arange(10), 10)
    assert bootstrap(tenfold < 7, np.zeros(100, int), tenfold, 0) == pytest.approx(single)


def test_a_mask_is_described_by_what_is_seen_of_it():
    mask = draw((4, 8, 12, 12), (16, 32))
    mask[0, 31] = True
    area = 33 / 512
    centre_box = [6 / 16, 18 / 32, 12 / 16, 28 / 32]
    centroid = [(32 * 10 + 0.5) / 33 / 16, (32 * 8 + 31.5) / 33 / 32]
    shape = [np.log(28 / 12), 33 / (12 * 28), 16 * 33 / (24 + 4) ** 2]
    expected = [1, 0, area, *centre_box, *centroid, *shape, 2]
    assert describe_mask(mask) == pytest.approx(expected)
    assert describe_mask(draw((3, 3, 9, 9)))[-2] == 1
