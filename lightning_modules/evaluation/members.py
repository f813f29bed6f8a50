"""Which rows of a table belong to one unit: a patient, a clip."""

from dataclasses import dataclass

import numpy as np

from lightning_modules.evaluation.predictions import PredictionTable


@dataclass(frozen=True)
class Members:
    """Which unit each row is of; units are in the order in which they first appear.

    Args:
        names: (U,) text.
        codes: (N,) int, the unit of each row.
        first: (U,) int, the first row of each unit.
        answered: (N,) bool.
    """

    names: np.ndarray
    codes: np.ndarray
    first: np.ndarray
    answered: np.ndarray

    def __len__(self) -> int:
        return len(self.names)

    def agree(self, values: np.ndarray) -> np.ndarray:
        """(U,) bool: whether all rows of a unit have the same of (N,) values."""
        other = values != values[self.first][self.codes]
        return np.bincount(self.codes, other, len(self)) == 0

    def mean(self, values: np.ndarray, rows: np.ndarray | slice = slice(None)) -> np.ndarray:
        """(U,) means of (N,) values over the rows, 0 for a unit that has none."""
        codes = self.codes[rows]
        total = np.bincount(codes, values[rows], len(self))
        return total / np.maximum(np.bincount(codes, minlength=len(self)), 1)


def find_members(names: np.ndarray, table: PredictionTable) -> Members:
    """The units of a table whose rows are of units of these names (N,)."""
    found, first, codes = np.unique(names, return_index=True, return_inverse=True)
    order = np.argsort(first)
    place = np.empty_like(order)
    place[order] = np.arange(len(order))
    answered = np.array(table.mask_origin) != "abstain"
    return Members(found[order], place[codes], first[order], answered)
