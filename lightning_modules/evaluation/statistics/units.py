"""What is drawn independently: groups (subjects, patients), or images where none are known."""

from dataclasses import dataclass, replace

import numpy as np
from scipy.sparse import csr_array

MAX_BLOCKS = 1000


@dataclass(frozen=True)
class Units:
    """The unit that each image belongs to.

    Where there are more than 1,000 units, they are joined at random into 1,000 blocks, which are
    resampled in their place. Blocks are as independent of each other as units are, so that an
    interval stays as right as it was, and costs the same for 100,000 images as for 1,000.

    Args:
        codes: (N,) int, unit of each image.
        blocks: (num_units,) int, block of each unit.
        kind: ``groups`` or ``images``.
    """

    codes: np.ndarray
    blocks: np.ndarray
    kind: str

    @property
    def num_units(self) -> int:
        """How many groups, or images."""
        return len(self.blocks)

    @property
    def num_blocks(self) -> int:
        """How many are resampled."""
        return int(self.blocks.max(initial=-1)) + 1

    @property
    def block_codes(self) -> np.ndarray:
        """(N,) int, block of each image."""
        return self.blocks[self.codes]

    @property
    def single(self) -> bool:
        """Whether every image is a unit of its own."""
        return self.num_units == len(self.codes)

    def total(self, values: np.ndarray) -> np.ndarray:
        """Sums over each block: (N, R) -> (num_blocks, R)."""
        rows = len(self.codes)
        places = (self.block_codes, np.arange(rows))
        member = csr_array((np.ones(rows), places), (self.num_blocks, rows))
        return np.asarray(member @ np.asarray(values, float))

    def join(self, most: int) -> "Units":
        """The same units in at most so many blocks, drawn at random."""
        if self.num_blocks <= most:
            return self
        order = np.random.default_rng(0).permutation(self.num_blocks)
        return replace(self, blocks=order[self.blocks] % most)

    def count(self, rows: np.ndarray) -> int:
        """Units that have any image among ``rows`` (N,) bool."""
        return int(np.bincount(self.codes[rows], minlength=1).astype(bool).sum())


def find_units(groups: np.ndarray | None, num_rows: int, seed: int = 0) -> Units:
    """The independent units of a table.

    Args:
        groups: (N,) text; None: unknown, so that every image is taken for independent.
        num_rows: N.
        seed: Of the blocks that many units are joined into.
    """
    if groups is None:
        codes, kind = np.arange(num_rows), "images"
    else:
        codes, kind = np.unique(groups, return_inverse=True)[1], "groups"
    num_units = int(codes.max()) + 1 if num_rows else 0
    blocks = np.arange(num_units) % MAX_BLOCKS
    if num_units > MAX_BLOCKS:
        np.random.default_rng(seed).shuffle(blocks)
    return Units(codes, blocks, kind)
