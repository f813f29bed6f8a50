"""Training, validation and test: given by the source, or made so that no group is split."""

import hashlib
from fractions import Fraction

import numpy as np

from datamodules.folder import SPLIT_FOLDERS
from datamodules.manifest import RawTable
from datamodules.problems import list_some, raise_problems

SPLITS = ("train", "val", "test")


def assign_splits(
    raw: RawTable,
    labels: np.ndarray,
    class_names: tuple[str, ...],
    groups: np.ndarray | None,
    val_fraction: float,
    test_fraction: float,
    seed: int,
    notes: list[str],
) -> np.ndarray:
    """Give every row its split, (rows,) of train, val, test.

    A given split is kept. What is missing of it (all of it, or the validation or test part) is
    made of the training rows by scikit-learn's stratified group split, seeded.

    Args:
        raw: The source; its column ``split``, if any, is the given split.
        labels: (rows,) class indices.
        class_names: For messages.
        groups: (rows,) text; None: every image stands for itself.
        val_fraction: Share of all rows for a validation part that is made.
        test_fraction: Share of all rows for a test part that is made.
        seed: Of what is made.
        notes: Takes what is to be said.

    Raises:
        ValueError: A split's name is unknown, rows lack one, a group stands on both sides, or a
            class is missing from a part.
    """
    splits = read_splits(raw)
    given = [split for split in SPLITS if (splits == split).any()]
    if "train" not in given:
        raise ValueError(f"{raw.name}: the column 'split' names no row 'train'; found {given}.")
    images = np.array(raw.columns["image"].to_pylist())
    _check_apart(splits, images, "image", raw.name)
    if groups is not None:
        _check_apart(splits, groups, "group", raw.name)
    units = images if groups is None else groups
    made = []
    for split, fraction in (("test", test_fraction), ("val", val_fraction)):
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
    rows = raw.columns.num_rows
    if "split" not in raw.columns.column_names:
        return np.full(rows, default, dtype="<U5")
    texts = np.array([text.lower() for text in raw.columns["split"].to_pylist()])
    if (texts == "").all():
        return np.full(rows, default, dtype="<U5")
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
    from sklearn.model_selection import StratifiedGroupKFold, StratifiedKFold  # 0.6 s

    parts = Fraction(share).limit_denominator(10) if share > 0.1 else Fraction(1, round(1 / share))
    num_folds, num_taken = parts.denominator, parts.numerator
    num_units = len(np.unique(units[rows]))
    if num_units < num_folds:
        raise ValueError(
            f"{name}: {num_units} groups are too few to take a share of {share:.0%} from (at least "
            f"{num_folds} needed). Give a column 'split', more groups, or larger data.val_fraction "
            "and data.test_fraction."
        )
    smallest = np.bincount(labels[rows])
    if smallest[smallest > 0].min() < num_folds:
        raise ValueError(
            f"{name}: the smallest class has {smallest[smallest > 0].min()} images, too few for a "
            f"split in {num_folds} parts. Give a column 'split' or more images."
        )
    # the grouped kind visits group after group in Python: minutes for a million single images
    single = num_units == len(rows)
    kind = StratifiedKFold if single else StratifiedGroupKFold
    folds = kind(n_splits=num_folds, shuffle=True, random_state=seed)
    made = folds.split(rows, labels[rows], None if single else units[rows])
    parts_taken = [fold for _, fold in made][:num_taken]
    return rows[np.concatenate(parts_taken)]


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
