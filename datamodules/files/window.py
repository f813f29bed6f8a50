"""A fixed window: which values of deep grey become black and which white, the same in every file.

A window of each image's own (its least and largest value, or the one its file names) would let what
lies outside the ROI change the grey inside: one bright letter in a corner darkens all the rest.
"""

from collections.abc import Iterator, Sequence

import numpy as np

from datamodules.files.unreadable import UnreadableImage

# values that become 0 and 255; what lies beyond is cut off
Window = tuple[float, float]


def find_window_problems(window: Sequence[float]) -> Iterator[str]:
    """Say what is wrong with a window that a user gave."""
    numbers = [value for value in window if isinstance(value, int | float)]
    if len(window) != 2 or len(numbers) != 2 or not np.isfinite(numbers).all():
        yield f"data.window is {list(window)}, expected two numbers [low,high]"
    elif window[0] >= window[1]:
        yield f"data.window is {list(window)}, expected the lower value first"


def apply_window(values: np.ndarray, window: Window, path: str) -> np.ndarray:
    """Values of any type as uint8, linear from ``window[0]`` (0) to ``window[1]`` (255), rounded.

    Raises:
        UnreadableImage: A value is no number.
    """
    low, high = window
    scaled = (values.astype(np.float32) - np.float32(low)) * np.float32(255 / (high - low))
    if np.isnan(scaled).any():
        raise UnreadableImage(path, "holds values that are no numbers (NaN)")
    return np.rint(np.clip(scaled, 0, 255)).astype(np.uint8)
