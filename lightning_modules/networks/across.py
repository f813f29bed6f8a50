"""What several processes that train together divide their losses by.

Each computes the loss of its own images, and the mean of the gradients of all is applied. So that
this comes to the gradient of the whole batch, every mean in a loss is divided by what its divisors
are on average, and not by its own.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from itertools import zip_longest
from typing import TypeVar

import torch
from torch import Tensor, distributed, nn
from torch.nn.modules.batchnorm import _BatchNorm

T = TypeVar("T")
MISSING = object()
_counts: ContextVar[bool | None] = ContextVar("counts", default=None)


@contextmanager
def joint_step(counts: bool = True) -> Iterator[None]:
    """A training step that all processes take together; nothing changes where there is one.

    Args:
        counts: Whether the images of this process count; one with too few borrows some.
    """
    token = _counts.set(counts if count_processes() > 1 else None)
    try:
        yield
    finally:
        _counts.reset(token)


def across(total: Tensor) -> Tensor:
    """The mean of a divisor over all processes; in a step of one process it is itself.

    Every process must come here as often as the others.
    """
    counts = _counts.get()
    if counts is None:
        return total
    mean = total.detach().float() * counts
    distributed.all_reduce(mean)
    return mean / distributed.get_world_size()


def count_processes() -> int:
    """Processes that train together."""
    return distributed.get_world_size() if distributed.is_initialized() else 1


def gather_in_order(parts: list[T]) -> list[T]:
    """What all processes have of batches that were dealt out in turn, in the order of the batches.

    Args:
        parts: Of this process, one a batch, on the CPU; those that have a batch less are the last.
    """
    if count_processes() == 1:
        return parts
    gathered: list[list[T] | None] = [None] * distributed.get_world_size()
    distributed.all_gather_object(gathered, parts)
    rounds = zip_longest(*gathered, fillvalue=MISSING)
    return [part for dealt in rounds for part in dealt if part is not MISSING]


def weigh_mean(mean: Tensor, count: int) -> Tensor:
    """A mean over ``count`` of this process's rows as its part of the mean over all rows."""
    if _counts.get() is None:
        return mean
    divisor = across(torch.tensor(float(count), device=mean.device))
    return mean * (count / divisor.clamp_min(torch.finfo(torch.float32).tiny))


def average_statistics(network: nn.Module) -> None:
    """Make the statistics of BatchNorm in all processes their mean."""
    own = [module for module in network.modules() if isinstance(module, _BatchNorm)]
    buffers = [
        buffer
        for module in own
        for buffer in (module.running_mean, module.running_var)
        if buffer is not None
    ]
    if not buffers:
        return
    joined = torch.cat([buffer.double().flatten() for buffer in buffers])
    distributed.all_reduce(joined)
    joined /= distributed.get_world_size()
    for buffer, mean in zip(buffers, joined.split([b.numel() for b in buffers]), strict=True):
        buffer.copy_(mean.view_as(buffer))
