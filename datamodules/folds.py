"""Parts of equal size by scikit-learn's stratified group split."""

import numpy as np


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
        units: (rows,) groups of the whole table, which stay whole.
        num_folds: Number of parts.
        seed: Of which unit goes where.
        name: Of the source, for messages.
        wanted: For what, for messages.

    Raises:
        ValueError: There are too few groups, or too few images of a class.
    """
    from sklearn.model_selection import StratifiedGroupKFold, StratifiedKFold  # 0.6 s

    num_units = len(np.unique(units[rows]))
    if num_units < num_folds:
        raise ValueError(
            f"{name}: {num_units} groups are too few for {wanted} (at least {num_folds} needed). "
            "Give a column 'split', more groups, or larger parts (data.val_fraction, "
            "data.test_fraction, data.num_folds)."
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
    return [rows[fold] for _, fold in made]
