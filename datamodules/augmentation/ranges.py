"""What the numbers of an augmentation may be; found before torch is imported."""

import math
from collections.abc import Iterator, Mapping
from typing import Any

_SHARE = "a share from 0 to 1"
RANGES = {
    **dict.fromkeys(
        (
            "horizontal_flip", "translation", "keep_roi", "brightness", "contrast", "saturation",
            "blur", "erase_outside", "erase_inside",
        ),
        (0, 1, _SHARE),
    ),
    "rotation": (0, 180, "0 to 180 degrees"),
    "scale": (0, 0.99, "a share from 0 to below 1"),
    "crop": (0.05, 1, "a share of the image from 0.05 to 1"),
    "hue": (0, 0.5, "a share of the colour circle from 0 to 0.5"),
    "randaugment": (0, math.inf, "a number of operations from 0"),
}  # fmt: skip


def find_augment_problems(options: Mapping[str, Any]) -> Iterator[str]:
    """Say which options are out of their range; what is not given is not looked at."""
    for name, (low, high, what) in RANGES.items():
        if name in options and not low <= options[name] <= high:
            yield f"augment.{name} is {options[name]}, expected {what}"
