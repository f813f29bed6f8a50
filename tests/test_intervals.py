"""Intervals: against other implementations, published numbers and cases worked by hand."""

import numpy as np
import pytest
from scipy.special import expit, logit
from scipy.stats import t as student
from sklearn.metrics import (
    accuracy_score,
    average_precision_score,
    balanced_accuracy_score,
    f1_score,
    roc_auc_score,
)

from lightning_modules.evaluation.scores.parts import (
    accuracy_of,
    balanced_accuracy_of,
    macro_f1_of,
)
from lightning_modules.evaluation.statistics import ranking_coverage
from lightning_modules.evaluation.statistics.average_precision import AveragePrecision
from lightning_modules.evaluation.statistics.bootstrap import bootstrap_interval, resample
from lightning_modules.evaluation.statistics.coverage import POPULATIONS, measure_coverage
from lightning_modules.evaluation.statistics.delong import (
    auroc_interval,
    auroc_variance,
    placements,
)
from lightning_modules.evaluation.statistics.pair_share import PairShare
from lightning_modules.evaluation.statistics.ratio_score import MeanOfScores
from lightning_modules.evaluation.statistics.units import find_units
from lightning_modules.evaluation.statistics.wilson import wilson_interval


def sample(num_groups, seed=0, classes=3, right=0.8):
    """Groups, labels and answers; groups are of unequal size and skill."""
    rng = np.random.default_rng(seed)
    groups = np.repeat(np.arange(num_groups), rng.integers(4, 20, num_groups))
    labels = rng.integers(0, classes, len(groups))
    skill = expit(logit(right) + rng.normal(0, 0.8, num_groups))[groups]
    wrong = (labels + 1) % classes
    return groups, labels, np.where(rng.random(len(groups)) < skill, labels, wrong)


def all_scores(units, labels, answers):
    return {
        "accuracy": accuracy_of(units, labels, answers),
        "balanced": balanced_accuracy_of(units, labels, answers, 3),
        "macro_f1": macro_f1_of(units, labels, answers, 3),
    }


def ranking_scores(units, labels, probs):
    def mean_of(kind):
        return MeanOfScores([kind(units, labels == c, probs[:, c]) for c in range(3)])

    return {"auroc": mean_of(PairShare), "average_precision": mean_of(AveragePrecision)}


def test_weights_do_what_repeated_images_do():
    groups, labels, answers = sample(8)
    units = find_units(groups, len(groups))
    weights = resample(8, 5)
    truth = {
        "accuracy": accuracy_score,
        "balanced": balanced_accuracy_score,
        "macro_f1": lambda y, p: f1_score(y, p, average="macro"),
    }
    for name, score in all_scores(units, labels, answers).items():
        values, _ = score.measure(weights)
        for value, counts in zip(values, weights, strict=True):
            rows = np.repeat(np.arange(len(groups)), counts[groups].astype(int))
            assert value == pytest.approx(truth[name](labels[rows], answers[rows])), name


def test_weights_of_ranked_images_do_what_repeated_images_do():
    groups, labels, _ = sample(6, seed=1)
    # rounded, so that there are ties
    probs = np.random.default_rng(0).dirichlet(np.ones(3), len(labels)).round(1)
    weights = resample(6, 4)
    truth = {"auroc": roc_auc_score, "average_precision": average_precision_score}
    for name, score in ranking_scores(find_units(groups, len(groups)), labels, probs).items():
        for value, counts in zip(score.measure(weights)[0], weights, strict=True):
            rows = np.repeat(np.arange(len(groups)), counts[groups].astype(int))
            areas = [truth[name](labels[rows] == c, probs[rows, c]) for c in range(3)]
            assert value == pytest.approx(np.mean(areas)), name


@pytest.mark.parametrize("name", ["accuracy", "balanced", "macro_f1", "auroc", "average_precision"])
def test_influences_are_the_change_with_the_weight_of_a_group(name):
    groups, labels, answers = sample(7)
    units = find_units(groups, len(groups))
    probs = np.random.default_rng(0).dirichlet(np.ones(3), len(labels))
    score = (all_scores(units, labels, answers) | ranking_scores(units, labels, probs))[name]
    weights = resample(7, 1) + 0.5
    value, influences = score.measure(weights)
    for group in range(7):
        more = weights.copy()
        more[0, group] += 1e-6
        change = (score.measure(more)[0] - value) / 1e-6
        assert influences[0, group] == pytest.approx(change[0], abs=1e-6)


def test_the_bootstrap_is_what_its_description_says():
    groups, labels, answers = sample(12)
    units = find_units(groups, len(groups))
    weights = resample(12, 500)
    interval = bootstrap_interval(accuracy_of(units, labels, answers), units, weights)
    right, size = (np.bincount(groups, x) for x in (labels == answers, np.ones(len(groups))))
    share = right.sum() / size.sum()
    left_out = (right.sum() - right) / (size.sum() - size)
    error = np.sqrt(11 / 12 * ((left_out - share) ** 2).sum()) / (share * (1 - share))
    distances = []
    for counts in weights:
        one = (counts @ right) / (counts @ size)
        parts = (right - one * size) / (counts @ size)
        own = np.sqrt(12 / 11 * (counts * parts**2).sum()) / (one * (1 - one))
        distances.append(abs(logit(one) - logit(share)) / own)
    half = max(np.quantile(distances, 0.95), student.ppf(0.975, 11)) * error
    expected = expit([logit(share) - half, logit(share) + half])
    assert (interval.low, interval.high) == pytest.approx(tuple(expected))
    assert (interval.method, interval.num_units) == ("bootstrap-t over groups", 12)


def test_the_same_seed_gives_the_same_interval():
    groups, labels, answers = sample(10)
    units = find_units(groups, len(groups))
    score = macro_f1_of(units, labels, answers, 3)
    first, second = (bootstrap_interval(score, units, resample(10, 300, 4)) for _ in range(2))
    assert first == second


def test_all_right_in_five_groups_is_not_certain():
    groups = np.repeat(np.arange(5), 100)
    labels = np.arange(500) % 2
    units = find_units(groups, 500)
    interval = bootstrap_interval(accuracy_of(units, labels, labels), units, resample(5))
    assert (interval.low, interval.high) == pytest.approx(wilson_interval(5, 5))
    assert interval.low < 0.6


def test_of_one_group_there_is_no_interval():
    units = find_units(np.zeros(50, int), 50)
    labels = np.arange(50) % 2
    assert bootstrap_interval(accuracy_of(units, labels, labels * 0), units, resample(1)) is None


def test_two_groups_tell_next_to_nothing():
    groups, labels, answers = sample(2)
    units = find_units(groups, len(groups))
    interval = bootstrap_interval(accuracy_of(units, labels, answers), units, resample(2))
    assert interval.high - interval.low > 0.5


def test_a_class_of_three_groups_has_the_certainty_of_three_groups():
    groups, labels, answers = sample(20)
    labels[groups >= 3] = np.where(labels[groups >= 3] == 2, 1, labels[groups >= 3])
    answers[groups >= 3] = np.minimum(answers[groups >= 3], 1)
    from lightning_modules.evaluation.scores.parts import class_scores_of

    units = find_units(groups, len(groups))
    recall = class_scores_of(units, labels, answers, 2)["recall"]
    assert bootstrap_interval(recall, units, resample(20)).num_units == 3
    macro = macro_f1_of(units, labels, answers, 3)
    # a third of the resamples lack its groups, and none of them breaks the interval
    assert 0 < bootstrap_interval(macro, units, resample(20)).low < 1


def test_many_images_are_joined_without_widening_the_interval():
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 2, 20_000)
    answers = np.where(rng.random(20_000) < 0.9, labels, 1 - labels)
    units = find_units(None, 20_000)
    assert (units.num_blocks, units.num_units) == (1000, 20_000)
    found = bootstrap_interval(accuracy_of(units, labels, answers), units, resample(1000))
    expected = wilson_interval(int((labels == answers).sum()), 20_000)
    assert (found.low, found.high) == pytest.approx(expected, abs=4e-4)


def kernel(positive, scores):
    above, below = scores[positive][:, None], scores[~positive]
    return (above > below) + (above == below) / 2


def delong_by_pairs(positive, scores):
    """DeLong, DeLong & Clarke-Pearson 1988 as it is written down, over all pairs."""
    wins = kernel(positive, scores)
    of_positive, of_negative = wins.mean(axis=1), wins.mean(axis=0)
    parts = (np.var(x, ddof=1) / len(x) for x in (of_positive, of_negative))
    return wins.mean(), sum(parts)


def obuchowski_by_pairs(positive, scores, groups):
    """Obuchowski 1997, equations 3 to 6, over all pairs and group by group."""
    wins = kernel(positive, scores)
    area, names = wins.mean(), np.unique(groups)
    of_positive, of_negative = groups[positive], groups[~positive]
    first = np.array([(wins.mean(axis=1)[of_positive == g] - area).sum() for g in names])
    second = np.array([(wins.mean(axis=0)[of_negative == g] - area).sum() for g in names])
    m, n = positive.sum(), (~positive).sum()
    i10, i01 = len(set(of_positive)), len(set(of_negative))
    s10 = i10 / ((i10 - 1) * m) * (first**2).sum()
    s01 = i01 / ((i01 - 1) * n) * (second**2).sum()
    s11 = len(names) / (len(names) - 1) * (first * second).sum()
    return s10 / m + s01 / n + 2 * s11 / (m * n)


def test_the_fast_delong_is_that_over_all_pairs():
    rng = np.random.default_rng(0)
    positive = rng.random(120) < 0.3
    scores = (rng.normal(size=120) + positive).round(1)
    area, variance = delong_by_pairs(positive, scores)
    components = placements(positive, scores)
    assert components[positive].mean() == pytest.approx(area)
    assert components[~positive].mean() == pytest.approx(area)
    assert auroc_variance(positive, components, None) == pytest.approx(variance)


def test_a_published_auroc_and_its_error_are_met():
    """CT ratings of Hanley & McNeil 1982: area 0.8932, DeLong's error 0.0307 (Stata's roctab)."""
    normal, abnormal = (33, 6, 6, 11, 2), (3, 2, 2, 11, 33)
    scores = np.repeat(np.tile(np.arange(1, 6), 2), normal + abnormal)
    positive = np.repeat([False, True], [sum(normal), sum(abnormal)])
    components = placements(positive, scores)
    assert components[positive].mean() == pytest.approx(0.8932, abs=5e-5)
    assert np.sqrt(auroc_variance(positive, components, None)) == pytest.approx(0.0307, abs=5e-5)


def test_groups_enter_the_variance_as_obuchowski_has_it():
    rng = np.random.default_rng(3)
    groups = np.repeat(np.arange(25), rng.integers(2, 9, 25))
    positive = rng.random(len(groups)) < 0.4
    scores = rng.normal(size=len(groups)) + positive + rng.normal(size=25)[groups]
    components = placements(positive, scores)
    found = auroc_variance(positive, components, groups)
    assert found == pytest.approx(obuchowski_by_pairs(positive, scores, groups))
    alone = auroc_variance(positive, components, np.arange(len(groups)))
    assert alone == pytest.approx(auroc_variance(positive, components, None))


def test_classes_that_do_not_overlap_still_have_an_interval():
    labels, units = np.repeat([0, 1], [40, 8]), find_units(None, 48)
    components = [placements(labels == 1, labels.astype(float))]
    interval = auroc_interval(labels, components, np.array([1]), units)
    assert (interval.low, interval.high) == pytest.approx(wilson_interval(8, 8))


def test_a_model_that_gives_all_images_one_probability_is_not_certain_of_its_auroc():
    positive = np.arange(40) < 10
    components = [placements(positive, np.full(40, 0.5))]
    labels, units = positive.astype(int), find_units(None, 40)
    found = auroc_interval(labels, components, np.array([1]), units)
    assert (found.low, found.high) == wilson_interval(5, 10)


def test_an_auroc_of_one_positive_has_none():
    labels, units = np.repeat([0, 1], [40, 1]), find_units(None, 41)
    components = [placements(labels == 1, np.arange(41.0))]
    assert auroc_interval(labels, components, np.array([1]), units) is None


def test_the_mean_auroc_of_two_classes_is_as_certain_as_one():
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 2, 400)
    probs = expit(rng.normal(size=400) + 2 * labels - 1)
    both = [placements(labels == 0, 1 - probs), placements(labels == 1, probs)]
    units = find_units(None, 400)
    one = auroc_interval(labels, both[1:], np.array([1]), units)
    mean = auroc_interval(labels, both, np.array([0, 1]), units)
    assert (mean.low, mean.high) == pytest.approx((one.low, one.high), abs=2e-4)


@pytest.mark.slow
@pytest.mark.parametrize("name", POPULATIONS)
def test_with_30_groups_95_percent_are_93_to_97(name):
    for score, shares in measure_coverage(POPULATIONS[name], 30, 1500, seed=7).items():
        assert 0.93 <= shares["bootstrap-t"] <= 0.97, score
        assert shares["percentile"] < shares["bootstrap-t"], score


@pytest.mark.slow
@pytest.mark.parametrize("one_class", [False, True])
@pytest.mark.parametrize(("num_groups", "repeats"), [(30, 800), (250, 400)])
def test_of_ranked_images_too(num_groups, repeats, one_class):
    shares = ranking_coverage.measure_coverage(num_groups, 1.5, one_class, repeats, seed=3)
    for name in ("AUROC", "average precision"):
        assert 0.93 <= shares[f"{name}, bootstrap-t"] <= 0.975, shares
    # blind to groups, as it is often used
    assert shares["AUROC, DeLong"] < 0.8


def test_the_bootstrap_covers_better_than_percentiles():
    hard = POPULATIONS["three classes, one a group"]
    shares = measure_coverage(hard, 30, 120, resamples=300)["macro_f1"]
    assert shares["bootstrap-t"] > 0.9 > shares["percentile"]
