"""One image more than once: exactly, or nearly."""

from collections.abc import Iterator

import numpy as np

from datamodules.checks.duplicates import (
    Duplicates,
    find_duplicates,
    say_labels,
    say_set,
    split_codes,
)
from datamodules.checks.examination import Examination
from datamodules.checks.near_duplicates import NearPairs
from datamodules.doctor.findings import MOST_EXAMPLES, MOST_PICTURES, Finding, Level
from datamodules.loading.sequences import SEQUENCE
from datamodules.splitting.splits import SPLITS
from datamodules.tables.codes import Codes
from datamodules.tables.table import ImageTable

PER_SET = 4  # pictures of one set


def find_exact(table: ImageTable, found: Examination) -> Iterator[Finding]:
    """Equal pixels across splits, under several labels, or merely twice."""
    sets = find_duplicates(found.images["content"], np.flatnonzero(~found.images.broken))
    splits = split_codes(table)
    across = sets.differing(splits[sets.rows])
    if across:
        yield Finding(
            Level.ERROR,
            "duplicates across splits",
            "Images stand in several splits under different names: the test asks what was learned "
            "by heart. Give them one group, or drop all but one.",
            len(across),
            [say_set(table, rows, splits) for rows in across[:MOST_EXAMPLES]],
            _pictures(across),
        )
    mixed = sets.differing(table.labels[sets.rows])
    if mixed:
        yield Finding(
            Level.ERROR,
            "duplicates of several labels",
            "One image stands in the table with different labels: at least one of them is wrong.",
            len(mixed),
            [say_labels(table, rows) for rows in mixed[:MOST_EXAMPLES]],
            _pictures(mixed),
        )
    yield from _find_repeated(table, sets, splits)


def _find_repeated(table: ImageTable, sets: Duplicates, splits: np.ndarray) -> Iterator[Finding]:
    """Sets that are harmless: of one split and one label."""
    known = {
        int(rows[0])
        for rows in (*sets.differing(splits[sets.rows]), *sets.differing(table.labels[sets.rows]))
    }
    every = sets.differing(np.arange(len(sets.rows)))
    repeated = [rows for rows in every if int(rows[0]) not in known]
    if repeated:
        yield Finding(
            Level.NOTE,
            "duplicates within a split",
            "Images stand in one split more than once, and count as often.",
            len(repeated),
            [say_set(table, rows, splits) for rows in repeated[:MOST_EXAMPLES]],
            _pictures(repeated),
        )


def _pictures(sets: list[np.ndarray]) -> list[tuple[int, ...]]:
    return [tuple(rows[:PER_SET].tolist()) for rows in sets[:MOST_PICTURES]]


def number_apart(texts: Codes) -> np.ndarray:
    """(rows,) a number for each text; each blank has one of its own."""
    numbers = texts.numbers.astype(np.int64)
    blank = np.flatnonzero(texts == "")
    numbers[blank] = -1 - blank
    return numbers


class Apart:
    """Says which pairs of rows nothing joins: neither a group nor a sequence."""

    def __init__(self, table: ImageTable) -> None:
        self.codes = []
        if table.groups is not None:
            self.codes.append(number_apart(table.groups))
        if SEQUENCE in table.columns.column_names:
            self.codes.append(number_apart(Codes.encode(table.columns[SEQUENCE])))

    def __call__(self, first: np.ndarray, second: np.ndarray) -> np.ndarray:
        """(N,) bool of the pairs of rows (N,) and (N,)."""
        apart = np.ones(len(first), bool)
        for codes in self.codes:
            apart &= codes[first] != codes[second]
        return apart


def find_near(table: ImageTable, pairs: NearPairs) -> Iterator[Finding]:
    """Images that look alike, of different splits or groups."""
    splits = split_codes(table)
    across = splits[pairs.first] != splits[pairs.second]
    for chosen, level, topic, sentence in (
        (
            across,
            Level.WARNING,
            "near duplicates across splits",
            "Images of different splits look alike: frames of one scene, or copies by another "
            "compression. Give them one group (or a column 'sequence', within which they are "
            "expected).",
        ),
        (
            ~across,
            Level.NOTE,
            "near duplicates within a split",
            "Images of one split look alike. They are less than so many images: give them one "
            "group, so that they stay together when a split is made.",
        ),
    ):
        first, second = pairs.first[chosen], pairs.second[chosen]
        if not len(first):
            continue
        some = list(zip(first.tolist(), second.tolist(), strict=True))
        lines = [
            " ~ ".join(f"{table.row_name(row)} in {_split(splits[row])}" for row in pair)
            for pair in some[:MOST_EXAMPLES]
        ]
        yield Finding(level, topic, sentence, len(first), lines, some[:MOST_PICTURES])
    if pairs.num_left_out:
        yield Finding(
            Level.NOTE,
            "more that may look alike",
            f"At least {pairs.num_left_out} pairs whose looks are near were too many to be "
            "compared by their pixels; the nearest were.",
            pairs.num_left_out,
        )


def _split(code: int) -> str:
    return SPLITS[code] if code >= 0 else "no split"
