"""The order of an epoch, a pure function of (seed, epoch)."""

from collections.abc import Iterator

import numpy as np
from torch.utils.data import Sampler


class EpochSampler(Sampler):
    """Every index once an epoch, shuffled by (seed, epoch); yields (epoch, index).

    Workers prefetch across the end of an epoch and are never told which one it is, so the epoch
    travels with the index.

    Args:
        num_samples: Of the data set.
        seed: Of the order.
    """

    def __init__(self, num_samples: int, seed: int) -> None:
        self.num_samples = num_samples
        self.seed = seed
        self.epoch = 0

    def set_epoch(self, epoch: int) -> None:
        """Say which epoch comes next; Lightning calls this."""
        self.epoch = epoch

    def __len__(self) -> int:
        return self.num_samples

    def __iter__(self) -> Iterator[tuple[int, int]]:
        order = np.arange(self.num_samples)
        np.random.default_rng([self.seed, self.epoch]).shuffle(order)
        epoch = self.epoch
        return ((epoch, int(index)) for index in order)
