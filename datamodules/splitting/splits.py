"""Training, validation and test: given by the source, or made so that no group is split."""

import hashlib
from collections.abc import Iterator
from fractions import Fraction

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from datamodules.options import DataOptions
from datamodules.problems import list_some, raise_problems
from datamodules.splitting.chosen_test import choose_fold, split_by_column
from datamodules.splitting.folds import make_folds
from datamodules.splitting.given_split import SPLITS, TEST, TRAIN, VAL, read_splits
from datamodules.splitting.groups import image_units
from datamodules.tables.codes import Codes
from datamodules.tables.manifest import RawTable

HASHED_AT_ONCE = 1_000_000


def assign_splits(
    raw: RawTable,
    labels: np.ndarray,
    class_names: tuple[str, ...],
    groups: Codes | None,
    options: DataOptions,
    seed: int,
    notes: list[str],
) -> np.ndarray:
    """Give every row its split, (rows,) int8 indices into ``SPLITS``.

    A given split is kept; ``split_by`` and ``num_folds`` choose the test instead. What is missing
    (all of it, or the validation or test part) is made of the training rows by scikit-learn's
    stratified group split, seeded.

    Args:
        raw: The source; its column ``split``, if any, is the given split.
        labels: (rows,) class indices.
        class_names: For messages.
        groups: Of the rows; None: every image stands for itself.
        options: Column or folds that choose the test, and the shares of parts that are made.
        seed: Of what is made.
        notes: Takes what is to be said.

    Raises:
        ValueError: A split's name is unknown, rows lack one, a group stands on both sides, or a
            class is missing from a part.
    """
    units = image_units(raw) if groups is None else groups.numbers
    if options.num_folds is not None:
        splits = choose_fold(raw, options, labels, class_names, groups, seed, notes)
    elif options.split_by is not None:
        splits = split_by_column(raw, options.split_by, options.test_on, groups, notes)
    else:
        splits = read_splits(raw)
    given = np.unique(splits).tolist()
    if TRAIN not in given:
        column = "split" if options.split_by is None else options.split_by
        found = [SPLITS[split] for split in given]
        raise ValueError(f"{raw.name}: the column {column!r} names no row 'train'; found {found}.")
    by = "" if options.split_by is None else f" by data.split_by={options.split_by}"
    if raw.images_repeat:
        _check_apart(splits, Codes.encode(raw.columns["image"]), "image", raw.name + by)
    if groups is not None:
        _check_apart(splits, groups, "group", raw.name + by)
    made = []
    # of the images; where the test was chosen, of those that it left
    chosen = options.split_by is not None or options.num_folds is not None
    total = (splits != TEST).sum() if chosen else len(labels)
    for split, fraction in ((TEST, options.test_fraction), (VAL, options.val_fraction)):
        if split in given:
            continue
        rows, word = np.flatnonzero(splits == TRAIN), SPLITS[split]
        share = fraction * total / len(rows)
        wanted = f"the {word} images, {share:.0%} of the others (data.{word}_fraction)"
        taken = _take_share(rows, labels, units, share, seed, raw.name, wanted, chosen)
        splits[taken] = split
        made.append(f"{word} ({len(taken) / len(labels):.0%} of the images)")
    if made:
        kind = "group-stratified" if groups is not None else "stratified"
        notes.append(f"Made of the training images, {kind}, seed {seed}: {' and '.join(made)}.")
    _check_classes_present(splits, labels, class_names, raw.name, notes)
    return splits


def choose_evaluated(
    raw: RawTable, groups: Codes | None, options: DataOptions, notes: list[str]
) -> np.ndarray:
    """The split of images that are evaluated only, (rows,) int8: the test unless something says.

    Raises:
        ValueError: The column that says it has mistakes, or folds are asked for.
    """
    if options.num_folds is not None:
        raise ValueError(
            f"data.num_folds={options.num_folds} makes folds to train on, and {raw.name} is "
            "evaluated only. Leave it out; data.split_by chooses images by a column."
        )
    if options.split_by is None:
        return read_splits(raw, default=TEST)
    return split_by_column(raw, options.split_by, options.test_on, groups, notes, "left aside are")


def fingerprint(ids: pa.ChunkedArray, splits: Codes) -> str:
    """SHA-256 over which id stands in which split, whatever the order of the rows."""
    digest = hashlib.sha256()
    for number, line in enumerate(_sorted_lines(ids, splits)):
        digest.update(("\n" if number else "").encode() + line.encode())
    return digest.hexdigest()


def _sorted_lines(ids: pa.ChunkedArray, splits: Codes) -> Iterator[str]:
    """Split, tab and id of all rows in alphabetical order, many lines at once."""
    for split in sorted(splits.words.to_pylist()):
        names = pa.chunked_array(ids.filter(pa.array(splits == split)))
        names = names.take(pc.sort_indices(names))
        for start in range(0, len(names), HASHED_AT_ONCE):
            some = names.slice(start, HASHED_AT_ONCE).to_pylist()
            yield "\n".join(f"{split}\t{name}" for name in some)


def _check_apart(splits: np.ndarray, units: Codes, kind: str, name: str) -> None:
    """No unit, a group or an image, may stand in two splits."""
    stands = np.zeros((len(units.words), len(SPLITS)), bool)
    stands[units.numbers, splits] = True
    problems = []
    for unit in np.flatnonzero(stands.sum(axis=1) > 1).tolist():
        names = " and ".join(sorted(SPLITS[split] for split in np.flatnonzero(stands[unit])))
        problems.append(
            f"{kind} {units.words[unit].as_py()!r} stands in {names}; it may belong to one split "
            "only"
        )
    raise_problems(problems, f"the split of {name}")


def _take_share(
    rows: np.ndarray,
    labels: np.ndarray,
    units: np.ndarray,
    share: float,
    seed: int,
    name: str,
    wanted: str,
    few: bool,
) -> np.ndarray:
    """About this share of the rows, whole units only, every class alike.

    ``wanted``: for what. ``few``: of fewer units than that share needs, as many as are nearest.
    """
    parts = Fraction(share).limit_denominator(10) if share > 0.1 else Fraction(1, round(1 / share))
    if parts >= 1:
        raise ValueError(
            f"{name}: {share * len(rows):.0f} of {len(rows)} training images for a split that has "
            "to be made leave nothing to train on (data.val_fraction and data.test_fraction are "
            "shares of all images). Lower the fractions, or test on fewer images."
        )
    num_units = len(np.unique(units[rows]))
    if few and 2 <= num_units < parts.denominator:
        parts = Fraction(max(1, round(share * num_units)), num_units)
    folds = make_folds(rows, labels, units, parts.denominator, seed, name, wanted)
    return np.concatenate(folds[: parts.numerator])


def _check_classes_present(
    splits: np.ndarray,
    labels: np.ndarray,
    class_names: tuple[str, ...],
    name: str,
    notes: list[str],
) -> None:
    absent = {
        word: [
            class_names[label]
            for label in np.setdiff1d(np.arange(len(class_names)), labels[splits == split])
        ]
        for split, word in enumerate(SPLITS)
    }
    problems = [
        f"no training image is labelled {label!r}: put images of it into training (column split, "
        "other groups), or leave its images out"
        for label in absent["train"]
    ]
    raise_problems(problems, f"the split of {name}")
    for split in ("val", "test"):
        if absent[split]:
            notes.append(
                f"The {split} split has no {list_some(absent[split])}: "
                "its scores say nothing about that class."
            )
