"""Differences of two models: what groups and what seeds leave open."""

import numpy as np
import pytest
from scipy import stats

from lightning_modules.evaluation.comparison.scores import LowestShare
from lightning_modules.evaluation.statistics.bootstrap import resample
from lightning_modules.evaluation.statistics.difference import judge_alike, judge_difference
from lightning_modules.evaluation.statistics.spread import (
    Spread,
    Variance,
    bootstrap_spread,
    effective_freedom,
)
from lightning_modules.evaluation.statistics.units import find_units


def even(size, freedom):
    """A spread that is the same to either side."""
    side = Variance(size, freedom)
    return Spread(side, side, round(freedom) + 1, "a bootstrap")


@pytest.mark.parametrize("number", [6, 24])
def test_groups_of_one_size_give_the_paired_t_test(number):
    rng = np.random.default_rng(0)
    first, second = rng.normal(0.7, 0.1, number), rng.normal(0.75, 0.1, number)
    change, weights = second - first, resample(number, 40_000)
    influences = (change - change.mean()) / number
    spread = bootstrap_spread(change.mean(), weights @ change / number, influences, number)
    found = judge_difference(spread, [first.mean()], [second.mean()], "groups")
    expected = stats.ttest_rel(second, first)
    ends = expected.confidence_interval()
    # percentiles follow the skewness of these groups, which Student's t does not
    near = 1e-3 if number < 8 else 5e-3
    assert (found.low, found.high) == pytest.approx((ends.low, ends.high), abs=near)
    assert found.p_value == pytest.approx(expected.pvalue, rel=0.05 if number < 8 else 0.3)
    method = "Student's t, bootstrap" if number < 8 else "expanded percentile bootstrap"
    assert (found.method, found.num_units) == (f"{method} over groups", number)


def test_the_percentiles_are_as_far_out_as_few_units_need():
    rng = np.random.default_rng(0)
    # flat, so that they have the least kurtosis and all of their n - 1 degrees of freedom
    values = rng.exponential(size=(1, 2000))[0]
    spread = bootstrap_spread(1.0, values, np.tile([1.0, -1.0], 10), 20)
    assert spread.below.freedom == spread.above.freedom == 19
    outer = stats.norm.cdf(-stats.t.ppf(0.975, 19) * np.sqrt(20 / 19))
    low, high = np.quantile(values, [outer, 1 - outer])
    found = judge_difference(spread, [0.0], [1.0], "groups")
    assert (found.low, found.high) == pytest.approx((low, high))


def test_a_difference_that_hangs_on_one_of_many_groups_is_known_as_badly_as_of_few():
    normal = stats.norm.ppf((np.arange(1000) + 0.5) / 1000)
    assert effective_freedom(normal) == pytest.approx(999, rel=0.02)
    assert effective_freedom(np.tile([1.0, -1.0], 20)) == 39
    # one against all others: the variance of two numbers
    assert 1 <= effective_freedom(np.append(np.full(39, -1 / 39), 1.0)) < 2.2


def test_an_end_that_is_0_in_the_resamples_is_not_beyond_it():
    """Three of 30 groups differ, so that in 4 % of the resamples none does."""
    influences = np.append(np.full(27, -1e-3), np.full(3, 9e-3))
    resampled = resample(30)[:, -3:].sum(axis=1) / 300 + 1e-17
    found = judge_difference(bootstrap_spread(0.01, resampled, influences, 30), [0], [0.01], "")
    assert found.low <= 0 and found.p_value >= 0.05


def test_without_an_uncertainty_over_groups_it_is_welchs_test_of_the_seeds():
    first, second = [0.71, 0.74, 0.78], [0.79, 0.80, 0.83, 0.81]
    found = judge_difference(even(0.0, 29), first, second, "groups")
    expected = stats.ttest_ind(second, first, equal_var=False)
    ends = expected.confidence_interval()
    assert (found.low, found.high) == pytest.approx((ends.low, ends.high))
    assert found.p_value == pytest.approx(expected.pvalue)


@pytest.mark.parametrize("sign", [-1, 1])
@pytest.mark.parametrize("size", [0.5, 0.99, 1.01, 3.0])
def test_the_p_value_is_below_5_percent_just_where_the_interval_leaves_0_out(size, sign):
    one, other = Variance(1.0, 11), Variance(4.0, 5)
    spread = Spread(*((one, other) if sign > 0 else (other, one)), 12, "a bootstrap")
    found = judge_difference(spread, [0.0], [sign * size * stats.t.ppf(0.975, 11)], "images")
    assert (found.low > 0 or found.high < 0) == (found.p_value < 0.05) == (size > 1)


@pytest.mark.parametrize("value", [0.05, 0.2, 0.6, 1.0])
@pytest.mark.parametrize("num", [2, 5, 6, 30, 200])
def test_so_is_it_where_all_units_differ_by_the_same(value, num):
    found = judge_alike(value, num, same_model=False, bounded=True)
    assert (found.low > 0) == (found.p_value < 0.05)


def test_no_difference_of_shares_is_beyond_all_of_them():
    found = judge_difference(even(0.04, 3), [1.0], [0.1], "groups", bounded=True)
    free = judge_difference(even(0.04, 3), [1.0], [0.1], "groups")
    assert free.low < found.low == -1.0 and found.high == free.high


def test_one_unit_and_units_that_agree_have_no_variance():
    assert bootstrap_spread(0.0, np.zeros(100), np.zeros(1), 1) is None
    assert bootstrap_spread(0.1, np.full(100, 0.1), np.zeros(20), 20) is None
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
