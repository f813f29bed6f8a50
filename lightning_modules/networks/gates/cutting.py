"""Boxes of regions, and cutting them out without reading a pixel beyond."""

from torch import Tensor
from torch.nn import functional

Box = tuple[int, int, int, int]  # x0, y0, x1, y1 in pixels, half-open


def find_boxes(planes: Tensor) -> list[Box]:
    """Smallest boxes around the true pixels of planes (N, H, W) bool, none of them empty."""
    ends = []
    for axis in (1, 2):
        # rows of the image tell what its columns hold, and the other way round
        held = planes.any(dim=axis).byte()
        ends += [held.argmax(dim=1), held.shape[1] - held.flip(1).argmax(dim=1)]
    x0, x1, y0, y1 = (end.tolist() for end in ends)
    return list(zip(x0, y0, x1, y1, strict=True))


def widen_box(box: Box, margin: float, height: int, width: int) -> Box:
    """Add a share of each side on both its ends, up to the border of the image."""
    x0, y0, x1, y1 = box
    right, down = round(margin * (x1 - x0)), round(margin * (y1 - y0))
    return max(0, x0 - right), max(0, y0 - down), min(width, x1 + right), min(height, y1 + down)


def cut_box(image: Tensor, box: Box, margin: float, size: int) -> Tensor:
    """Cut a box out by integer slices and stretch it; ``roi_align`` would read beyond its rim.

    Args:
        image: (D, H, W).
        box: Within the image.
        margin: Added on each side, a share of that side, up to the border of the image.
        size: Side of the square returned, in pixels.

    Returns:
        (D, size, size)
    """
    x0, y0, x1, y1 = widen_box(box, margin, *image.shape[1:])
    crop = image[:, y0:y1, x0:x1]
    if crop.shape[1:] == (size, size):
        return crop
    # torch resizes with antialiasing in float32 only, on CPUs
    wide, square = crop[None].float(), (size, size)
    return functional.interpolate(wide, square, mode="bilinear", antialias=True)[0].to(crop.dtype)
