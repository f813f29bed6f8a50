"""Differences of two models: what groups and what seeds leave open."""

import numpy as np
import pytest
from scipy import stats

from lightning_modules.evaluation.comparison.scores import LowestShare
from lightning_modules.evaluation.statistics.bootstrap import resample
from lightning_modules.evaluation.statistics.difference import (
    Variance,
    bootstrap_variance,
    judge_alike,
    judge_difference,
)
from lightning_modules.evaluation.statistics.units import find_units


def test_groups_of_one_size_give_the_paired_t_test():
    rng = np.random.default_rng(0)
    first, second = rng.normal(0.7, 0.1, 24), rng.normal(0.75, 0.1, 24)
    weights = resample(24, 40_000)
    resampled = weights @ (second - first) / 24
    variance = bootstrap_variance(resampled, 24)
    found = judge_difference(variance, [first.mean()], [second.mean()], "groups")
    expected = stats.ttest_rel(second, first)
    ends = expected.confidence_interval()
    assert (found.low, found.high) == pytest.approx((ends.low, ends.high), abs=1e-3)
    assert found.p_value == pytest.approx(expected.pvalue, rel=0.05)
    assert found.method == "Student's t, bootstrap over groups"


def test_without_an_uncertainty_over_groups_it_is_welchs_test_of_the_seeds():
    first, second = [0.71, 0.74, 0.78], [0.79, 0.80, 0.83, 0.81]
    found = judge_difference(Variance(0.0, 29), first, second, "groups")
    expected = stats.ttest_ind(second, first, equal_var=False)
    ends = expected.confidence_interval()
    assert (found.low, found.high) == pytest.approx((ends.low, ends.high))
    assert found.p_value == pytest.approx(expected.pvalue)


@pytest.mark.parametrize("size", [0.5, 0.99, 1.01, 3.0])
def test_the_p_value_is_below_5_percent_just_where_the_interval_leaves_0_out(size):
    found = judge_difference(Variance(1.0, 11), [0.0], [size * stats.t.ppf(0.975, 11)], "images")
    assert (found.low > 0) == (found.p_value < 0.05) == (size > 1)


@pytest.mark.parametrize("value", [0.05, 0.2, 0.6, 1.0])
@pytest.mark.parametrize("num", [2, 5, 6, 30, 200])
def test_so_is_it_where_all_units_differ_by_the_same(value, num):
    found = judge_alike(value, num, same_model=False, bounded=True)
    assert (found.low > 0) == (found.p_value < 0.05)


def test_no_difference_of_shares_is_beyond_all_of_them():
    found = judge_difference(Variance(0.04, 3), [1.0], [0.1], "groups", bounded=True)
    free = judge_difference(Variance(0.04, 3), [1.0], [0.1], "groups")
    assert free.low < found.low == -1.0 and found.high == free.high


def test_one_unit_and_units_that_agree_have_no_variance():
    assert bootstrap_variance(np.zeros(100), 1) is None
    assert bootstrap_variance(np.full(100, 0.1), 20) is None
    assert judge_alike(0.0, 1, False, True).low is None
    assert judge_alike(-0.5, 20, False, False).low is None  # log loss has no bound
    alike = judge_alike(0.0, 20, False, True)
    none_of_20 = stats.binomtest(0, 20).proportion_ci(0.95, "exact").high
    assert (alike.low, alike.high) == pytest.approx((-none_of_20, none_of_20))


def test_the_worst_slice_is_found_anew_in_every_resample():
    rng = np.random.default_rng(1)
    groups = np.repeat(np.arange(10), 8).astype(str)
    right, slices = rng.random(80) < 0.6, rng.integers(0, 3, 80)
    score = LowestShare(find_units(groups, 80), right, slices[None])
    weights = resample(10, 50)
    values, influences = score.measure(weights)
    images = weights[:, groups.astype(int)]
    for row, counts in enumerate(images):
        shares = [
            (counts * right)[slices == one].sum() / counts[slices == one].sum()
            for one in range(3)
            if counts[slices == one].sum()
        ]
        assert values[row] == pytest.approx(min(shares))
    step = 1e-6 * np.eye(10)
    moved = (score.measure(1 + step)[0] - score.measure(np.ones((1, 10)))[0]) / 1e-6
    assert score.measure(np.ones((1, 10)))[1][0] == pytest.approx(moved, abs=1e-5)
    assert influences.shape == (50, 10)
