"""Two models on the same images: McNemar's test, its kin for groups, and Holm's correction."""

from itertools import product

import numpy as np
import pytest

from lightning_modules.evaluation.statistics.holm import holm
from lightning_modules.evaluation.statistics.mcnemar import mcnemar, mcnemar_by_group


def right(both, only_first, only_second, neither):
    """Where each of two models is right, from the four counts."""
    first = [True] * (both + only_first) + [False] * (only_second + neither)
    second = [True] * both + [False] * only_first + [True] * only_second + [False] * neither
    return np.array(first), np.array(second)


def test_the_images_that_both_get_right_do_not_count():
    few, many = right(0, 12, 3, 0), right(500, 12, 3, 80)
    assert mcnemar(*few).p_value == mcnemar(*many).p_value
    assert (mcnemar(*many).only_first, mcnemar(*many).only_second) == (12, 3)


@pytest.mark.parametrize(
    ("only_first", "only_second", "expected"),
    [
        (1, 5, 2 * (1 + 6) / 64),  # two tails of six coins, by hand
        (0, 5, 2 / 32),
        (3, 3, 1.0),
        (0, 0, 1.0),
        (150, 86, 3.716e-05),  # approval of a president (Agresti, Categorical Data Analysis)
        (6, 16, 0.0525),  # the example of Wikipedia's "McNemar's test", exact test
    ],
)
def test_the_p_value_is_that_of_a_fair_coin(only_first, only_second, expected):
    assert mcnemar(*right(20, only_first, only_second, 20)).p_value == pytest.approx(
        expected, rel=1e-3
    )


def test_it_does_not_matter_which_model_comes_first():
    first, second = right(5, 9, 2, 5)
    assert mcnemar(first, second).p_value == mcnemar(second, first).p_value
    units = np.arange(len(first)) // 3
    assert mcnemar_by_group(first, second, units) == pytest.approx(
        mcnemar_by_group(second, first, units)
    )


def test_groups_of_one_image_are_mcnemars_own_test():
    rng = np.random.default_rng(0)
    for _ in range(20):
        first, second = rng.random((2, 40)) < rng.uniform(0.2, 0.9, (2, 1))
        plain = mcnemar(first, second).p_value
        assert mcnemar_by_group(first, second, np.arange(40)) == pytest.approx(plain, abs=1e-12)


def test_the_p_value_over_groups_counts_all_exchanges():
    rng = np.random.default_rng(1)
    for _ in range(10):
        units = rng.integers(0, 9, 60)
        first, second = rng.random((2, 60)) < [[0.5], [0.7]]
        surplus = np.bincount(units, second.astype(int) - first.astype(int), 9)
        sums = [abs(np.dot(signs, surplus)) for signs in product((-1, 1), repeat=9)]
        expected = np.mean(np.array(sums) >= abs(surplus.sum()))
        assert mcnemar_by_group(first, second, units) == pytest.approx(expected, abs=1e-12)


def test_one_group_tells_nothing_however_many_images_it_has():
    first, second = right(0, 0, 500, 0)
    assert mcnemar(first, second).p_value < 1e-100
    assert mcnemar_by_group(first, second, np.zeros(500, int)) == 1.0


def test_copies_of_an_image_make_mcnemar_sure_and_not_the_test_over_groups():
    first, second = right(10, 1, 4, 5)
    units = np.arange(20)
    once = mcnemar_by_group(first, second, units)
    copied = [np.repeat(one, 30) for one in (first, second, units)]
    assert mcnemar(*copied[:2]).p_value < 1e-12
    assert mcnemar_by_group(*copied) == pytest.approx(once)


def test_a_hundred_thousand_images_in_groups_take_a_moment():
    rng = np.random.default_rng(2)
    units = np.sort(rng.integers(0, 500, 100_000))
    first, second = rng.random((2, 100_000)) < 0.8
    assert 0 < mcnemar_by_group(first, second, units) <= 1


def test_holm_by_hand():
    # Holm 1979: 4 x 0.01, 3 x 0.02, 2 x 0.03 (not below its forerunner's 0.06), 1 x 0.04
    assert holm([0.04, 0.01, 0.03, 0.02]) == pytest.approx([0.06, 0.04, 0.06, 0.06])
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert holm([0.5, 0.9]) == pytest.approx([1.0, 1.0])
    assert holm([0.03]) == [0.03]
    assert holm([]) == []


def test_holm_keeps_the_chance_of_one_false_alarm():
    p = np.random.default_rng(3).random((4000, 6))
    false_alarms = np.mean([min(holm(row)) < 0.05 for row in p])
    assert false_alarms == pytest.approx(1 - (1 - 0.05 / 6) ** 6, abs=0.012)
