"""How many answers are right or changed under a change of the image, and how surely."""

import numpy as np

from lightning_modules.evaluation.scores.sheet import Sheet
from lightning_modules.evaluation.statistics.ratio_score import MeanOfRatios
from lightning_modules.evaluation.statistics.units import find_units


def is_flipped(before: np.ndarray, after: np.ndarray, answered: np.ndarray) -> np.ndarray:
    """(N,) bool: another answer than before, or none; logits (N, C) and whether there is one."""
    return (before.argmax(axis=1) != after.argmax(axis=1)) | ~answered


def share_ends(
    name: str, unit: np.ndarray, hits: np.ndarray, weights: np.ndarray
) -> dict[str, float]:
    """The 95 % interval of a share as fields of a row; empty: all images are of one group.

    Wilson's where every answer is of a group of its own, else by the bootstrap over groups.

    Args:
        name: Of the share: ``<name>_low`` and ``<name>_high`` are returned.
        unit: (N,) group of each image; without groups each image is its own.
        hits: (N,) bool.
        weights: (N,) by which answers count.
    """
    sheet = Sheet(find_units(unit, len(unit)))
    share = MeanOfRatios(sheet.units, weights * hits, weights)
    take = sheet.take_share if (weights == 1).all() else sheet.take
    take(name, share)
    interval = sheet.intervals.get(name)
    if interval is None:
        return {}
    return {f"{name}_low": interval.low, f"{name}_high": interval.high}
