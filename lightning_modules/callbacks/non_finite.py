"""Stop before a step that would make the weights something else than numbers."""

from collections import deque
from pathlib import Path
from typing import Any

import torch
from lightning.pytorch import Callback, LightningModule, Trainer
from torch import Tensor
from torch.distributed.tensor import DTensor
from torch.nn.utils import get_total_norm

from lightning_modules.non_finite.message import NonFinite, explain_step, explain_weights
from lightning_modules.non_finite.step_file import (
    BATCH,
    WEIGHTS,
    Step,
    broken_tensors,
    is_finite,
    write_step,
)

FOLDER = "non_finite"
REMEMBERED = 5  # losses before that the message tells of


class StopAtNonFinite(Callback):
    """End the run before the step that a loss or gradient of NaN or infinity would take.

    The weights stay those before the step, and ``non_finite/`` has them and the batch, to do that
    very step again (``debug=replay``). Where a GradScaler handles infinite gradients (16-mixed),
    the loss alone counts. Costs one read of two numbers from the device a batch.

    A checkpoint is refused as well if its weights are not finite, so that the one before stays.
    """

    def __init__(self) -> None:
        self._previous: deque[float] = deque(maxlen=REMEMBERED)
        self._batch: dict[str, Any] = {}
        self._loss: Tensor | None = None
        self._buffers: list[Tensor] = []

    def on_train_batch_start(  # noqa: D102
        self, trainer: Trainer, pl_module: LightningModule, batch: dict[str, Any], batch_idx: int
    ) -> None:
        self._batch = batch
        # the forward pass has changed the running means by the time the loss is known
        self._buffers = [buffer.clone() for buffer in pl_module.network.buffers()]

    def on_before_backward(  # noqa: D102
        self, trainer: Trainer, pl_module: LightningModule, loss: Tensor
    ) -> None:
        scaler = _scaler(trainer)
        scale = 1.0 if scaler is None else scaler.scale(loss.new_ones(()))
        self._loss = loss.detach() / scale * trainer.accumulate_grad_batches

    def on_after_backward(self, trainer: Trainer, pl_module: LightningModule) -> None:  # noqa: D102
        loss, norm = _read(self._loss, _gradient_norm(trainer, pl_module))
        own = is_finite(loss) and is_finite(norm)
        # inside a window of accumulation the gradients of several processes are not yet joined
        if trainer.world_size == 1:
            finite = own
        else:
            finite = trainer.strategy.reduce_boolean_decision(own, all=True)
        if finite:
            self._previous.append(loss)
            return
        step, kept = self.keep(trainer, pl_module, loss, norm)
        raise NonFinite(explain_step(pl_module, trainer, step, self._batch, kept))

    def on_train_batch_end(self, *arguments: Any) -> None:  # noqa: ANN401, D102
        self._batch, self._loss, self._buffers = {}, None, []  # their memory is wanted elsewhere

    def on_save_checkpoint(  # noqa: D102
        self, trainer: Trainer, pl_module: LightningModule, checkpoint: dict[str, Any]
    ) -> None:
        broken = broken_tensors(pl_module)
        if broken:
            raise NonFinite(explain_weights(broken, trainer.current_epoch))

    def keep(
        self, trainer: Trainer, pl_module: LightningModule, loss: float, norm: float | None
    ) -> tuple[Step, Path | OSError]:
        """Write the step that is being taken, with the weights before it, to ``non_finite/``.

        Returns:
            The step, and the file that it is in or why it could not be written.
        """
        step = _describe(trainer, loss, norm, list(self._previous))
        for buffer, before in zip(pl_module.network.buffers(), self._buffers, strict=True):
            buffer.copy_(before)
        folder = Path(trainer.default_root_dir) / FOLDER
        try:
            if trainer.is_global_zero:
                write_step(folder / BATCH, step, self._batch)
            trainer.save_checkpoint(folder / WEIGHTS, weights_only=True)
        except OSError as error:  # a full disk is not what this run ends by
            return step, error
        return step, folder / BATCH


def _read(loss: Tensor, norm: Tensor | None) -> tuple[float, float | None]:
    """Both numbers at once: the device is waited for a single time."""
    if norm is None:
        return float(loss), None
    loss, norm = torch.stack([loss.double(), norm.double()]).tolist()
    return loss, norm


def _gradient_norm(trainer: Trainer, pl_module: LightningModule) -> Tensor | None:
    """None where a scaler has multiplied the gradients and handles those that overflow."""
    if _scaler(trainer) is not None:
        return None
    norm = get_total_norm([p.grad for p in pl_module.parameters() if p.grad is not None])
    return norm.full_tensor() if isinstance(norm, DTensor) else norm


def _scaler(trainer: Trainer) -> torch.amp.GradScaler | None:
    return getattr(trainer.precision_plugin, "scaler", None)


def _describe(trainer: Trainer, loss: float, norm: float | None, previous: list[float]) -> Step:
    return Step(
        epoch=trainer.current_epoch,
        batch=trainer.fit_loop.batch_idx,
        step=trainer.global_step,
        seed=torch.initial_seed(),
        lr=float(trainer.optimizers[0].param_groups[0]["lr"]),
        precision=trainer.precision,
        accumulated=trainer.accumulate_grad_batches,
        threads=torch.get_num_threads(),
        num_batches=trainer.num_training_batches,
        loss=loss,
        gradient_norm=norm,
        previous=previous,
    )
