"""What a gated network costs beside the plain one: parameters, FLOPs, time of a training step.

Ratios of one process, the two taking turns: absolute times say more about the machine.
"""

import statistics
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

from lightning_modules.extras import Extras
from lightning_modules.networks import ROINetwork
from lightning_modules.objective import run_network, training_loss

# training steps of each that are timed, after one that is not; fewer where they take long
MOST_ROUNDS, LEAST_ROUNDS = 7, 3
PATIENCE = 60.0  # seconds


@dataclass
class Trainee:
    """What trains: a network with its extras and its loss. Measuring changes it: give a copy."""

    network: ROINetwork
    extras: Extras
    criterion: nn.Module

    def step(self, batch: dict[str, Any]) -> None:
        """Forward, loss and backward."""
        self.network.train().zero_grad()
        loss, _ = training_loss(self.network, batch, self.criterion, self.extras)
        loss.backward()


def measure_costs(trained: Trainee, plain: Trainee, batch: dict[str, Any]) -> dict[str, float]:
    """Measure ``trained`` in units of ``plain``.

    Args:
        trained: As the run has it.
        plain: The same backbone without a gate.
        batch: Of training, on the device of both (``synthetic_batch``).

    Returns:
        ``cost_parameters``; ``cost_flops`` of the answer to one image, whose ROI a locator finds
        where there is one; ``cost_step_time``, medians of process time on a CPU (one thread), of
        wall time elsewhere.
    """
    both = (trained, plain)
    numbers = [sum(p.numel() for p in one.network.parameters()) for one in both]
    flops = [count_flops(one.network, batch) for one in both]
    times = _time_interleaved([lambda one=one: one.step(batch) for one in both], batch["image"])
    names = ("cost_parameters", "cost_flops", "cost_step_time")
    return {n: a / b for n, (a, b) in zip(names, (numbers, flops, times), strict=True)}


def synthetic_batch(num_images: int, roi: Tensor, has_roi: Tensor) -> dict[str, Any]:
    """Noise of two classes in turn, with one and the same ROI, as the loaders give it.

    Shape: roi (R, H, W) bool, has_roi (R,) bool
    """
    return {
        "image": torch.randn(num_images, 3, *roi.shape[1:]),
        "roi": roi.expand(num_images, -1, -1, -1).contiguous(),
        "has_roi": has_roi.expand(num_images, -1).contiguous(),
        "label": torch.arange(num_images) % 2,
    }


def count_flops(network: ROINetwork, batch: dict[str, Any]) -> int:
    """Of the answer to the first image, as torch counts: convolutions and matrix products."""
    one = {name: value[:1] for name, value in batch.items()}
    if network.gate.locator is not None:
        one["has_roi"] = torch.zeros_like(one["has_roi"])
    network.eval()
    with torch.no_grad():
        run_network(network, one)  # what a gate finds out once of its backbone is not counted
        with FlopCounterMode(display=False) as counter:
            run_network(network, one)
    return counter.get_total_flops()


def _time_interleaved(calls: Sequence[Callable[[], None]], image: Tensor) -> list[float]:
    """Median seconds of each call; they take turns, so that a busy machine is busy for all."""
    on_cpu = image.device.type == "cpu"

    def now() -> float:
        if on_cpu:
            return time.process_time()
        torch.accelerator.synchronize(image.device)
        return time.perf_counter()

    times: list[list[float]] = [[] for _ in calls]
    with _one_thread():
        for call in calls:
            call()
        begin = time.perf_counter()
        for turn in range(MOST_ROUNDS):
            if turn >= LEAST_ROUNDS and time.perf_counter() - begin > PATIENCE:
                break
            for one, call in zip(times, calls, strict=True):
                start = now()
                call()
                one.append(now() - start)
    return [statistics.median(one) for one in times]


@contextmanager
def _one_thread() -> Iterator[None]:
    """Threads that wait for each other would count as work."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)
