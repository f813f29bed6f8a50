"""Whether one of two models is right more often, by the images that only one gets right."""

from dataclasses import dataclass

import numpy as np
from scipy.stats import binomtest


@dataclass(frozen=True)
class McNemar:
    """The outcome of a test on two models.

    Args:
        only_first: Images that the first alone gets right.
        only_second: Images that the second alone gets right.
        p_value: Chance of a difference at least as large if neither were better, in [0, 1].
    """

    only_first: int
    only_second: int
    p_value: float


def mcnemar(first: np.ndarray, second: np.ndarray) -> McNemar:
    """The exact test of McNemar 1947, two-sided: it takes every image for independent.

    Args:
        first: (N,) bool, where the first model is right.
        second: (N,) bool, of the same images.
    """
    only_first = int((first & ~second).sum())
    only_second = int((second & ~first).sum())
    total = only_first + only_second
    p_value = float(binomtest(only_first, total, 0.5).pvalue) if total else 1.0
    return McNemar(only_first, only_second, p_value)


def mcnemar_by_group(first: np.ndarray, second: np.ndarray, units: np.ndarray) -> float:
    """The same question where images of a group go together; the exact p-value in [0, 1].

    If neither model were better, their names could be exchanged in any group, all its images at
    once: the observed surplus is compared with those of all such exchanges (the sign test of
    Fisher 1935 with groups in place of plants). With one image a group it is McNemar's own test.

    The distribution of a sum of ``+d`` and ``-d`` is read off its characteristic function, a
    product of cosines, on a grid that holds every value the sum can take.

    Args:
        first: (N,) bool, where the first model is right.
        second: (N,) bool, of the same images.
        units: (N,) int, the group of each.
    """
    surplus = np.bincount(units, weights=second.astype(float) - first.astype(float))
    sizes, counts = np.unique(np.abs(surplus[surplus != 0]).astype(int), return_counts=True)
    largest = int((sizes * counts).sum())
    if not largest:
        return 1.0
    length = 2 * largest + 1
    steps = np.arange(length)
    waves = np.ones(length)
    for size, count in zip(sizes.tolist(), counts.tolist(), strict=True):
        waves *= np.cos(2 * np.pi * ((steps * size) % length) / length) ** count
    chances = np.fft.fft(waves).real / length  # of the sums 0, 1, ..., largest, -largest, ..., -1
    sums = np.minimum(steps, length - steps)
    extreme = sums >= abs(int(surplus.sum()))
    return float(np.clip(chances[extreme].sum(), 0.0, 1.0))
