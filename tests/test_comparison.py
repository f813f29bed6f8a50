"""Which of several models is better: the same images, the same groups, and what is refused."""

import re
from dataclasses import replace

import numpy as np
import pytest
from compared import answer, as_variants, make_pair, make_table
from sklearn import metrics as sk

from lightning_modules.evaluation.comparison.comparing import compare
from lightning_modules.evaluation.comparison.findings import conclude_all
from lightning_modules.evaluation.comparison.metrics import NAMES
from lightning_modules.evaluation.comparison.page import make_page
from lightning_modules.evaluation.comparison.paired import pair
from lightning_modules.evaluation.comparison.variants import Run, Variant, join_folds
from lightning_modules.evaluation.comparison.wording import BY_NAME, verdict
from lightning_modules.evaluation.out_of_fold import Fold


def compared(*tables, **options):
    variants = as_variants(*tables, **options)
    return compare(variants, pair(variants))


def find(comparison, metric="macro_f1", margin=None):
    return conclude_all(comparison, metric, margin, [], "python scripts/compare.py")


def test_a_model_that_is_right_more_often_is_better():
    found = find(compared(*make_pair()))
    (sentence,) = found.sentences
    shape = (
        r"B is better than A by (\d+\.\d) points of macro F1, 95 % interval (\d+\.\d) to "
        r"(\d+\.\d), over 20 groups\."
    )
    value, low, high = map(float, re.fullmatch(shape, sentence).groups())
    assert 0 < low < value < high


def test_the_order_turns_the_sentence_around():
    worse, better = make_pair()
    (sentence,) = find(compared(better, worse)).sentences
    assert sentence.startswith("B is worse than A by ")


def test_the_values_are_those_of_scikit_learn():
    rng = np.random.default_rng(3)
    labels = rng.integers(0, 3, 200)
    tables = [
        make_table(labels, rng.normal(size=(200, 3)), labels, class_names=("x", "y", "z"))
        for _ in range(2)
    ]
    slices = rng.choice(["a", "b"], 200)
    tables = [replace(one, columns={"site": slices}, groups=None) for one in tables]
    found = compared(*tables, slice_by=("site",))
    assert found.metrics == list(NAMES)
    for place, table in enumerate(tables):
        said = table.predicted
        slice_shares = [
            (said == labels)[(slices == site) & (labels == label)].mean()
            for site in "ab"
            for label in range(3)
        ]
        expected = {
            "accuracy": sk.accuracy_score(labels, said),
            "balanced_accuracy": sk.balanced_accuracy_score(labels, said),
            "macro_f1": sk.f1_score(labels, said, average="macro"),
            "auroc": sk.roc_auc_score(labels, table.probs, multi_class="ovr"),
            "log_loss": sk.log_loss(labels, table.probs),
            "worst_group_accuracy": min(slice_shares),
        }
        for name, value in expected.items():
            assert found.values[name][place] == pytest.approx([value], abs=1e-6), name
    (one,) = found.against
    for name, values in found.values.items():
        assert one.differences[name].value == pytest.approx(values[1][0] - values[0][0])


def test_a_metric_that_is_not_defined_is_left_out():
    table = make_table(np.zeros(10, int), np.tile([1.0, 0.0], (10, 1)))
    found = compared(table, replace(table, logits=-table.logits))
    assert set(NAMES) - set(found.metrics) == {"auroc", "worst_group_accuracy"}
    with pytest.raises(ValueError, match="metric=auroc is not defined here: the images are of one"):
        find(found, "auroc")


def test_what_all_share_cancels():
    """Groups that are hard for both do not blur the difference between them."""
    rng = np.random.default_rng(1)
    groups = np.repeat(np.arange(30), 20)
    labels = rng.integers(0, 2, len(groups))
    easy = rng.random(len(groups)) < rng.uniform(0.3, 1.0, 30)[groups]
    tables = [
        make_table(labels, answer(labels, easy & (rng.random(len(groups)) < share), rng), groups)
        for share in (0.9, 1.0)
    ]
    difference = compared(*tables).against[0].differences["accuracy"]
    alone = np.std([easy[groups == group].mean() for group in range(30)], ddof=1) / 30**0.5
    assert difference.low > 0
    assert difference.high - difference.low < 2 * alone


def test_with_an_image_a_group_the_auroc_differs_as_surely_as_delong_has_it():
    """DeLong, DeLong & Clarke-Pearson 1988: the covariance of two areas, over all pairs."""
    rng = np.random.default_rng(4)
    labels, shared = rng.integers(0, 2, 900), rng.normal(size=900)
    odds = [2 * shared + rng.normal(0, 1.5, 900) + gain * labels for gain in (2.0, 2.6)]
    tables = [make_table(labels, np.stack([np.zeros(900), one], axis=1)) for one in odds]
    wins = [one[labels == 1][:, None] > one[labels == 0] for one in odds]
    value = wins[1].mean() - wins[0].mean()
    change = wins[1].astype(float) - wins[0]
    error = sum(np.var(change.mean(axis=side), ddof=1) / change.shape[1 - side] for side in (0, 1))
    found = compared(*tables).against[0].differences["auroc"]
    assert found.value == pytest.approx(value, abs=1e-6)
    # resamples are of 200 blocks of images: the width is as sure as the variance of 200 numbers
    assert (found.high - found.low) / 2 == pytest.approx(1.96 * error**0.5, rel=0.1)
    assert found.num_units == 900


@pytest.mark.parametrize("num_groups", [250, 1100])
def test_the_number_of_units_is_that_of_groups_and_not_of_what_is_resampled(num_groups):
    tables = make_pair(num_groups=num_groups)
    (one,) = compared(*tables, slice_by=("site",)).against
    assert {found.num_units for found in one.differences.values()} == {num_groups}


def test_the_order_of_the_rows_and_of_the_classes_does_not_matter():
    first, second = make_pair()
    rows = np.random.default_rng(0).permutation(len(second))
    turned = replace(
        second,
        ids=[second.ids[row] for row in rows],
        labels=1 - second.labels[rows],
        logits=second.logits[rows][:, ::-1],
        class_names=("dog", "cat"),
        mask_origin=["given"] * len(rows),
        columns={"site": second.columns["site"][rows]},
        groups=second.groups[rows],
    )
    plain, other = compared(first, second), compared(first, turned)
    assert other.values == plain.values
    assert other.against[0].differences == plain.against[0].differences


def test_a_model_beside_itself_is_the_same_model():
    table, _ = make_pair()
    found = find(compared(table, table), margin=0.0001)
    assert found.sentences == ["B and A give the same answers: they are the same model."]
    assert found.all_shown


def test_a_model_beside_itself_on_another_machine_is_neither_better_nor_worse():
    one = make_pair()[0]
    other = replace(one, logits=one.logits + np.float32([3e-5, 0]))
    comparison = compared(one, other)
    against = comparison.against[0]
    assert against.differences["log_loss"].value != 0
    assert {verdict(against, BY_NAME[name]) for name in comparison.metrics} == {"cannot tell"}


def test_two_models_that_are_always_right_are_not_called_the_same_for_sure():
    rng = np.random.default_rng(0)
    labels, groups = np.arange(60) % 2, np.arange(60) // 2
    tables = [make_table(labels, answer(labels, np.ones(60, bool), rng), groups) for _ in range(2)]
    difference = compared(*tables).against[0].differences["accuracy"]
    # none of 30 groups differs: up to 1 - 0.025^(1/30) of others may (Clopper & Pearson)
    assert (difference.low, difference.high) == pytest.approx((-0.1157, 0.1157), abs=1e-3)
    assert not find(compared(*tables), margin=0.05).all_shown


def test_mcnemar_stands_beside_its_kin_for_groups():
    comparison = compared(*make_pair())
    test = comparison.against[0].mcnemar
    first, second = (table.correct for table in make_pair())
    assert test.only_second == (second & ~first).sum()
    assert comparison.against[0].p_by_group > test.p_value
    assert "trust the p-value by groups" in find(comparison).on_mcnemar


def test_a_difference_that_its_exact_test_does_not_confirm_is_said_to_be_close():
    rng = np.random.default_rng(0)
    labels, groups = np.arange(56) % 2, np.arange(56)
    right = np.arange(56) >= 11
    first = make_table(labels, answer(labels, right, rng), groups)
    right = (np.arange(56) < 9) | (np.arange(56) >= 13)  # 9 more and 2 fewer: p = 134 / 2048
    comparison = compared(first, make_table(labels, answer(labels, right, rng), groups))
    assert verdict(comparison.against[0], BY_NAME["accuracy"]) == "better"
    (said,) = find(comparison, "accuracy").sentences
    assert "But it is close" in said and "in 7 of 100 tests (p by groups)" in said
    assert "Better, but close" in make_page(find(comparison, "accuracy"), "today")
    assert "close" not in find(compared(*make_pair()), "accuracy").sentences[0]


def test_several_comparisons_are_corrected_and_said():
    rng = np.random.default_rng(5)
    first, _ = make_pair()
    others = [
        replace(first, logits=answer(first.labels, rng.random(len(first)) < 0.75, rng))
        for _ in range(5)
    ]
    comparison = compared(first, *others)
    raw = [one.differences["accuracy"].p_value for one in comparison.against]
    adjusted = [one.adjusted["accuracy"] for one in comparison.against]
    assert min(adjusted) == pytest.approx(min(5 * min(raw), 1))
    assert all(a >= p for a, p in zip(adjusted, raw, strict=True))
    assert any("5 comparisons" in note for note in find(comparison).notes)


def test_a_difference_that_is_luck_among_many_is_not_relied_on():
    worse, better = make_pair(gain=0.07)
    comparison = compared(worse, better)
    one = comparison.against[0]
    assert one.differences["macro_f1"].p_value < 0.05
    one.adjusted["macro_f1"] = 0.2
    (sentence,) = find(comparison).sentences
    assert "p = 0.200 after Holm's correction" in sentence
    assert "do not rely on it" in sentence


def test_the_margin_is_held_to_the_lower_end_of_the_interval():
    comparison = compared(*make_pair(gain=0.02))
    difference = comparison.against[0].differences["macro_f1"]
    room = -difference.low
    assert room > 0
    assert find(comparison, margin=room + 1e-6).all_shown
    assert not find(comparison, margin=room - 1e-6).all_shown
    (verdict,) = find(comparison, margin=room - 1e-6).margins
    assert verdict.sentence.startswith("NOT shown: B may be worse than A by ")


def test_less_log_loss_is_better():
    worse, better = make_pair()
    comparison = compared(worse, better)
    assert comparison.against[0].differences["log_loss"].value < 0
    (sentence,) = find(comparison, "log_loss").sentences
    assert sentence.startswith("B is better than A by 0.")
    assert find(comparison, "log_loss", margin=0.0).all_shown


def seeds(tables, name):
    return Variant(name, [Run(f"{name}{i}", table, {}) for i, table in enumerate(tables)])


def test_runs_of_a_variant_are_not_more_images():
    """Three copies of a run say as much as one, but for the spread that they do not have."""
    worse, better = make_pair()
    once = compared(worse, better).against[0].differences["macro_f1"]
    variants = [seeds([worse] * 3, "A"), seeds([better] * 3, "B")]
    comparison = compare(variants, pair(variants))
    thrice = comparison.against[0].differences["macro_f1"]
    assert (thrice.low, thrice.high) == pytest.approx((once.low, once.high))
    assert comparison.against[0].mcnemar is None
    (sentence,) = find(comparison).sentences
    assert sentence.endswith("over 20 groups and 3 runs each.")


def test_seeds_that_scatter_make_the_interval_wider():
    worse, better = make_pair()
    rng = np.random.default_rng(0)
    good, bad = [], []
    for share in (0.6, 0.75, 0.9):  # the same mean, another spread
        bad.append(replace(worse, logits=answer(worse.labels, rng.random(240) < share, rng)))
        good.append(replace(worse, logits=answer(worse.labels, rng.random(240) < share + 0.1, rng)))
    variants = [seeds(bad, "A"), seeds(good, "B")]
    scattered = compare(variants, pair(variants)).against[0].differences["accuracy"]
    once = compared(worse, better).against[0].differences["accuracy"]
    assert scattered.high - scattered.low > 3 * (once.high - once.low)
    assert "spread of the seeds" in scattered.method


def test_folds_are_one_run_over_all_images():
    worse, better = make_pair()
    chosen = np.arange(240) < 180
    parts = [better.only(chosen), better.only(~chosen)]
    folds = [Fold(number, f"run{number}", part) for number, part in enumerate(parts)]
    joined = join_folds("B", folds, [{"test_flip_rate": 0.1}, {"test_flip_rate": 0.3}])
    assert joined.metrics == {"test_flip_rate": pytest.approx(0.15)}  # by their images
    whole = compared(worse, better)
    assert compared(worse, joined.table).values["accuracy"] == whole.values["accuracy"]
    with pytest.raises(
        ValueError, match="B: These folds cannot be pooled:\n  180 images were tested"
    ):
        join_folds("B", [folds[0], replace(folds[1], table=parts[0])], [{}, {}])
    with pytest.raises(ValueError, match="fold 0 is in run0 and in run1: name one"):
        join_folds("B", [folds[0], replace(folds[1], number=0)], [{}, {}])
    other = replace(parts[1], columns={"camera": parts[1].columns["site"]})
    with pytest.raises(ValueError, match="the data of run1 has other columns than that of run0"):
        join_folds("B", [folds[0], replace(folds[1], table=other)], [{}, {}])
