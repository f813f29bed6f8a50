"""How well masks agree: Dice, IoU, recall; empty with empty agrees perfectly."""

from torch import Tensor, where


def dice(found: Tensor, roi: Tensor) -> Tensor:
    """Dice coefficient 2 |A & B| / (|A| + |B|) in [0, 1] (Dice 1945), (B,) of (B, 1, H, W) bool."""
    both, one, other = _counts(found, roi)
    return where(one + other > 0, 2 * both / (one + other).clamp_min(1), 1.0)


def iou(found: Tensor, roi: Tensor) -> Tensor:
    """Intersection over union in [0, 1] (Jaccard 1912), (B,) of (B, 1, H, W) bool."""
    both, one, other = _counts(found, roi)
    union = one + other - both
    return where(union > 0, both / union.clamp_min(1), 1.0)


def recall(found: Tensor, roi: Tensor) -> Tensor:
    """Share in [0, 1] of the ROI that was found, (B,) of (B, 1, H, W) bool; an empty ROI is."""
    both, _, wanted = _counts(found, roi)
    return where(wanted > 0, both / wanted.clamp_min(1), 1.0)


def _counts(found: Tensor, roi: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    found, roi = found.flatten(1), roi.flatten(1)
    return (found & roi).sum(dim=1), found.sum(dim=1), roi.sum(dim=1)
