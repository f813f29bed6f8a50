"""Several comparisons at once: each one more is another chance to be fooled."""

from collections.abc import Sequence

import numpy as np


def holm(p_values: Sequence[float]) -> list[float]:
    """Adjusted p-values: the chance of even one false alarm stays below the level they are held to.

    The smallest of m counts m times, the next m - 1 times, and none counts less than a smaller one
    (Holm 1979, "A simple sequentially rejective multiple test procedure").

    Args:
        p_values: In [0, 1], in any order.

    Returns:
        In the same order, in [0, 1].
    """
    p = np.asarray(p_values, float)
    order = np.argsort(p, kind="stable")
    stepped = p[order] * np.arange(len(p), 0, -1)
    adjusted = np.empty_like(p)
    adjusted[order] = np.minimum(np.maximum.accumulate(stepped), 1.0) if len(p) else stepped
    return adjusted.tolist()
