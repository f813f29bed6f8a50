"""One image under several names: on both sides of a split, or under several labels."""

from typing import NamedTuple

import numpy as np

from datamodules.problems import raise_problems
from datamodules.splitting.splits import SPLITS
from datamodules.tables.table import ImageTable


class Duplicates(NamedTuple):
    """Rows whose pixels are equal, sets of them one after the other.

    Args:
        rows: (N,) rows that are not alone, ordered by set.
        sets: (N,) number of the set of each.
    """

    rows: np.ndarray
    sets: np.ndarray

    def differing(self, values: np.ndarray) -> list[np.ndarray]:
        """The sets whose rows differ in a value, each as its rows.

        Args:
            values: (N,) int, of each of ``rows``.
        """
        if not len(self.rows):
            return []
        starts = np.flatnonzero(np.r_[True, self.sets[1:] != self.sets[:-1]])
        lowest, highest = np.minimum.reduceat(values, starts), np.maximum.reduceat(values, starts)
        ends = np.r_[starts[1:], len(self.rows)]
        mixed = np.flatnonzero(lowest != highest)
        return [self.rows[starts[k] : ends[k]] for k in mixed.tolist()]


def find_duplicates(content: np.ndarray, chosen: np.ndarray | None = None) -> Duplicates:
    """Rows that share their content.

    Args:
        content: (rows,) hash of the pixels of each.
        chosen: (N,) rows to look at; None: all.
    """
    rows = np.arange(len(content)) if chosen is None else chosen
    order = rows[np.argsort(content[rows], kind="stable")]
    starts = np.r_[True, np.diff(content[order].view(np.int64)) != 0][: len(order)]
    sets = np.cumsum(starts) - 1
    shared = np.bincount(sets)[sets] > 1 if len(sets) else np.zeros(0, bool)
    return Duplicates(order[shared], sets[shared])


def split_codes(table: ImageTable) -> np.ndarray:
    """(rows,) int8 index into SPLITS; -1: in none of them."""
    numbers = table.splits.numbers
    return np.where(numbers < len(SPLITS), numbers, -1)


def say_set(table: ImageTable, rows: np.ndarray, splits: np.ndarray, most: int = 3) -> str:
    """The rows of a set with their splits; those of different splits come first."""
    order = rows[np.argsort(_repeats(splits[rows]), kind="stable")]
    said = [
        f"{table.row_name(row)} in {SPLITS[splits[row]] if splits[row] >= 0 else 'no split'}"
        for row in order[:most].tolist()
    ]
    more = f" and {len(rows) - most} more" if len(rows) > most else ""
    return " = ".join(said) + more


def _repeats(values: np.ndarray) -> np.ndarray:
    """0 for the first of each value, 1 for the others."""
    repeated = np.ones(len(values), int)
    repeated[np.unique(values, return_index=True)[1]] = 0
    return repeated


def check_duplicates(table: ImageTable, content: np.ndarray, allowed: bool) -> list[str]:
    """Stop where one image stands in two splits, and say where it has two labels.

    Args:
        table: The images.
        content: (rows,) hash of the pixels of each.
        allowed: Whether it only is to be said.

    Returns:
        What is to be said, one sentence each.

    Raises:
        ValueError: One image stands in several splits; all of these are listed.
    """
    splits = split_codes(table)
    found = find_duplicates(content, np.flatnonzero(splits >= 0))
    across = found.differing(splits[found.rows])
    if across and not allowed:
        raise_problems(
            [f"the same pixels: {say_set(table, rows, splits)}" for rows in across],
            f"the split of {table.name}: images stand in several splits under different names, so "
            "that the test would ask what was learned by heart. Give them one group, drop all but "
            "one, or set data.allow_duplicates=true; scripts/check_data.py shows them side by side",
        )
    notes = []
    if across:
        example = say_set(table, across[0], splits)
        notes.append(
            f"{len(across)} images stand in several splits under different names "
            f"(data.allow_duplicates=true), such as {example}: their scores are no test."
        )
    mixed = found.differing(table.labels[found.rows])
    if mixed:
        notes.append(
            f"{len(mixed)} images stand in the table with different labels, such as "
            f"{say_labels(table, mixed[0])}: at least one label of each is wrong."
        )
    return notes


def say_labels(table: ImageTable, rows: np.ndarray, most: int = 3) -> str:
    """The rows of a set with their labels; those of different labels come first."""
    order = rows[np.argsort(_repeats(table.labels[rows]), kind="stable")]
    return " = ".join(
        f"{table.row_name(row)} as {table.class_names[table.labels[row]]}"
        for row in order[:most].tolist()
    )
