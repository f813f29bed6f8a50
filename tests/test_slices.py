"""Worst group and pairs, on cases worked by hand."""

from itertools import combinations

import numpy as np
import pytest
from scipy.special import expit, logit
from scipy.stats import norm

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
    # of four slices: at a level of 1 - 0.05 / 4 each
    expected = wilson_by_its_formula(2, 2, norm.ppf(1 - 0.05 / 4 / 2))
    assert (found[0]["low"], found[0]["high"]) == pytest.approx(expected)


@pytest.mark.parametrize("grouped", [False, True])
def test_the_interval_of_the_worst_slice_holds_although_it_was_picked(grouped):
    """Eight slices, all of 80 %: that of the worst alone would hold in 70 to 80 % of tests."""
    rng, covered = np.random.default_rng(2), 0
    labels, site = np.arange(480) % 2, (np.arange(480) // 2 % 4).astype(str)
    groups = np.arange(480) // 8 if grouped else np.arange(480)
    for _ in range(150):
        ease = logit(0.8) + rng.normal(0, 0.01, 480)[groups]
        said = np.where(rng.random(480) < expit(ease), labels, 1 - labels)
        table = predictions(labels, said, site=site)
        table.groups = groups.astype(str) if grouped else None
        found = measure_groups(table, ["site"], None, 300)
        covered += found["test_worst_group_accuracy_low"] <= 0.8
        covered -= found["test_worst_group_accuracy_high"] < 0.8
    assert covered / 150 >= 0.93


def test_slices_and_pairs_are_resampled_as_often_as_was_asked():
    rng = np.random.default_rng(0)
    labels, said = rng.integers(0, 2, (2, 300))
    table = predictions(labels, said, site=["a"] * 300, pair=np.arange(300) // 2 % 90)
    table.columns["pair"] = table.columns["pair"].astype(str)
    table.groups = (np.arange(300) // 2 % 15).astype(str)
    few, many = (measure_groups(table, ["site"], "pair", number) for number in (200, 2000))
    for name in ("test_worst_group_accuracy", "test_pair_flip_rate"):
        assert few[name] == many[name]
        assert few[f"{name}_low"] != many[f"{name}_low"]


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
        "test_pair_flip_rate_low": pytest.approx(wilson_by_its_formula(1, 2)[0]),
        "test_pair_flip_rate_high": pytest.approx(wilson_by_its_formula(1, 2)[1]),
        "test_pair_accuracy": 0.75,
        "test_pairs": 2,
    }


def test_three_images_of_one_scene_are_three_pairs():
    table = predictions([0, 0, 0], [0, 0, 1], pair=["p", "p", "p"])
    metrics = measure_groups(table, [], "pair")
    assert metrics["test_pair_flip_rate"] == metrics["test_pair_accuracy"] == 2 / 3
    assert metrics["test_pairs"] == 3


def test_pairs_are_those_that_are_counted_one_by_one():
    rng = np.random.default_rng(0)
    said, scenes = rng.integers(0, 2, 60), rng.choice(["p", "q", "r", "s", ""], 60)
    metrics = measure_groups(predictions(said * 0, said, pair=scenes), [], "pair")
    both = combinations(range(60), 2)
    pairs = [(i, j) for i, j in both if scenes[i] == scenes[j] != ""]
    flipped = np.mean([said[i] != said[j] for i, j in pairs])
    assert metrics["test_pairs"] == len(pairs)
    assert metrics["test_pair_flip_rate"] == pytest.approx(flipped)
    assert metrics["test_pair_flip_rate_low"] < flipped < metrics["test_pair_flip_rate_high"]


def test_a_column_of_few_values_has_billions_of_pairs_and_is_counted_at_once():
    said = np.arange(100_000) % 2
    table = predictions(said, said, pair=np.where(said, "day", "night"))
    metrics = measure_groups(table, [], "pair")
    assert metrics["test_pairs"] == 50_000 * 49_999 and metrics["test_pair_flip_rate"] == 0


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
