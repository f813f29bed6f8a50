"""Parts of equal size, whole groups only: scikit-learn's stratified group split."""

import numpy as np

# scikit-learn visits group after group in Python, which takes minutes for a hundred thousand
MOST_VISITED = 10_000


def make_folds(
    rows: np.ndarray,
    labels: np.ndarray,
    units: np.ndarray,
    num_folds: int,
    seed: int,
    name: str,
    wanted: str,
) -> list[np.ndarray]:
    """Split rows into parts of about equal size, whole units only, every class alike.

    Args:
        rows: (N,) to split.
        labels: (rows,) class indices of the whole table.
        units: (rows,) numbers of the groups of the whole table, which stay whole.
        num_folds: Number of parts.
        seed: Of which unit goes where.
        name: Of the source, for messages.
        wanted: For what, for messages.

    Raises:
        ValueError: There are too few groups, or too few images of a class.
    """
    from sklearn.model_selection import StratifiedGroupKFold, StratifiedKFold  # 0.6 s

    own = np.unique(units[rows], return_inverse=True)[1]
    num_units = int(own.max(initial=-1)) + 1
    if num_units < num_folds:
        raise ValueError(
            f"{name}: {num_units} groups are too few for {wanted} (at least {num_folds} needed). "
            "Give a column 'split', more groups, or larger parts (data.val_fraction, "
            "data.test_fraction, data.num_folds)."
        )
    counts = np.bincount(labels[rows])
    few = np.count_nonzero((counts > 0) & (counts < num_folds))
    if few:
        raise ValueError(
            f"{name}: {few} of {np.count_nonzero(counts)} classes have fewer than {num_folds} "
            f"images, the smallest class has {counts[counts > 0].min()} images: too few for a "
            f"split in {num_folds} parts ({wanted}). Give a column 'split', more images or larger "
            "parts (data.val_fraction, data.test_fraction), or leave these classes out."
        )
    if num_units == len(rows):
        folds = StratifiedKFold(n_splits=num_folds, shuffle=True, random_state=seed)
        made = folds.split(rows, labels[rows])
    elif num_units <= MOST_VISITED:
        folds = StratifiedGroupKFold(n_splits=num_folds, shuffle=True, random_state=seed)
        made = folds.split(rows, labels[rows], own)
    else:
        return _deal(rows, labels, own, num_folds, seed)
    return [rows[fold] for _, fold in made]


def _deal(
    rows: np.ndarray, labels: np.ndarray, units: np.ndarray, num_folds: int, seed: int
) -> list[np.ndarray]:
    """Deal many groups like cards, those of one main class and of like size to all parts in turn.

    ``units`` (N,) numbers the groups of the rows from 0.
    """
    sizes = np.bincount(units)
    chance = np.random.default_rng(seed).random(len(sizes))
    order = np.lexsort((chance, -sizes, _main_class(units, labels[rows])))
    # there and back again, so that no part has the largest of every turn
    turn = np.arange(len(order)) % (2 * num_folds)
    part = np.empty(len(order), np.int64)
    part[order] = np.minimum(turn, 2 * num_folds - 1 - turn)
    return [rows[part[units] == fold] for fold in range(num_folds)]


def _main_class(units: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Most frequent label of each unit, of equal ones the lowest; no table of units by classes."""
    num_classes = int(labels.max()) + 1
    pairs, counts = np.unique(units.astype(np.int64) * num_classes + labels, return_counts=True)
    unit, label = np.divmod(pairs, num_classes)
    order = np.lexsort((-label, counts, unit))
    main = np.empty(int(unit[-1]) + 1, np.int64)
    main[unit[order]] = label[order]  # the last of each unit stays
    return main
