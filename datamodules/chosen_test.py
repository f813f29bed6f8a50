"""A test that is chosen: the values of a column, or one fold of several."""

from collections.abc import Sequence

import numpy as np

from datamodules.folder import SPLIT_FOLDERS
from datamodules.folds import make_folds
from datamodules.manifest import RawTable
from datamodules.options import DataOptions
from datamodules.problems import list_some


def split_by_column(
    raw: RawTable, column: str, test_on: Sequence[str] | None, notes: list[str]
) -> np.ndarray:
    """Test on some values of a column and train on the others, (rows,) of train and test.

    A column of the words train, val and test is the split itself.

    Raises:
        ValueError: The column or a value is not there, blank, or leaves nothing to train on.
    """
    if column not in raw.columns.column_names:
        raise ValueError(
            f"data.split_by={column}: there is no such column in {raw.name}. Columns: "
            f"{', '.join(raw.columns.column_names)}"
        )
    texts = np.array(raw.columns[column].to_pylist())
    blank = [raw.row_name(row) for row in np.flatnonzero(texts == "").tolist()]
    if blank:
        raise ValueError(
            f"data.split_by={column}: it is blank in {len(blank)} rows: {list_some(blank, 3)}. "
            "Give every row a value."
        )
    values, counts = np.unique(texts, return_counts=True)
    if {value.lower() for value in values} <= set(SPLIT_FOLDERS) and test_on is None:
        return np.array([SPLIT_FOLDERS[text.lower()] for text in texts], dtype="<U5")
    chosen = (str(values[-1]),) if test_on is None else tuple(test_on)
    unknown = sorted(set(chosen) - set(values.tolist()))
    known = ", ".join(f"{value} ({n})" for value, n in zip(values, counts, strict=True))
    if unknown:
        raise ValueError(
            f"data.test_on names {list_some(unknown)}, which {column} of {raw.name} does not have: "
            f"{known}."
        )
    tested = np.isin(texts, chosen)
    if tested.all():
        raise ValueError(
            f"data.split_by={column} leaves nothing to train on: all images are of {known}."
        )
    others = ", ".join(value for value in values if value not in chosen)
    notes.append(
        f"By {column}: tested on {', '.join(chosen)} ({tested.sum()} images), trained and "
        f"validated on {others} ({(~tested).sum()})."
    )
    return np.where(tested, "test", "train").astype("<U5")


def choose_fold(
    labels: np.ndarray, units: np.ndarray, options: DataOptions, seed: int, name: str
) -> np.ndarray:
    """One of equal parts is the test, whole units only, every class alike."""
    rows = np.arange(len(labels))
    parts = make_folds(rows, labels, units, options.num_folds, seed, name, "data.num_folds")
    splits = np.full(len(labels), "train", dtype="<U5")
    splits[parts[options.fold]] = "test"
    return splits
