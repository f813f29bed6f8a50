"""Training, validation and test: given by the source, or made so that no group is split."""

import hashlib
from fractions import Fraction

import numpy as np

from datamodules.chosen_test import choose_fold, split_by_column
from datamodules.folder import SPLIT_FOLDERS
from datamodules.folds import make_folds
from datamodules.manifest import RawTable
from datamodules.options import DataOptions
from datamodules.problems import list_some, raise_problems

SPLITS = ("train", "val", "test")


def assign_splits(
    raw: RawTable,
    labels: np.ndarray,
    class_names: tuple[str, ...],
    groups: np.ndarray | None,
    options: DataOptions,
    seed: int,
    notes: list[str],
) -> np.ndarray:
    """Give every row its split, (rows,) of train, val, test.

    A given split is kept; ``split_by`` and ``num_folds`` choose the test instead. What is missing
    (all of it, or the validation or test part) is made of the training rows by scikit-learn's
    stratified group split, seeded.

    Args:
        raw: The source; its column ``split``, if any, is the given split.
        labels: (rows,) class indices.
        class_names: For messages.
        groups: (rows,) text; None: every image stands for itself.
        options: Column or folds that choose the test, and the shares of parts that are made.
        seed: Of what is made.
        notes: Takes what is to be said.

    Raises:
        ValueError: A split's name is unknown, rows lack one, a group stands on both sides, or a
            class is missing from a part.
    """
    units = np.array(raw.columns["image"].to_pylist()) if groups is None else groups
    if options.num_folds is not None:
        splits = choose_fold(labels, units, options, seed, raw.name)
        notes.append(
            f"Fold {options.fold} of {options.num_folds} (from 0, seed {seed}) is the test."
        )
    elif options.split_by is not None:
        splits = split_by_column(raw, options.split_by, options.test_on, notes)
    else:
        splits = read_splits(raw)
    if options.chooses_test and _has_split(raw):
        notes.append("The column 'split' is not used: data.split_by or data.num_folds decides.")
    given = [split for split in SPLITS if (splits == split).any()]
    if "train" not in given:
        raise ValueError(f"{raw.name}: the column 'split' names no row 'train'; found {given}.")
    _check_apart(splits, np.array(raw.columns["image"].to_pylist()), "image", raw.name)
    if groups is not None:
        _check_apart(splits, groups, "group", raw.name)
    made = []
    for split, fraction in (("test", options.test_fraction), ("val", options.val_fraction)):
        if split in given:
            continue
        rows = np.flatnonzero(splits == "train")
        share = fraction * len(labels) / len(rows)
        taken = _take_share(rows, labels, units, share, seed, raw.name)
        splits[taken] = split
        made.append(f"{split} ({len(taken) / len(labels):.0%} of the images)")
    if made:
        kind = "group-stratified" if groups is not None else "stratified"
        notes.append(f"Made of the training images, {kind}, seed {seed}: {' and '.join(made)}.")
    _check_classes_present(splits, labels, class_names, raw.name, notes)
    return splits


def fingerprint(ids: list[str], splits: np.ndarray) -> str:
    """SHA-256 over which id stands in which split, whatever the order of the rows."""
    lines = sorted(f"{split}\t{name}" for name, split in zip(ids, splits, strict=True))
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()


def read_splits(raw: RawTable, default: str = "train") -> np.ndarray:
    """The given split of every row, (rows,); ``default`` for all where none is given."""
    if not _has_split(raw):
        return np.full(raw.columns.num_rows, default, dtype="<U5")
    texts = np.array([text.lower() for text in raw.columns["split"].to_pylist()])
    unknown = sorted(set(texts.tolist()) - set(SPLIT_FOLDERS) - {""})
    problems = [f"split {name!r} is unknown, expected train, val or test" for name in unknown]
    blank = np.flatnonzero(texts == "")
    if len(blank):
        rows_named = list_some([int(row) + raw.first_row for row in blank])
        problems.append(
            f"split is blank in {len(blank)} rows ({rows_named}) and given in others; "
            "give all or none"
        )
    raise_problems(problems, raw.name)
    return np.array([SPLIT_FOLDERS[text] for text in texts], dtype="<U5")


def _has_split(raw: RawTable) -> bool:
    return "split" in raw.columns.column_names and any(raw.columns["split"].to_pylist())


def _check_apart(splits: np.ndarray, units: np.ndarray, kind: str, name: str) -> None:
    """No unit, a group or an image, may stand in two splits."""
    pairs = np.unique(np.stack([units, splits]), axis=1)
    values, counts = np.unique(pairs[0], return_counts=True)
    problems = [
        f"{kind} {unit!r} stands in {' and '.join(pairs[1][pairs[0] == unit])}; "
        f"it may belong to one split only"
        for unit in values[counts > 1].tolist()
    ]
    raise_problems(problems, f"the split of {name}")


def _take_share(
    rows: np.ndarray, labels: np.ndarray, units: np.ndarray, share: float, seed: int, name: str
) -> np.ndarray:
    """About this share of the rows, whole units only, every class alike."""
    parts = Fraction(share).limit_denominator(10) if share > 0.1 else Fraction(1, round(1 / share))
    wanted = f"a share of {share:.0%}"
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
        split: [
            class_names[label]
            for label in np.setdiff1d(np.arange(len(class_names)), labels[splits == split])
        ]
        for split in SPLITS
    }
    problems = [f"no training image is labelled {label!r}" for label in absent["train"]]
    raise_problems(problems, f"the split of {name}")
    for split in ("val", "test"):
        if absent[split]:
            notes.append(
                f"The {split} split has no {list_some(absent[split])}: "
                "its scores say nothing about that class."
            )
