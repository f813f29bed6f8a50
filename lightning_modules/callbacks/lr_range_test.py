"""The learning-rate range test: the rate rises from step to step, and the loss says how far.

Smith 2017, "Cyclical Learning Rates for Training Neural Networks", section 3.3.
"""

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
from lightning.pytorch import Callback, LightningModule, Trainer
from torch import Tensor
from tqdm import tqdm

from lightning_modules.lr_curve import FEWEST_STEPS, LRCurve

# memory of the running mean that says whether the loss has left for good
MEMORY = 0.9


class LRRangeTest(Callback):
    """Train by rates that rise by one factor a step, and keep the loss of each.

    The sweep ends before its last step where the loss is no number, or where its running mean is
    ``diverged`` times the lowest one.

    Args:
        min_lr: Of the first step, above 0.
        max_lr: Of the last step, above ``min_lr``.
        num_steps: Optimizer steps.
        diverged: Above 1.
    """

    def __init__(self, min_lr: float, max_lr: float, num_steps: int, diverged: float = 4.0) -> None:
        self.rates = np.geomspace(min_lr, max_lr, num_steps).tolist()
        self.diverged = diverged
        self.curve = LRCurve(num_steps)
        self._window: list[float] = []
        self._mean, self._lowest = 0.0, math.inf
        self._shares: list[float] = []
        self._bar: tqdm | None = None

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:  # noqa: D102
        # layers may have rates of their own, a share of the one that is asked for
        asked = pl_module.hparams.optimizer["lr"]
        self._shares = [group["lr"] / asked for group in trainer.optimizers[0].param_groups]
        self._bar = tqdm(total=len(self.rates), desc="Raising the rate", leave=False, disable=None)

    def on_train_batch_start(  # noqa: D102
        self,
        trainer: Trainer,
        pl_module: LightningModule,
        batch: Any,  # noqa: ANN401
        batch_idx: int,
    ) -> None:
        lr = self.rates[len(self.curve.lrs)]
        for group, share in zip(trainer.optimizers[0].param_groups, self._shares, strict=True):
            group["lr"] = share * lr

    def on_train_batch_end(  # noqa: D102
        self,
        trainer: Trainer,
        pl_module: LightningModule,
        outputs: Tensor | Mapping[str, Any],
        batch: Any,  # noqa: ANN401
        batch_idx: int,
    ) -> None:
        loss = outputs["loss"] if isinstance(outputs, Mapping) else outputs
        # Lightning divides by the batches of a step
        self._window.append(float(loss) * trainer.accumulate_grad_batches)
        if trainer.global_step > len(self.curve.lrs) or not math.isfinite(self._window[-1]):
            self._take(sum(self._window) / len(self._window))
            self._window = []
        trainer.should_stop = self.curve.ending is not None or self._done

    @property
    def _done(self) -> bool:
        return len(self.curve.lrs) == len(self.rates)

    def _take(self, loss: float) -> None:
        """Add the loss of a step, or end the sweep by it."""
        step, curve = len(self.curve.lrs), self.curve
        lr = self.rates[step]
        if not math.isfinite(loss):
            curve.ending = f"the loss is no number at {lr:.1e}"
            return
        curve.lrs.append(lr)
        curve.losses.append(loss)
        self._bar.update()
        self._mean = MEMORY * self._mean + (1 - MEMORY) * loss
        mean = self._mean / (1 - MEMORY ** (step + 1))
        self._lowest = min(self._lowest, mean)
        if step >= FEWEST_STEPS and mean > self.diverged * self._lowest:
            curve.ending = f"the loss is {self.diverged:g} times its lowest at {lr:.1e}"

    def on_train_end(self, trainer: Trainer, pl_module: LightningModule) -> None:  # noqa: D102
        self._bar.close()
