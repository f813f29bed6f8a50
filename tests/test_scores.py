"""Scores of a table: against torchmetrics, scikit-learn and numbers worked by hand."""

import re
import warnings
from dataclasses import replace

import numpy as np
import pytest
import torch
from scipy.special import softmax
from sklearn.metrics import average_precision_score, log_loss
from torchmetrics.functional.classification import multiclass_calibration_error

from lightning_modules.evaluation.predictions import PredictionTable
from lightning_modules.evaluation.scores import (
    ScoreOptions,
    decision_curve,
    measure_scores,
    precision_recall_curves,
    reliability_bins,
    roc_curves,
)
from lightning_modules.evaluation.scores.calibration import (
    expected_calibration_error,
    fit_temperature,
)
from lightning_modules.evaluation.scores.recalibration import recalibrate
from lightning_modules.evaluation.sentences import say_intervals, say_too_small
from lightning_modules.evaluation.statistics.wilson import wilson_interval
from lightning_modules.metric_names import make_fit, name_of_class
from lightning_modules.metrics import PhaseMetrics

QUICK = ScoreOptions(resamples=200)


def test_classes_may_be_called_like_the_ends_of_intervals():
    plain = measure_scores(make_table(), QUICK)
    named = replace(make_table(), class_names=["low", "high", "accuracy"])
    scores = measure_scores(named, QUICK)
    for name in ("auroc", "auroc_low", "auroc_high", "accuracy", "accuracy_low", "macro_f1_high"):
        assert scores[name] == plain[name], name
    for own, other in (("low_class", "cat"), ("high_class", "dog"), ("accuracy", "owl")):
        assert scores[f"recall_{own}"] == plain[f"recall_{other}"]
        assert scores[f"recall_{own}_high"] == plain[f"recall_{other}_high"]
        assert scores[f"auroc_{own}"] == plain[f"auroc_{other}"]
    assert "recall_high_class" in PhaseMetrics(named.class_names, full=True).compute()


def test_no_two_scores_have_one_name_whatever_classes_are_called():
    # what takes the place of a name that is taken may be a class as well
    names = ["x", "x_low", "low", "low_class", "x_low_class", "low_class_class", "x_fold_sd"]
    table = replace(make_table(classes=len(names)), class_names=names)
    scores = measure_scores(table, QUICK)
    plain = [f"c{place}" for place in range(len(names))]
    expected = measure_scores(replace(table, class_names=plain), QUICK)
    assert len(scores) == len(expected)
    for place, name in enumerate(names):
        for kind in ("precision", "recall", "f1", "auroc", "average_precision"):
            key, same = name_of_class(kind, name), f"{kind}_{plain[place]}"
            assert {end: scores.get(f"{key}{end}") for end in ("", "_low", "_high")} == {
                end: expected.get(f"{same}{end}") for end in ("", "_low", "_high")
            }
    assert name_of_class("recall", "x_low") == "recall_x_low_class"


def test_what_a_logger_cannot_spell_stays_apart():
    names = ["Ki+", "Ki*", "Ki_", "Ki-", "Über", "a b", "a\nb", "Ki__" + make_fit("Ki+")[-8:]]
    fit = [make_fit(f"val_recall_{name}") for name in names]
    assert len(set(fit)) == len(names)
    assert [make_fit(f"val_recall_{name}") for name in names] == fit
    assert fit[2:6] == [f"val_recall_{name}" for name in names[2:6]]
    assert all(re.fullmatch(r"[\w/.\- ]+", name) for name in fit)


def test_the_number_of_groups_is_said_in_the_right_number():
    for groups, words in ((1, "it has 1 group,"), (2, "all 2 groups are")):
        table = make_table(count=4, groups=groups)
        metrics = {f"test_{n}": value for n, value in measure_scores(table, QUICK).items()}
        metrics["test_intervals"] = {}
        assert words in say_too_small(metrics)


def make_table(count=300, classes=3, groups=12, seed=0, sharpness=2.0):
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, classes, count)
    logits = rng.normal(size=(count, classes))
    logits[np.arange(count), labels] += 1
    return PredictionTable(
        ids=[str(row) for row in range(count)],
        labels=labels,
        logits=(sharpness * logits).astype(np.float32),
        class_names=["cat", "dog", "owl", "fox"][:classes],
        mask_origin=["given"] * count,
        mask_share=np.ones(count),
        roi_share=np.ones(count),
        columns={},
        groups=None if groups is None else np.array([f"s{i % groups}" for i in range(count)]),
    )


@pytest.mark.parametrize("absent", [None, 2])
@pytest.mark.parametrize("classes", [2, 3, 4])
def test_the_table_tells_what_torchmetrics_tells(classes, absent):
    table = make_table(classes=classes)
    if absent is not None:
        table = table.only(table.labels != absent)
    metrics = PhaseMetrics(table.class_names, full=True)
    probs = torch.from_numpy(table.logits).double().softmax(dim=1)
    metrics.update(probs, torch.from_numpy(table.labels))
    found = measure_scores(table, QUICK)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        expected = metrics.compute()
    for name, value in expected.items():
        assert found[name] == pytest.approx(float(value), abs=1e-6), name


def test_probabilities_are_scored_as_scikit_learn_and_torchmetrics_do():
    table = make_table()
    probs = torch.from_numpy(table.logits).double().softmax(dim=1)
    found = measure_scores(table, QUICK)
    assert found["log_loss"] == pytest.approx(log_loss(table.labels, probs.numpy()))
    truth = np.eye(3)[table.labels]
    brier = ((probs.numpy() - truth) ** 2).sum(axis=1).mean()
    assert found["brier"] == pytest.approx(brier)
    ece = multiclass_calibration_error(probs, torch.from_numpy(table.labels), 3, n_bins=15)
    assert found["ece"] == pytest.approx(float(ece), abs=1e-6)
    means = [average_precision_score(truth[:, c], probs[:, c]) for c in range(3)]
    assert found["average_precision"] == pytest.approx(np.mean(means))


def test_brier_of_two_classes_is_twice_that_of_scikit_learn():
    from sklearn.metrics import brier_score_loss

    table = make_table(classes=2)
    expected = brier_score_loss(table.labels, table.probs[:, 1])
    assert measure_scores(table, QUICK)["brier"] == pytest.approx(2 * expected, abs=1e-6)


def test_ece_by_hand():
    # three answers at 0.9 of which two are right, one at 0.6 that is wrong
    probs = np.array([[0.9, 0.1], [0.9, 0.1], [0.1, 0.9], [0.4, 0.6]])
    bins = reliability_bins(np.array([0, 0, 0, 0]), probs)
    assert bins.num_images.tolist() == [1, 3]
    assert bins.accuracy == pytest.approx([0, 2 / 3])
    expected = 1 / 4 * 0.6 + 3 / 4 * (0.9 - 2 / 3)
    assert expected_calibration_error(bins) == pytest.approx(expected)


def test_percentiles_of_an_ece_miss_that_of_right_probabilities():
    """Why it has no interval: of right probabilities it is 0, and no resample is."""
    rng, lowest = np.random.default_rng(0), []
    confidence = rng.uniform(0.5, 1, 200)
    labels = (rng.random(200) > confidence).astype(int)
    probs = np.stack([confidence, 1 - confidence], axis=1)
    for rows in rng.integers(0, 200, (200, 200)):
        lowest.append(expected_calibration_error(reliability_bins(labels[rows], probs[rows])))
    assert np.quantile(lowest, 0.025) > 0.02
    assert "ece" not in measure_scores(make_table(), QUICK)["intervals"]


def test_the_auroc_and_average_precision_of_each_class_have_intervals():
    from lightning_modules.evaluation.statistics.pair_share import MOST_BLOCKS

    for groups in (None, 12, MOST_BLOCKS + 50):
        table = make_table(groups=groups, count=1500)
        found = measure_scores(table, QUICK)
        for name in (*table.class_names, None):
            for kind in ("auroc", "average_precision"):
                own = kind if name is None else f"{kind}_{name}"
                assert 0 < found[f"{own}_low"] < found[own] < found[f"{own}_high"] < 1
                assert found["intervals"][own]["num_units"] == found["num_units"]
    two = measure_scores(make_table(classes=2, groups=30), QUICK)
    ends = [[two[f"auroc{name}_{end}"] for end in ("low", "high")] for name in ("", "_cat", "_dog")]
    assert ends[0] == ends[1] == ends[2]


def test_of_a_class_of_one_group_no_ranking_has_an_interval():
    table = make_table(classes=2, groups=20)
    table.labels[:] = 0
    table.labels[table.groups == table.groups[0]] = 1
    found = measure_scores(table, QUICK)
    assert "auroc_low" not in found and "average_precision_low" not in found


def test_every_interval_holds_its_score_and_says_how_it_was_made():
    found = measure_scores(make_table(), QUICK)
    assert {"accuracy", "macro_f1", "auroc", "log_loss", "brier", "recall_cat"} <= set(
        found["intervals"]
    )
    for name, interval in found["intervals"].items():
        assert interval["low"] == found[f"{name}_low"] <= found[name] <= found[f"{name}_high"]
        robust = name.startswith("calibration_")
        method = "robust variance" if robust else "bootstrap-t"
        assert interval["method"] == f"{method} over groups"
        assert interval["num_units"] == 12
    assert (found["unit"], found["num_units"]) == ("groups", 12)


def test_images_without_groups_have_wilsons_and_delongs_intervals():
    intervals = measure_scores(make_table(groups=None), QUICK)["intervals"]
    methods = {name: intervals[name]["method"] for name in ("accuracy", "recall_dog", "auroc")}
    assert methods == {
        "accuracy": "Wilson over images",
        "recall_dog": "Wilson over images",
        "auroc": "DeLong over images",
    }


def test_groups_make_intervals_wider_where_their_images_are_alike():
    table = make_table(groups=None, count=200)
    # every image ten times over: nothing is learned by that
    alike = PredictionTable(
        **{**vars(table), "ids": [str(i) for i in range(2000)]}
        | {name: np.repeat(getattr(table, name), 10, axis=0) for name in ("labels", "logits")}
        | {"groups": np.repeat(np.arange(200), 10).astype(str), "mask_origin": ["given"] * 2000}
    )
    lows = [measure_scores(one, QUICK)["accuracy_low"] for one in (table, alike)]
    assert lows[0] == pytest.approx(lows[1], abs=0.02)


def test_the_interval_of_a_brier_score_ends_where_brier_scores_do():
    table = make_table(groups=2, sharpness=3.0)
    table.labels = np.where(table.groups == "s0", table.predicted, (table.predicted + 1) % 3)
    found = measure_scores(table, QUICK)
    assert found["brier"] < found["brier_high"] == 2.0 < found["log_loss_high"]


def test_answers_that_are_no_numbers_have_no_probabilities():
    table = make_table()
    table.logits[5] = np.nan
    found = measure_scores(table, QUICK)
    assert "accuracy" in found and "ece" not in found


def test_images_without_an_answer_count_in_no_score():
    table = make_table()
    table.mask_origin = ["abstain"] * 100 + ["given"] * 200
    expected = table.correct[100:].mean()
    assert measure_scores(table, QUICK)["accuracy"] == pytest.approx(expected)
    table.mask_origin = ["abstain"] * 300
    assert measure_scores(table, QUICK) == {}


def test_of_one_class_there_is_no_auroc():
    table = make_table(classes=2)
    found = measure_scores(table.only(table.labels == 1), QUICK)
    assert np.isnan(found["auroc"]) and np.isnan(found["calibration_slope"])
    assert found["accuracy"] == found["recall_dog"]


def test_slope_and_intercept_are_those_of_a_logistic_regression():
    from scipy.optimize import brentq
    from scipy.special import expit
    from sklearn.linear_model import LogisticRegression

    table = make_table(classes=2, count=2000, sharpness=3.0)
    odds = np.float64(table.logits[:, 1]) - table.logits[:, 0]
    slope, intercept = recalibrate(table.labels, table.logits)
    refit = LogisticRegression(C=1e10, tol=1e-10).fit(odds[:, None], table.labels)
    assert slope == pytest.approx(refit.coef_[0, 0], rel=1e-4)
    assert slope < 0.5  # the logits were made too large
    expected = brentq(lambda shift: expit(odds + shift).sum() - table.labels.sum(), -20, 20)
    assert intercept == pytest.approx(expected, abs=1e-6)


def test_slope_and_intercept_are_as_sure_as_the_groups_make_them():
    """The sandwich of Liang & Zeger 1986, by matrices; scikit-learn finds the line."""
    from scipy.special import expit
    from sklearn.linear_model import LogisticRegression

    table = make_table(classes=2, count=900, groups=30)
    odds = np.float64(table.logits[:, 1]) - table.logits[:, 0]
    names, codes = np.unique(table.groups, return_inverse=True)
    found = measure_scores(table, QUICK)
    refit = LogisticRegression(C=1e10, tol=1e-10).fit(odds[:, None], table.labels)
    both = np.stack([np.ones(900), odds], axis=1)
    for name, column, line, at in (
        ("slope", both, both @ [refit.intercept_[0], refit.coef_[0, 0]], -1),
        ("intercept", both[:, :1], odds + found["calibration_intercept"], 0),
    ):
        probs = expit(line)
        bread = np.linalg.inv((column * (probs * (1 - probs))[:, None]).T @ column)
        sums = np.stack([((table.labels - probs)[:, None] * column)[codes == g].sum(0)
                         for g in range(len(names))])  # fmt: skip
        error = np.sqrt((bread @ (sums.T @ sums) @ bread)[at, at] * 30 / 29)
        ends = [found[f"calibration_{name}_{end}"] for end in ("low", "high")]
        assert np.mean(ends) == pytest.approx(found[f"calibration_{name}"])
        # 29 degrees of freedom where groups are alike, fewer where some of them weigh more
        assert 2.04 * error <= (ends[1] - ends[0]) / 2 <= 2.3 * error


def test_answers_that_tell_nothing_of_slope_or_intercept_give_them_no_interval():
    table = make_table(classes=2, count=40)
    wild = measure_scores(replace(table, logits=1e4 * table.logits), QUICK)
    assert np.isfinite(wild["calibration_intercept"]) and "calibration_slope_low" in wild
    assert "calibration_intercept_low" not in wild  # it would be 1e15 wide
    table = make_table(classes=3, count=40)
    same = measure_scores(replace(table, logits=np.zeros_like(table.logits)), QUICK)
    assert same["calibration_slope"] == 0 and "calibration_slope_low" not in same


def test_right_probabilities_have_slope_one_and_temperature_one():
    rng = np.random.default_rng(0)
    logits = rng.normal(size=(20_000, 3))
    probs = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    labels = (rng.random((20_000, 1)) > probs.cumsum(axis=1)).sum(axis=1)
    assert fit_temperature(labels, logits) == pytest.approx(1, abs=0.03)
    assert fit_temperature(labels, 4 * logits) == pytest.approx(4, abs=0.12)
    assert recalibrate(labels, 2 * logits)[0] == pytest.approx(0.5, abs=0.02)
    two = labels < 2
    slope, intercept = recalibrate(labels[two], logits[two, :2])
    assert (slope, intercept) == pytest.approx((1, 0), abs=0.05)


def test_the_temperature_is_the_least_log_loss_of_a_grid():
    table = make_table()
    grid = np.exp(np.linspace(-2, 3, 2001))
    scaled = (torch.from_numpy(table.logits).double() / t for t in grid)
    labels = torch.from_numpy(table.labels)
    losses = [float(torch.nn.functional.cross_entropy(x, labels)) for x in scaled]
    found = fit_temperature(table.labels, table.logits)
    assert found == pytest.approx(grid[np.argmin(losses)], rel=5e-3)


def test_answers_that_are_no_better_than_guessing_get_no_temperature():
    table = make_table(classes=3)
    turned = (table.labels + 1) % 3  # always another class
    assert fit_temperature(turned, table.logits) is None
    grid = np.exp(np.linspace(-2, 6, 200))
    losses = [log_loss(turned, softmax(table.logits / t, axis=1)) for t in grid]
    assert np.argmin(losses) == len(grid) - 1  # the flatter the better, without end
    assert recalibrate(turned, table.logits)[0] == 0
    shuffled = np.random.default_rng(0).permutation(table.labels)
    found = fit_temperature(shuffled, table.logits)
    assert found is None or found > 3


def test_where_every_answer_is_right_no_temperature_is_fitted():
    logits = np.eye(2)[[0, 1, 1]]
    assert fit_temperature(np.array([0, 1, 1]), logits) is None
    assert np.isnan(recalibrate(np.array([0, 1, 1]), logits)[0])


def test_the_decision_curve_by_hand():
    # at 0.25 a false alarm costs a third of what a hit brings: (2 - 1 / 3) / 5
    positive = np.array([True, True, False, False, False])
    curve = decision_curve(positive, np.array([0.9, 0.3, 0.25, 0.2, 0.1]), np.array([0.25, 0.5]))
    assert curve.model == pytest.approx([(2 - 1 / 3) / 5, 1 / 5])
    assert curve.everyone == pytest.approx([2 / 5 - 1 / 3 * 3 / 5, 2 / 5 - 3 / 5])


def test_curves_have_the_area_of_the_auroc():
    table = make_table(count=3000)
    found = measure_scores(table, QUICK)
    for name, (false_rate, true_rate) in roc_curves(
        table.labels, table.probs, table.class_names
    ).items():
        area = np.trapezoid(true_rate, false_rate)
        assert area == pytest.approx(found[f"auroc_{name}"], abs=2e-3)
        assert len(false_rate) <= 500
    recall, precision = precision_recall_curves(table.labels, table.probs, ["a", "b", "c"])["a"]
    assert (recall[0], recall[-1]) == (1, 0)
    assert precision[-1] == 1


def test_a_small_test_is_said_to_be_small():
    def say(**changes):
        metrics = measure_scores(make_table(**changes), QUICK)
        metrics = {f"test_{name}": value for name, value in metrics.items()}
        return say_too_small(metrics), say_intervals(metrics)

    assert "1 group, so how the model does on other groups is not known" in say(groups=1)[0]
    single = say(groups=None, count=1)[0]
    assert "1 image, so how the model does on other images is not known" in single
    assert "SMALL (5 groups)" in say(groups=5)[0]
    assert "TOO SMALL TO TELL" in say(groups=30, count=40)[0]
    warning, intervals = say(groups=12, count=2000)
    assert warning is None
    assert "On average over other groups like these 12" in intervals
    assert "bootstrap-t over groups" in intervals


def test_groups_that_all_have_the_same_accuracy_are_no_single_group():
    # 12 groups of ten images, of which each has the first wrong
    labels = np.tile([0, 1], 60)
    answers = np.where(np.arange(120) % 10, labels, 1 - labels)
    table = make_table(count=120, classes=2)
    table.labels, table.logits = labels, np.eye(2, dtype=np.float32)[answers]
    table.groups = np.repeat(np.arange(12), 10).astype(str)
    found = measure_scores(table, QUICK)
    assert (found["accuracy"], found["accuracy_low"]) == (0.9, wilson_interval(11, 12)[0])
    for name in ("balanced_accuracy", "macro_f1", "auroc", "recall_cat", "precision_dog", "f1_dog"):
        assert found[f"{name}_low"] < found[name] < found[f"{name}_high"], name
    said = say_too_small({f"test_{name}": value for name, value in found.items()})
    assert "by 12 groups the balanced accuracy may be anything between 64.6 % and 98.5 %" in said


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("operating_point", "f1", "expected youden, sensitivity, specificity, cost"),
        ("at", 1.5, "scores.at is 1.5"),
        ("cost_ratio", 0, "scores.cost_ratio is 0"),
        ("abstain_risk", 1, "scores.abstain_risk is 1"),
        ("resamples", 10, "scores.resamples is 10"),
    ],
)
def test_options_out_of_range_are_refused(name, value, message):
    with pytest.raises(ValueError, match=message):
        ScoreOptions(**{name: value})
