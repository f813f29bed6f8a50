"""A split that the source gives itself: a column of the words train, val and test."""

import numpy as np

from datamodules.folder import SPLIT_FOLDERS
from datamodules.manifest import RawTable
from datamodules.problems import list_some, raise_problems


def read_splits(raw: RawTable, default: str = "train", column: str = "split") -> np.ndarray:
    """The given split of every row, (rows,); ``default`` for all where none is given.

    Raises:
        ValueError: A word is unknown, or only some rows have one.
    """
    if not has_split(raw, column):
        return np.full(raw.columns.num_rows, default, dtype="<U5")
    texts = np.array([text.lower() for text in raw.columns[column].to_pylist()])
    unknown = sorted(set(texts.tolist()) - set(SPLIT_FOLDERS) - {""})
    problems = [f"{column} {name!r} is unknown, expected train, val or test" for name in unknown]
    blank = np.flatnonzero(texts == "")
    if len(blank):
        rows_named = list_some([int(row) + raw.first_row for row in blank])
        problems.append(
            f"{column} is blank in {len(blank)} rows ({rows_named}) and given in others; "
            "give all or none"
        )
    raise_problems(problems, raw.name)
    return np.array([SPLIT_FOLDERS[text] for text in texts], dtype="<U5")


def has_split(raw: RawTable, column: str = "split") -> bool:
    """Whether any row of the column is filled."""
    return column in raw.columns.column_names and any(raw.columns[column].to_pylist())
