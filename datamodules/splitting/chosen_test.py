"""A test that is chosen: the values of a column, or one fold of several."""

from collections.abc import Sequence

import numpy as np

from datamodules.options import DataOptions
from datamodules.problems import list_some, raise_problems
from datamodules.splitting.folds import make_folds
from datamodules.splitting.given_split import TEST, TRAIN, read_splits
from datamodules.splitting.groups import image_units
from datamodules.tables.codes import Codes
from datamodules.tables.folder import SPLIT_FOLDERS
from datamodules.tables.manifest import RawTable

MOST_VALUES = 20  # in a message


def split_by_column(
    raw: RawTable,
    column: str,
    test_on: Sequence[str] | None,
    groups: Codes | None,
    notes: list[str],
    rest: str = "trained and validated on",
) -> np.ndarray:
    """Test on some values of a column, (rows,) int8 of test and, for the others, train.

    A column of the words train, val and test is the split itself.

    Args:
        raw: The source.
        column: Which; ``group`` names the groups, wherever they were found.
        test_on: Its values to test on; None: the last in alphabetical order.
        groups: Of the rows; None: unknown.
        notes: Takes what is tested on, and what not.
        rest: What is done with the other images, as notes have it.

    Raises:
        ValueError: The column or a value is not there, blank, or leaves nothing beside the test.
    """
    _note_unused(raw, f"data.split_by={column}", column, notes)
    values, codes, counts = _read_values(raw, column, groups)
    if {value.lower() for value in values} & SPLIT_FOLDERS.keys():
        if test_on is not None:
            raise ValueError(
                f"data.test_on goes with a column of places or the like, and {column} of "
                f"{raw.name} says itself what is the test ({list_some(values, MOST_VALUES)}). "
                "Leave data.test_on out."
            )
        return read_splits(raw, column=column)
    sizes = [f"{value} ({n} images)" for value, n in zip(values, counts, strict=True)]
    chosen = [len(values) - 1] if test_on is None else _find_chosen(raw, column, test_on, values)
    others = [code for code in range(len(values)) if code not in chosen]
    if not others:
        raise ValueError(
            f"data.split_by={column} leaves nothing beside the test: all images of {raw.name} are "
            f"of {list_some(sizes, MOST_VALUES)}. Choose another column, or fewer values in "
            "data.test_on."
        )
    notes.append(
        f"By {column}: tested on {list_some([sizes[code] for code in chosen])}, {rest} "
        f"{list_some([sizes[code] for code in others])}."
    )
    return np.where(np.isin(codes, chosen), TEST, TRAIN).astype(np.int8)


def choose_fold(
    raw: RawTable,
    options: DataOptions,
    labels: np.ndarray,
    class_names: Sequence[str],
    groups: Codes | None,
    seed: int,
    notes: list[str],
) -> np.ndarray:
    """One of equal parts is the test, whole groups only, every class alike; the rest is train.

    With ``num_folds=groups`` every group is a part of its own, in alphabetical order.

    Raises:
        ValueError: A class has fewer groups (images where no groups are known) than there are
            folds, so that some fold would not test it.
    """
    number = options.num_folds
    _note_unused(raw, f"data.num_folds={number}", None, notes)
    if number == "groups":
        tested = _leave_one_out(raw, options.fold, groups, notes)
    else:
        units = image_units(raw) if groups is None else groups.numbers
        kind = "images" if groups is None else "groups"
        few = [
            f"class {class_names[label]!r} has {num_units} {kind}, too few for a split in {number} "
            "parts; lower data.num_folds, or give more"
            for label, num_units in enumerate(_count_units(labels, units))
            if num_units < number
        ]
        raise_problems(few, f"the folds of {raw.name}")
        rows = np.arange(len(labels))
        parts = make_folds(rows, labels, units, number, seed, raw.name, f"{number} folds")
        tested = parts[options.fold]
        notes.append(
            f"Fold {options.fold} of {number} (from 0, seed {seed}) is the test: {len(tested)} of "
            f"{len(labels)} images."
        )
    splits = np.full(len(labels), TRAIN, np.int8)
    splits[tested] = TEST
    return splits


def _leave_one_out(raw: RawTable, fold: int, groups: Codes | None, notes: list[str]) -> np.ndarray:
    if groups is None:
        raise ValueError(
            f"data.num_folds=groups leaves one group out, and no groups of {raw.name} are known: "
            "name them by a column 'group' or data.group_from."
        )
    number = len(groups.words)
    if number < 2 or fold >= number:
        raise ValueError(
            f"data.fold is {fold}, and {raw.name} has {number} groups: expected 0 to {number - 1}, "
            "of at least two groups."
        )
    tested = np.flatnonzero(groups.numbers == fold)
    notes.append(
        f"Fold {fold} of {number} (from 0, a group each) is the test: group "
        f"{groups.words[fold].as_py()}, {len(tested)} of {len(groups)} images."
    )
    return tested


def _note_unused(raw: RawTable, decides: str, column: str | None, notes: list[str]) -> None:
    if column != "split" and raw.is_filled("split"):
        notes.append(f"The column 'split' is not used: {decides} decides.")


def _read_values(
    raw: RawTable, column: str, groups: Codes | None
) -> tuple[list[str], np.ndarray, list[int]]:
    """The values of a column in alphabetical order, the number of each row's, and their counts."""
    if column in raw.columns.column_names:
        found = Codes.encode(raw.columns[column])
    elif column == "group" and groups is not None:
        found = groups
    else:
        raise ValueError(
            f"data.split_by={column}: there is no such column in {raw.name}. Columns: "
            f"{', '.join(raw.columns.column_names)}"
        )
    values = found.words.to_pylist()
    if "" in values:
        rows = np.flatnonzero(found == "").tolist()
        raise ValueError(
            f"data.split_by={column}: it is blank in {len(rows)} rows: "
            f"{list_some([raw.row_name(row) for row in rows[:4]], 3)}. Give every row a value."
        )
    counts = np.bincount(found.numbers, minlength=len(values))
    return values, found.numbers, counts.tolist()


def _find_chosen(
    raw: RawTable, column: str, test_on: Sequence[str], values: list[str]
) -> list[int]:
    # true on the command line may be the column's TRUE
    codes = {value.casefold(): code for code, value in enumerate(values)}
    codes |= {value: code for code, value in enumerate(values)}
    found = {name: codes.get(name, codes.get(name.casefold())) for name in test_on}
    unknown = [name for name, code in found.items() if code is None]
    if unknown:
        raise ValueError(
            f"data.test_on names {list_some(unknown)}, which {column} of {raw.name} does not have. "
            f"It has {list_some(values, MOST_VALUES)}."
        )
    return sorted(set(found.values()))


def _count_units(labels: np.ndarray, units: np.ndarray) -> list[int]:
    """Class to the number of units, numbered from 0, that have images of it."""
    num_units = int(units.max()) + 1
    return np.bincount(np.unique(labels * num_units + units) // num_units).tolist()
