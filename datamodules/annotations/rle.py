"""Run-length encoded masks: lengths of runs that are outside and inside in turn, outside first."""

from collections.abc import Sequence

import numpy as np

from datamodules.files.unreadable import MOST_PIXELS


def check_runs(counts: Sequence[int], height: int, width: int) -> np.ndarray:
    """Runs that fill a mask of this size, (N,) int64.

    Raises:
        ValueError: They do not.
    """
    if min(height, width) < 1 or height * width > MOST_PIXELS:
        raise ValueError(f"has a size of {width} x {height} pixels, which cannot be")
    try:
        lengths = np.asarray(counts)
    except (ValueError, OverflowError):
        lengths = np.empty(0, object)
    if lengths.ndim != 1 or lengths.dtype.kind not in "iu" or (lengths < 0).any():
        raise ValueError("has runs that are not whole numbers from 0 up")
    if (lengths > height * width).any() or lengths.sum() != height * width:
        raise ValueError(f"has runs that do not fill {width} x {height} pixels")
    return lengths.astype(np.int64)


def decode_runs(counts: np.ndarray, height: int, width: int, by_columns: bool) -> np.ndarray:
    """Draw runs, (height, width) bool; ``by_columns`` of pixels counted down the columns."""
    flat = np.repeat(np.arange(len(counts)) % 2 == 1, counts)
    return flat.reshape(width, height).T if by_columns else flat.reshape(height, width)


def unpack_counts(text: str) -> list[int]:
    """Read COCO's compressed runs.

    Each number stands in groups of five bits, the lowest first, a character a group from ``0`` on;
    the sixth bit says that more follow, the fifth bit of the last is the sign. From the fourth
    number on it is the difference to the number two before.

    Raises:
        ValueError: The text is none of these.
    """
    groups = np.frombuffer(text.encode("utf-8"), np.uint8).astype(int) - ord("0")
    if ((groups < 0) | (groups > 63)).any() or (len(groups) and groups[-1] & 32):
        raise ValueError("has compressed runs that are broken off or none")
    counts: list[int] = []
    value, shift = 0, 0
    for group in groups.tolist():
        value |= (group & 31) << shift
        shift += 5
        if group & 32:
            continue
        if group & 16:
            value -= 1 << shift
        counts.append(value + (counts[-2] if len(counts) > 2 else 0))
        value, shift = 0, 0
    return counts
