"""A seeded sample of images, classes and groups alike."""

import numpy as np

from datamodules.tables.codes import Codes


def choose_sample(
    candidates: np.ndarray,
    labels: np.ndarray,
    groups: Codes | None,
    num_images: int | None,
    seed: int,
) -> np.ndarray:
    """Choose at most so many rows, in random order.

    Classes get equal shares, what one lacks goes to the others; within a class every group gives
    one image before any gives a second.

    Args:
        candidates: (N,) rows to choose from.
        labels: (rows,) class indices of the whole table.
        groups: Of the whole table; None: every image is its own group.
        num_images: None takes all.
        seed: Of choice and order.
    """
    rng = np.random.default_rng(seed)
    shuffled = rng.permutation(candidates)
    if num_images is None or num_images >= len(shuffled):
        return shuffled
    label = labels[shuffled]
    unit = np.arange(len(shuffled))
    if groups is not None:
        unit = np.unique(groups.numbers[shuffled], return_inverse=True)[1]
    turn = _count_before(label.astype(np.int64) * (unit.max() + 1) + unit)
    by_turn = np.argsort(turn, kind="stable")
    # the n-th image of its class, groups taking turns; taken class by class until there are enough
    place = np.empty(len(shuffled), np.int64)
    place[by_turn] = _count_before(label[by_turn])
    return shuffled[np.sort(np.argsort(place, kind="stable")[:num_images])]


def _count_before(keys: np.ndarray) -> np.ndarray:
    """How many equal keys stand before each one, (N,)."""
    order = np.argsort(keys, kind="stable")
    ordered = keys[order]
    starts = np.flatnonzero(np.r_[True, ordered[1:] != ordered[:-1]])
    lengths = np.diff(np.r_[starts, len(keys)])
    counted = np.empty(len(keys), np.int64)
    counted[order] = np.arange(len(keys)) - np.repeat(starts, lengths)
    return counted
