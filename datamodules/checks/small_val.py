"""A validation split too small to tell epochs apart, said before training chooses by it."""

import math

import numpy as np

from datamodules.problems import list_some
from datamodules.tables.table import ImageTable

# of validation: subjects, and images of each class
FEWEST_GROUPS, FEWEST_IMAGES = 5, 10
# share of right answers that the difference which chance makes is stated for
TYPICAL = 0.9


def find_small_val(table: ImageTable, users: list[str]) -> str | None:
    """Say that validation has fewer than five groups, or fewer than ten images of a class.

    Args:
        table: The images, split.
        users: Callbacks that choose by its score.

    Returns:
        What is too little, what comes of it and what to do; None: there is enough.
    """
    rows = table.rows_of("val")
    if not users or not len(rows):
        return None
    parts = []
    if table.groups is not None:
        num_groups = len(np.unique(table.groups.numbers[rows]))
        if num_groups < FEWEST_GROUPS:
            parts.append(f"{num_groups} groups (expected {FEWEST_GROUPS} or more)")
    counts = np.bincount(table.labels[rows], minlength=len(table.class_names))
    rare = [f"{n} of {name}" for n, name in zip(counts, table.class_names, strict=True)
            if n < FEWEST_IMAGES]  # fmt: skip
    if rare:
        few = f"of some classes few images: {list_some(rare)}"
        parts.append(f"{few} (expected {FEWEST_IMAGES} or more of each)")
    if not parts:
        return None
    chance = 1.96 * math.sqrt(2 * TYPICAL * (1 - TYPICAL) / len(rows))
    return (
        f"The validation split is small: {' and '.join(parts)}, {len(rows)} images in all. "
        f"Where about {TYPICAL:.0%} are right, two epochs that differ by less than {chance:.0%} "
        f"differ by chance, and {' and '.join(users)} choose by that. Give validation more "
        "(data.val_fraction, where the split is made here), choose on several splits "
        "(--multirun data.num_folds=5 data.fold=0,1,2,3,4), or trust no small difference."
    )
