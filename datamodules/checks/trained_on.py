"""What a model was trained on: hashes of pixels, few enough to travel with its weights."""

from typing import NamedTuple

import numpy as np

# of more images the smallest hashes stand for all, a uniform sample (bottom-k sketch: Cohen and
# Kaplan 2007, "Summarizing data using bottom-k sketches")
MOST_KEPT = 200_000


class TrainedOn(NamedTuple):
    """The images of a training split.

    Args:
        hashes: (K,) int64, the smallest distinct hashes in ascending unsigned order.
        num_images: In the split.
        share: Of the images, in (0, 1], that the hashes can tell: 1 where all were kept.
    """

    hashes: np.ndarray
    num_images: int
    share: float

    def knows(self, content: np.ndarray) -> np.ndarray:
        """(N,) bool: these pixels were trained on; of (N,) uint64 hashes the share can be told."""
        return np.isin(content, self.hashes.view(np.uint64))


def sketch_content(content: np.ndarray) -> TrainedOn:
    """Keep what has to be known of the training images, of (N,) uint64 hashes of their pixels."""
    distinct = np.unique(content)
    kept = distinct[:MOST_KEPT]
    share = len(kept) / len(distinct) if len(distinct) else 1.0
    return TrainedOn(kept.view(np.int64), len(content), share)


def join_sketches(one: TrainedOn, other: TrainedOn) -> TrainedOn:
    """What has to be known of the images of two training splits, of one after the other.

    Hashes above the largest that both tell of are let go, so that what is kept stays a uniform
    sample.
    """
    sketches = (one, other)
    joined = np.unique(np.concatenate([sketch.hashes.view(np.uint64) for sketch in sketches]))
    limits = [sketch.hashes.view(np.uint64)[-1] for sketch in sketches if sketch.share < 1]
    share = 1.0
    if limits or len(joined) > MOST_KEPT:
        joined = joined[joined <= min(limits)] if limits else joined
        joined = joined[:MOST_KEPT]
        share = (int(joined[-1]) + 1) / 2**64  # hashes are uniform: those up to the last are kept
    return TrainedOn(joined.view(np.int64), one.num_images + other.num_images, share)
