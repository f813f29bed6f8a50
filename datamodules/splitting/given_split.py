"""A split that the source gives itself: a column of the words train, val and test."""

import numpy as np

from datamodules.problems import list_some, raise_problems
from datamodules.tables.codes import Codes
from datamodules.tables.folder import SPLIT_FOLDERS
from datamodules.tables.manifest import RawTable

SPLITS = ("train", "val", "test")
TRAIN, VAL, TEST = range(3)


def read_splits(raw: RawTable, default: int = TRAIN, column: str = "split") -> np.ndarray:
    """The given split of every row, (rows,) int8; ``default`` for all where none is given.

    Raises:
        ValueError: A word is unknown, or only some rows have one.
    """
    if not raw.is_filled(column):
        return np.full(raw.columns.num_rows, default, np.int8)
    written = Codes.encode(raw.columns[column])
    words = [word.lower() for word in written.words.to_pylist()]
    unknown = sorted(set(words) - set(SPLIT_FOLDERS) - {""})
    problems = [f"{column} {name!r} is unknown, expected train, val or test" for name in unknown]
    blank = np.flatnonzero(written == "") if "" in words else ()
    if len(blank):
        rows_named = list_some([raw.row_number(int(row)) for row in blank])
        problems.append(
            f"{column} is blank in {len(blank)} rows ({rows_named}) and given in others; "
            "give all or none"
        )
    raise_problems(problems, raw.name)
    numbers = np.array([SPLITS.index(SPLIT_FOLDERS[word]) for word in words], np.int8)
    return numbers[written.numbers]
