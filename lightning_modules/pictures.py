"""What all pictures of images have in common: pixels as they were loaded, and rims of regions."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from torch import Tensor


def to_pixels(image: Tensor, preprocessing: Mapping[str, Any]) -> np.ndarray:
    """Undo the normalisation: (B, 3, H, W) -> (B, H, W, 3) uint8."""
    mean, std = (image.new_tensor(preprocessing[key]).view(1, 3, 1, 1) for key in ("mean", "std"))
    pixels = ((image * std + mean) * 255).round().clamp(0, 255)
    return pixels.permute(0, 2, 3, 1).cpu().numpy().astype(np.uint8)


def find_rim(plane: np.ndarray) -> np.ndarray:
    """Pixels of a region (H, W) bool that touch its outside."""
    padded = np.pad(plane, 1)
    inner = padded[:-2, 1:-1] & padded[2:, 1:-1] & padded[1:-1, :-2] & padded[1:-1, 2:]
    return plane & ~inner
