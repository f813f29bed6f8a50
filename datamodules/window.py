"""A fixed window: which values of deep grey become black and which white, the same in every file.

A window of each image's own (its least and largest value, or the one its file names) would let what
lies outside the ROI change the grey inside: one bright letter in a corner darkens all the rest.
"""

import numpy as np

from datamodules.unreadable import UnreadableImage

# values that become 0 and 255; what lies beyond is cut off
Window = tuple[float, float]


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
