"""What each of several processes that train together takes of the batches.

A process that is left without images in a step takes part in it all the same, with images that it
borrows and that count nowhere: no image is repeated and none is left out.
"""

from collections.abc import Iterator
from itertools import islice

from torch.utils.data import BatchSampler, Sampler

# BatchNorm has no variance of one image
FEWEST = 2


class Borrowed(list):
    """Keys of images that count in another process."""


class Filled(list):
    """Keys of a whole batch: ``num_own`` images, then the last again and again."""

    num_own: int


class FilledBatches(Sampler):
    """Batches of one size; the last repeats its last image, which counts once.

    What a network answers may depend on the size of the batch, by rounding: so it does not depend
    on how many images there are.

    Args:
        batches: Of ``batch_size``, the last of the rest.
    """

    def __init__(self, batches: BatchSampler) -> None:
        self.batches = batches

    def __len__(self) -> int:
        return len(self.batches)

    def __iter__(self) -> Iterator[list]:
        for keys in self.batches:
            missing = self.batches.batch_size - len(keys)
            filled = Filled(keys + keys[-1:] * missing) if missing else keys
            if missing:
                filled.num_own = len(keys)
            yield filled


class PartsOfBatches(Sampler):
    """Of every training batch the part of one process.

    Args:
        batches: Of all processes together.
        rank: Of the process, from 0.
        num_processes: That share each batch.
    """

    def __init__(self, batches: BatchSampler, rank: int, num_processes: int) -> None:
        self.batches = batches
        self.sampler = batches.sampler  # Lightning tells it the epoch
        self.rank = rank
        self.num_processes = num_processes

    def __len__(self) -> int:
        return len(self.batches)

    def __iter__(self) -> Iterator[list]:
        for keys in self.batches:
            start, stop = part_of(len(keys), self.rank, self.num_processes)
            yield keys[start:stop] if stop > start else Borrowed(keys[:FEWEST])


class WholeBatches(Sampler):
    """Of the batches to evaluate every so many-th: each is what one process alone would see.

    Args:
        batches: All of them, in their order.
        rank: Of the process, from 0.
        num_processes: That deal them out among themselves, each as many.
    """

    def __init__(self, batches: Sampler, rank: int, num_processes: int) -> None:
        self.batches = batches
        self.rank = rank
        self.num_processes = num_processes

    def __len__(self) -> int:
        return -(-len(self.batches) // self.num_processes)

    def __iter__(self) -> Iterator[list]:
        batches = iter(self.batches)
        while dealt := list(islice(batches, self.num_processes)):
            own = self.rank < len(dealt)
            yield dealt[self.rank] if own else Borrowed(dealt[0][:FEWEST])


def part_of(size: int, rank: int, num_processes: int) -> tuple[int, int]:
    """Where the part of a process begins and ends in a batch; parts have ``FEWEST`` or no images.

    Args:
        size: Of the batch, at least 1.
        rank: Of the process, from 0.
        num_processes: That share it.
    """
    sharing = min(num_processes, max(1, size // FEWEST))
    if rank >= sharing:
        return size, size
    return size * rank // sharing, size * (rank + 1) // sharing
