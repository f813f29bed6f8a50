"""Training, validation and test: given by the source, or made so that no group is split."""

import hashlib
from fractions import Fraction

import numpy as np

from datamodules.chosen_test import choose_fold, split_by_column
from datamodules.folds import make_folds
from datamodules.given_split import read_splits
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
    images = np.array(raw.columns["image"].to_pylist())
    units = images if groups is None else groups
    if options.num_folds is not None:
        splits = choose_fold(raw, options, labels, class_names, groups, seed, notes)
    elif options.split_by is not None:
        splits = split_by_column(raw, options.split_by, options.test_on, notes)
    else:
        splits = read_splits(raw)
    given = [split for split in SPLITS if (splits == split).any()]
    if "train" not in given:
        column = "split" if options.split_by is None else options.split_by
        raise ValueError(f"{raw.name}: the column {column!r} names no row 'train'; found {given}.")
    by = "" if options.split_by is None else f" by data.split_by={options.split_by}"
    _check_apart(splits, images, "image", raw.name + by)
    if groups is not None:
        _check_apart(splits, groups, "group", raw.name + by)
    made = []
    # of the images; where the test was chosen, of those that it left
    chosen = options.split_by is not None or options.num_folds is not None
    total = (splits != "test").sum() if chosen else len(labels)
    for split, fraction in (("test", options.test_fraction), ("val", options.val_fraction)):
        if split in given:
            continue
        rows = np.flatnonzero(splits == "train")
        share = fraction * total / len(rows)
        wanted = f"the {split} images, {share:.0%} of the others (data.{split}_fraction)"
        taken = _take_share(rows, labels, units, share, seed, raw.name, wanted)
        splits[taken] = split
        made.append(f"{split} ({len(taken) / len(labels):.0%} of the images)")
    if made:
        kind = "group-stratified" if groups is not None else "stratified"
        notes.append(f"Made of the training images, {kind}, seed {seed}: {' and '.join(made)}.")
    _check_classes_present(splits, labels, class_names, raw.name, notes)
    return splits


def choose_evaluated(raw: RawTable, options: DataOptions, notes: list[str]) -> np.ndarray:
    """The split of images that are evaluated only, (rows,): all are the test unless something says.

    Raises:
        ValueError: The column that says it has mistakes, or folds are asked for.
    """
    if options.num_folds is not None:
        raise ValueError(
            f"data.num_folds={options.num_folds} makes folds to train on, and {raw.name} is "
            "evaluated only. Leave it out; data.split_by chooses images by a column."
        )
    if options.split_by is None:
        return read_splits(raw, default="test")
    return split_by_column(raw, options.split_by, options.test_on, notes, "left aside are")


def fingerprint(ids: list[str], splits: np.ndarray) -> str:
    """SHA-256 over which id stands in which split, whatever the order of the rows."""
    lines = sorted(f"{split}\t{name}" for name, split in zip(ids, splits, strict=True))
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()


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
    rows: np.ndarray,
    labels: np.ndarray,
    units: np.ndarray,
    share: float,
    seed: int,
    name: str,
    wanted: str,
) -> np.ndarray:
    """About this share of the rows, whole units only, every class alike; ``wanted``: for what."""
    parts = Fraction(share).limit_denominator(10) if share > 0.1 else Fraction(1, round(1 / share))
    if parts >= 1:
        raise ValueError(
            f"{name}: {share * len(rows):.0f} of {len(rows)} training images for a split that has "
            "to be made leave nothing to train on (data.val_fraction and data.test_fraction are "
            "shares of all images). Lower the fractions, or test on fewer images."
        )
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
