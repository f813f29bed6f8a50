"""Worst group and pairs, on cases worked by hand."""

import numpy as np
import pytest

from lightning_modules.evaluation.predictions import PredictionTable
from lightning_modules.evaluation.slices import measure_groups
from lightning_modules.evaluation.statistics.wilson import wilson_interval
from lightning_modules.evaluation.summary import summarize
from lightning_modules.networks.gates import Promise


def predictions(labels, predicted, **columns):
    count = len(labels)
    return PredictionTable(
        ids=[str(row) for row in range(count)],
        labels=np.array(labels),
        logits=np.eye(2)[predicted],
        class_names=["cat", "dog"],
        mask_origin=["given"] * count,
        mask_share=np.full(count, 0.2),
        roi_share=np.full(count, 0.1),
        columns={name: np.array(values) for name, values in columns.items()},
        groups=None,
    )


def test_the_worst_group_is_the_one_with_the_lowest_accuracy():
    table = predictions([0, 0, 0, 1, 1, 1], [0, 0, 1, 1, 0, 0], site=list("aabaab"))
    metrics = measure_groups(table, ["site"], None)
    assert metrics["test_worst_group_accuracy"] == 0
    assert metrics["test_worst_group"] == "cat, site b"
    found = [metrics["test_groups"][f"{name}, site a"] for name in ("cat", "dog")]
    assert [(one["images"], one["accuracy"]) for one in found] == [(2, 1.0), (2, 0.5)]
    assert (found[0]["low"], found[0]["high"]) == pytest.approx(wilson_by_its_formula(2, 2))


def test_several_columns_are_each_crossed_with_the_class():
    table = predictions([0, 0, 1, 1], [0, 1, 1, 1], site=list("abab"), light=list("ddnn"))
    groups = measure_groups(table, ["site", "light"], None)["test_groups"]
    assert set(groups) == {
        "cat, site a", "cat, site b", "dog, site a", "dog, site b", "cat, light d", "dog, light n",
    }  # fmt: skip


def wilson_by_its_formula(successes, total, z=1.959963984540054):
    share = successes / total
    middle = (share + z**2 / (2 * total)) / (1 + z**2 / total)
    half = z / (1 + z**2 / total) * np.sqrt(share * (1 - share) / total + z**2 / (4 * total**2))
    return middle - half, middle + half


@pytest.mark.parametrize(("successes", "total"), [(0, 10), (10, 10), (81, 263), (1, 2)])
def test_wilson_intervals_follow_the_formula(successes, total):
    expected = wilson_by_its_formula(successes, total)
    assert wilson_interval(successes, total) == pytest.approx(expected, abs=1e-9)


def test_a_published_wilson_interval_is_met():
    """Newcombe 1998, "Two-sided confidence intervals for the single proportion", table I."""
    assert wilson_interval(81, 263) == pytest.approx((0.2553, 0.3662), abs=5e-5)
    assert wilson_interval(15, 148) == pytest.approx((0.0624, 0.1605), abs=5e-5)


def test_a_pair_flips_when_its_two_answers_differ():
    table = predictions([0, 0, 1, 1, 0, 0], [0, 1, 1, 1, 0, 0], pair=["p", "p", "q", "q", "", "r"])
    metrics = measure_groups(table, [], "pair")
    assert metrics == {
        "test_pair_flip_rate": 0.5,
        "test_pair_accuracy": 0.75,
        "test_pairs": 2,
    }


def test_three_images_of_one_scene_are_three_pairs():
    table = predictions([0, 0, 0], [0, 0, 1], pair=["p", "p", "p"])
    metrics = measure_groups(table, [], "pair")
    assert metrics["test_pair_flip_rate"] == metrics["test_pair_accuracy"] == 2 / 3
    assert metrics["test_pairs"] == 3


def test_without_pairs_there_is_no_rate():
    table = predictions([0, 1], [0, 1], pair=["p", "q"])
    assert measure_groups(table, [], "pair") == {"test_pairs": 0}


METRICS = {"test_accuracy": 0.5, "test_balanced_accuracy": 0.5, "test_macro_f1": 0.5}


def test_a_plain_model_is_never_called_gated():
    sentences = summarize(predictions([0, 1], [0, 0]), METRICS, Promise.NONE, None)
    assert "NOT gated" in sentences[1]
    assert "is not known" in sentences[1]


def test_the_area_of_the_mask_stands_beside_a_gated_result():
    sentences = summarize(predictions([0, 1], [0, 0]), METRICS, Promise.EXACT, None)
    assert "covers 2.00 times the area of the ROI" in sentences[1]


def test_images_that_were_not_gated_and_empty_masks_are_counted():
    table = predictions([0, 1, 1], [0, 0, 1])
    table.mask_origin[0] = "full"
    table.mask_share[1] = 0
    sentence = summarize(table, METRICS, Promise.EXACT, None)[1]
    assert "1 of 3 images had no mask, were shown whole and are NOT gated" in sentence
    assert "for 1 images the mask is empty" in sentence


def test_unknown_groups_are_said_beside_the_score():
    sentences = summarize(predictions([0], [0]), METRICS, Promise.EXACT, "no groups known")
    assert "no groups known" in sentences[0]
