"""A sample takes classes and groups alike."""

import numpy as np
import pyarrow as pa

from datamodules.splitting.sample import choose_sample
from datamodules.tables.codes import Codes


def test_classes_get_equal_shares_and_what_one_lacks_goes_to_the_others():
    labels = np.array([0] * 90 + [1] * 30 + [2] * 4)
    rows = choose_sample(np.arange(124), labels, None, 44, seed=0)
    assert np.bincount(labels[rows]).tolist() == [20, 20, 4]


def test_every_group_gives_one_before_any_gives_a_second():
    labels = np.zeros(100, int)
    groups = Codes.encode(pa.array(["large"] * 97 + ["a", "b", "c"]))
    rows = choose_sample(np.arange(100), labels, groups, 5, seed=0)
    assert sorted(groups[rows].tolist()) == ["a", "b", "c", "large", "large"]


def test_the_seed_decides_and_the_order_is_random():
    labels = np.arange(100) % 2
    first = choose_sample(np.arange(100), labels, None, 40, seed=1)
    assert (first == choose_sample(np.arange(100), labels, None, 40, seed=1)).all()
    assert set(first) != set(choose_sample(np.arange(100), labels, None, 40, seed=2))
    assert (np.diff(first) < 0).any()
    assert len(set(first.tolist())) == 40


def test_all_of_the_candidates_and_nothing_else():
    candidates = np.array([3, 5, 8])
    assert sorted(choose_sample(candidates, np.zeros(9, int), None, None, seed=0)) == [3, 5, 8]
    assert sorted(choose_sample(candidates, np.zeros(9, int), None, 7, seed=0)) == [3, 5, 8]
