"""Learning-rate schedules, as Lightning takes them: scheduler, interval and monitor."""

import math
from typing import Any

from torch.optim import Optimizer
from torch.optim.lr_scheduler import (
    ConstantLR,
    LambdaLR,
    OneCycleLR,
    ReduceLROnPlateau,
)


def constant(optimizer: Optimizer, num_steps: int, steps_per_epoch: int) -> dict[str, Any]:
    """Keep the learning rate as it is."""
    return {"scheduler": ConstantLR(optimizer, factor=1.0, total_iters=0), "interval": "epoch"}


def cosine(
    optimizer: Optimizer,
    num_steps: int,
    steps_per_epoch: int,
    *,
    warmup_epochs: float = 1,
    min_lr: float = 1e-6,
) -> dict[str, Any]:
    """Linear warm-up, then half a cosine (Loshchilov and Hutter 2017, "SGDR", equation 5).

    Args:
        optimizer: Whose learning rate.
        num_steps: Optimizer steps of the whole run.
        steps_per_epoch: Optimizer steps of an epoch.
        warmup_epochs: Length of the warm-up, at least 0, shorter than the run.
        min_lr: Learning rate at the end.
    """
    if warmup_epochs < 0:
        raise ValueError(f"scheduler.warmup_epochs is {warmup_epochs}, expected 0 or more.")
    # a run of a batch or two (debug=one_batch) is shorter than any warm-up
    warmup = min(round(warmup_epochs * steps_per_epoch), num_steps // 2)
    curve = WarmupCosine(warmup, num_steps, min_lr / optimizer.defaults["lr"])
    return {"scheduler": LambdaLR(optimizer, curve), "interval": "step"}


class WarmupCosine:
    """Share of the full learning rate at a step; a closed form, so that a run can be made longer.

    Args:
        warmup: Steps of the linear rise.
        num_steps: Steps of the whole run.
        floor: Share in [0, 1] that is left at the end.
    """

    def __init__(self, warmup: int, num_steps: int, floor: float) -> None:
        self.warmup = warmup
        self.num_steps = num_steps
        self.floor = floor

    def __call__(self, step: int) -> float:
        """Return the share at a step from 0 up."""
        if step < self.warmup:
            return (step + 1) / (self.warmup + 1)
        done = (step - self.warmup) / max(1, self.num_steps - self.warmup)
        return self.floor + (1 - self.floor) * (1 + math.cos(math.pi * min(done, 1.0))) / 2


def onecycle(
    optimizer: Optimizer, num_steps: int, steps_per_epoch: int, *, peak_at: float = 0.3
) -> dict[str, Any]:
    """Up to the optimizer's rate and down to almost nothing (Smith 2018, "Super-Convergence").

    Args:
        optimizer: Whose learning rate is the highest of the cycle.
        num_steps: Optimizer steps of the whole run.
        steps_per_epoch: Optimizer steps of an epoch.
        peak_at: Share of the run in (0, 1) at which the rate is highest.
    """
    if not 0 < peak_at < 1:
        raise ValueError(f"scheduler.peak_at is {peak_at}, expected a share between 0 and 1.")
    rates = [group["lr"] for group in optimizer.param_groups]
    momentum = any(key in optimizer.defaults for key in ("betas", "momentum"))
    # the peak must be a step away from the start, or a run of few steps divides by zero
    peak = min(max(peak_at, 2 / max(num_steps, 1)), 0.9)
    scheduler = OneCycleLR(
        optimizer, rates, total_steps=max(num_steps, 4), pct_start=peak, cycle_momentum=momentum
    )
    return {"scheduler": scheduler, "interval": "step"}


# Lightning would step after the epoch's checkpoint, and not in an epoch that was resumed: the
# classifier does it
NEVER = 2**62


def plateau(
    optimizer: Optimizer,
    num_steps: int,
    steps_per_epoch: int,
    *,
    monitor: str = "val_macro_f1",
    factor: float = 0.3,
    patience_epochs: int = 3,
) -> dict[str, Any]:
    """Lower the rate when the monitored score stops getting better.

    Args:
        optimizer: Whose learning rate.
        num_steps: Optimizer steps of the whole run.
        steps_per_epoch: Optimizer steps of an epoch.
        monitor: A logged metric; a loss is to fall, anything else to rise.
        factor: The rate is multiplied by it, in (0, 1).
        patience_epochs: Epochs without a better score before it is.
    """
    if not 0 < factor < 1 or math.isnan(factor):
        raise ValueError(f"scheduler.factor is {factor}, expected a number between 0 and 1.")
    mode = "min" if monitor.endswith("loss") else "max"
    # eps=0: the lowest rates of a layer decay fall like all others
    scheduler = ReduceLROnPlateau(optimizer, mode, factor, patience=patience_epochs, eps=0)
    return {"scheduler": scheduler, "interval": "epoch", "monitor": monitor, "frequency": NEVER}


SHAPE_KEYS = ("total_steps", "_schedule_phases", "lr_lambdas")


def stretch_state(saved: dict[str, Any], fresh: dict[str, Any]) -> dict[str, Any]:
    """Saved progress on a schedule of the length that is asked for now.

    A resumed run with another ``trainer.max_epochs`` goes on at its step of the new curve; with the
    same length nothing changes.

    Args:
        saved: State of the scheduler in the checkpoint.
        fresh: State of the scheduler that was built for this run.
    """
    return saved | {key: fresh[key] for key in SHAPE_KEYS if key in fresh}
