"""Columns of text as numbers, and numbers in columns of text."""

import numpy as np
import pyarrow as pa
import pytest

from datamodules.splitting.folds import MOST_VISITED, make_folds
from datamodules.tables.codes import Codes
from datamodules.tables.numbers import is_number, parse_numbers

WORDS = ["b", "a", "ä", "b", "", "a"]


@pytest.mark.parametrize("column", [pa.array(WORDS), pa.chunked_array([WORDS[:2], WORDS[2:]])])
def test_codes_are_the_text_they_stand_for(column):
    codes = Codes.encode(column)
    assert codes.words.to_pylist() == sorted(set(WORDS))
    assert codes.tolist() == list(codes) == WORDS
    assert codes[2] == "ä"
    assert codes[np.array([3, 1])].tolist() == ["b", "a"]
    assert (codes == "b").tolist() == [word == "b" for word in WORDS]
    assert (codes != "b").tolist() == [word != "b" for word in WORDS]
    assert not (codes == "nothing").any()
    assert (codes == Codes.encode(pa.array(WORDS[::-1]))).tolist() == [
        first == second for first, second in zip(WORDS, WORDS[::-1], strict=True)
    ]
    assert codes.to_arrow().to_pylist() == WORDS
    assert codes.keep(np.array([0, 2])).tolist() == ["b", "ä"]


def test_numbers_are_read_as_python_reads_them():
    texts = ["1", "+2.5", "-.5", ".25", "1e3", "3.", "-3.E-2", "007"]
    column = pa.chunked_array([texts])
    assert is_number(column).all()
    assert parse_numbers(column).tolist() == [float(text) for text in texts]


@pytest.mark.parametrize(
    "text", ["", "nan", "inf", "1 2", "1,5", "0x10", "1_000", "--1", ".", "e5"]
)
def test_what_is_no_number_is_none(text):
    assert not is_number(pa.chunked_array([[text]]))[0]


def test_very_many_groups_are_dealt_whole_and_alike():
    rng = np.random.default_rng(0)
    num_groups = 2 * MOST_VISITED
    units = np.repeat(np.arange(num_groups), 3)
    labels = rng.integers(0, 3, len(units))
    rows = rng.permutation(len(units))[:50_000]
    folds = make_folds(rows, labels, units, 7, 0, "m", "a part")
    assert sorted(np.concatenate(folds).tolist()) == sorted(rows.tolist())
    owners = [set(units[fold].tolist()) for fold in folds]
    assert sum(map(len, owners)) == len(set().union(*owners))
    sizes = np.array([len(fold) for fold in folds])
    assert sizes.max() - sizes.min() < 0.01 * sizes.mean()
    shares = np.array([np.bincount(labels[fold], minlength=3) / len(fold) for fold in folds])
    assert abs(shares - shares.mean(axis=0)).max() < 0.02
    again = make_folds(rows, labels, units, 7, 0, "m", "a part")
    assert all((first == second).all() for first, second in zip(folds, again, strict=True))
    other = make_folds(rows, labels, units, 7, 1, "m", "a part")
    assert len(other[0]) != len(folds[0]) or (other[0] != folds[0]).any()
