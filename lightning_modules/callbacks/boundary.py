"""Step boundaries: the moments of training at which a checkpoint loses and repeats nothing."""

from typing import Any

import torch
from lightning.pytorch import LightningModule, Trainer

# keys of a checkpoint that say where training stands
PLACE = ("epoch", "global_step", "loops", "ROIDataModule")


def is_boundary(trainer: Trainer, batch_idx: int) -> bool:
    """Whether a run may be continued from the end of this training batch.

    Not inside a window of accumulation, whose gradients are in no checkpoint; and not before a
    validation or at the end of an epoch, which a continued run would leave out: the epoch has a
    checkpoint of its own when all that is over. Where a few batches are to be overfitted, Lightning
    takes the sampler away that could begin inside an epoch.
    """
    if trainer.overfit_batches:
        return False
    done = batch_idx + 1
    if done >= trainer.num_training_batches or _validates(trainer, done):
        return False
    return done % trainer.accumulate_grad_batches == 0


def _validates(trainer: Trainer, done: int) -> bool:
    """Whether a validation follows the batch, in this epoch or in others."""
    every = trainer.val_check_batch
    if every is None or every == float("inf"):
        return False
    if trainer.check_val_every_n_epoch is None:
        done = trainer.fit_loop.epoch_loop.total_batch_idx + 1
    return done % every == 0


def settle_counters(trainer: Trainer) -> None:
    """Let Lightning's counters, before a batch, be those of a run that was never stopped.

    It counts a batch that was begun and never ended as one more than there are, and no longer knows
    where such a run stands when it is stopped again.
    """
    loop = trainer.fit_loop.epoch_loop
    loop.batch_progress.total.ready = loop.batch_progress.total.started + 1
    loop._batches_that_stepped = trainer.global_step


class Boundary:
    """What changes between two optimizer steps, as it was at the last boundary.

    Weights, optimizer and schedule change in a step alone. So where an exception ends a step before
    its update, this and they are the whole state of the boundary.
    """

    def __init__(self, trainer: Trainer, pl_module: LightningModule) -> None:
        self._buffers = {name: value.clone() for name, value in pl_module.network.named_buffers()}
        self._metrics = pl_module.metrics["train_metrics"].state()
        data = trainer.datamodule.state_dict()
        loops = {"fit_loop": trainer.fit_loop.state_dict()}
        place = (trainer.current_epoch, trainer.global_step, loops, data)
        self._place = dict(zip(PLACE, place, strict=True))

    @torch.no_grad()
    def restore(self, pl_module: LightningModule) -> None:
        """Put back what the steps begun since have changed."""
        for name, value in pl_module.network.named_buffers():
            value.copy_(self._buffers[name])
        pl_module.metrics["train_metrics"].restore(self._metrics)

    def put_into(self, checkpoint: dict[str, Any]) -> None:
        """Let a checkpoint say that training stands here."""
        loops = checkpoint["loops"] | self._place["loops"]
        checkpoint.update(self._place | {"loops": loops})
