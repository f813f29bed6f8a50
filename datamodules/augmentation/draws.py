"""Random numbers that depend on nothing but (seed, epoch, row, repeat) and the name of the draw.

A counter-based generator: the number is a hash of its place, so that any worker, batch or resumed
run draws the same for the same image (Salmon et al. 2011, "Parallel random numbers: as easy as
1, 2, 3"; the mixing is SplitMix64's finaliser, Steele et al. 2014).
"""

import zlib
from dataclasses import dataclass

import numpy as np

GOLDEN = np.uint64(0x9E3779B97F4A7C15)
MIX = (np.uint64(0xBF58476D1CE4E5B9), np.uint64(0x94D049BB133111EB))


@dataclass(frozen=True)
class Draws:
    """What chance says of the images of a batch.

    Args:
        keys: (B,) uint64, one an image.
    """

    keys: np.ndarray

    @classmethod
    def of(cls, seed: int, epochs: np.ndarray, rows: np.ndarray, repeats: np.ndarray) -> "Draws":
        """The draws of some rows (B,) of the table, each in its epoch and for the n-th time."""
        keys = np.full(len(rows), seed, np.uint64)
        for numbers in (epochs, rows, repeats):
            keys = _mix(keys + GOLDEN * (np.asarray(numbers).astype(np.uint64) + np.uint64(1)))
        return cls(keys)

    def __getitem__(self, part: slice) -> "Draws":
        return Draws(self.keys[part])

    def uniform(self, name: str, count: int = 1) -> np.ndarray:
        """(B, count) float64, uniform in [0, 1); other names give independent numbers."""
        keys = _mix(self.keys ^ np.uint64(zlib.crc32(name.encode())))
        counters = GOLDEN * np.arange(1, count + 1, dtype=np.uint64)
        return (_mix(keys[:, None] + counters) >> np.uint64(11)) * 2.0**-53

    def between(self, name: str, low: float, high: float) -> np.ndarray:
        """(B,) uniform in [low, high)."""
        return low + (high - low) * self.uniform(name)[:, 0]

    def happens(self, name: str, probability: float) -> np.ndarray:
        """(B,) bool, true with this probability in [0, 1]."""
        return self.uniform(name)[:, 0] < probability

    def seeds(self, name: str) -> list[int]:
        """(B,) seeds below 2 ** 63 for a generator of somebody else's."""
        return (_mix(self.keys ^ np.uint64(zlib.crc32(name.encode()))) >> np.uint64(1)).tolist()


def _mix(numbers: np.ndarray) -> np.ndarray:
    for shift, factor in zip((30, 27), MIX, strict=True):
        numbers = (numbers ^ (numbers >> np.uint64(shift))) * factor
    return numbers ^ (numbers >> np.uint64(31))
