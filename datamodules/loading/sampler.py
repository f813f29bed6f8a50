"""The order of an epoch, a pure function of (seed, epoch)."""

from collections.abc import Iterator

import numpy as np
from torch.utils.data import Sampler

from datamodules.loading.sequences import Sequences


class EpochSampler(Sampler):
    """The images of an epoch, drawn and shuffled by (seed, epoch); yields (epoch, index).

    Workers prefetch across the end of an epoch and are never told which one it is, so the epoch
    travels with the index. An image that an epoch shows once more is (epoch, index, repeat), repeat
    from 1 up, or it would be augmented in the same way again.

    Args:
        num_samples: Of the data set.
        seed: Of the order.
        sequences: Of its images, where an epoch takes a few frames of each; None: it takes all.
        labels: (num_samples,) class indices, where an epoch is to show as many images of each class
            (those it takes, repeated or left out); None: it shows them as they are.
    """

    def __init__(
        self,
        num_samples: int,
        seed: int,
        sequences: Sequences | None = None,
        labels: np.ndarray | None = None,
    ) -> None:
        self.num_samples = num_samples
        self.seed = seed
        self.sequences = sequences
        self.labels = labels
        self.epoch = 0
        self.start = 0

    def start_at(self, epoch: int, sample: int) -> None:
        """Begin inside an epoch, at its ``sample``-th image: a run goes on where it was stopped.

        The length stays that of the whole epoch, by which batches are counted.
        """
        self.epoch, self.start = epoch, sample

    def set_epoch(self, epoch: int) -> None:
        """Say which epoch comes next; Lightning calls this, also for the epoch that goes on."""
        if epoch != self.epoch:
            self.start_at(epoch, 0)

    def __len__(self) -> int:
        return self.num_samples if self.sequences is None else int(self.sequences.taken.sum())

    def __iter__(self) -> Iterator[tuple[int, ...]]:
        order, repeats = self.draw(self.epoch)
        epoch, start = self.epoch, self.start
        if repeats is None:
            return ((epoch, int(index)) for index in order[start:])
        keys = zip(order[start:], repeats[start:], strict=True)
        return (
            (epoch, int(index), int(repeat)) if repeat else (epoch, int(index))
            for index, repeat in keys
        )

    def draw(self, epoch: int) -> tuple[np.ndarray, np.ndarray | None]:
        """The order of an epoch (N,), and how often each image came in it before (None: never)."""
        rng = np.random.default_rng([self.seed, epoch])
        order = np.arange(self.num_samples) if self.sequences is None else self.sequences.draw(rng)
        if self.labels is None:
            rng.shuffle(order)
            return order, None
        places, repeats = balance(self.labels[order], rng)
        shuffled = rng.permutation(len(places))
        return order[places[shuffled]], repeats[shuffled]


def balance(labels: np.ndarray, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Choose as many images of each class, as many in all as there are labels.

    Of a class with too many some are left out at random; those of a class with too few come again
    and again, each as often as any other but for one time. A rest goes to classes drawn.

    Returns:
        places (N,) in ``labels``, class by class, and the number of the repeat of each, from 0.
    """
    by_class = np.argsort(labels, kind="stable")
    sizes = np.bincount(labels)
    present = np.flatnonzero(sizes)
    share, rest = divmod(len(labels), len(present))
    lucky = set(rng.permutation(present)[:rest].tolist())
    places, repeats = [], []
    for label, end in zip(present.tolist(), np.cumsum(sizes)[present].tolist(), strict=True):
        size = int(sizes[label])
        own = rng.permutation(by_class[end - size : end])
        turn = np.arange(share + (label in lucky))
        places.append(own[turn % size])
        repeats.append(turn // size)
    return np.concatenate(places), np.concatenate(repeats)
