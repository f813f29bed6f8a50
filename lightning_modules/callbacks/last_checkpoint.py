"""``last.ckpt``: where a run goes on, whatever ends it."""

import logging
import time
from pathlib import Path
from typing import Any

from lightning.pytorch import LightningModule, Trainer
from lightning.pytorch.callbacks import Checkpoint

from lightning_modules.callbacks.boundary import Boundary, is_boundary, settle_counters
from lightning_modules.stop_signals import Stopped, StopSignals

log = logging.getLogger(__name__)
# seconds that a validation may take to its end when somebody asks to stop; SLURM kills after 30
GRACE = 20


class LastCheckpoint(Checkpoint):
    """Save at every epoch's end, now and then at a step boundary, and when the run is stopped.

    A signal stops training at the next boundary, after saving. An exception inside a step leaves
    weights and optimizer as the boundary before it had them, and what else the step has changed is
    put back; where the step was updating weights, the checkpoint before stands.

    Args:
        every_n_steps: Optimizer steps between two checkpoints inside an epoch, at least 1; null: no
            number.
        every_n_minutes: Minutes between them, above 0; null: no time.
    """

    def __init__(
        self, every_n_steps: int | None = None, every_n_minutes: float | None = 10
    ) -> None:
        for name, value in (("steps", every_n_steps), ("minutes", every_n_minutes)):
            if value is not None and not value > 0:
                raise ValueError(
                    f"callbacks.last.every_n_{name} is {value}, expected a number above 0, or null."
                )
        self.every_n_steps = every_n_steps
        self.every_n_minutes = every_n_minutes
        self.signals: StopSignals | None = None
        self._boundary: Boundary | None = None
        self._rolling_back = False
        self._saved_step, self._saved_at = 0, 0.0

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:  # noqa: D102
        self._note_saved(trainer)
        self._boundary = None
        if self.signals is not None:
            self.signals.deferred = True
            self.signals.install()  # Lightning has just set its own

    def on_train_batch_start(
        self, trainer: Trainer, pl_module: LightningModule, batch: object, batch_idx: int
    ) -> None:
        """Take the boundary before the epoch's first step, or that of a continued run."""
        if self._boundary is None:
            settle_counters(trainer)
            if trainer.world_size == 1:
                self._boundary = Boundary(trainer, pl_module)

    def on_before_optimizer_step(  # noqa: D102
        self, trainer: Trainer, pl_module: LightningModule, optimizer: object
    ) -> None:
        self._boundary = None

    def on_train_batch_end(  # noqa: D102
        self,
        trainer: Trainer,
        pl_module: LightningModule,
        outputs: object,
        batch: object,
        batch_idx: int,
    ) -> None:
        if not is_boundary(trainer, batch_idx):
            return
        received = self.signals is not None and self.signals.received is not None
        if self._agree(trainer, received or self._is_due(trainer)):
            self._save(trainer)
            self._raise_if_stopped(trainer)
        if trainer.world_size == 1:
            self._boundary = Boundary(trainer, pl_module)

    def on_validation_batch_end(self, trainer: Trainer, *_: object) -> None:
        """Let a short validation end: the epoch is then saved with it."""
        signals = self.signals
        if signals is not None and signals.received is not None and signals.waited > GRACE:
            raise Stopped(signals.received)

    def on_train_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:  # noqa: D102
        self._boundary = None
        self._save(trainer)

    def on_train_epoch_start(self, trainer: Trainer, pl_module: LightningModule) -> None:  # noqa: D102
        # the epoch before is saved, and its schedule and counters are done as well
        self._raise_if_stopped(trainer)

    def on_train_end(self, trainer: Trainer, pl_module: LightningModule) -> None:  # noqa: D102
        self._stop_deferring()
        self._raise_if_stopped(trainer)

    def on_exception(
        self, trainer: Trainer, pl_module: LightningModule, exception: BaseException
    ) -> None:
        """Save the boundary before the step that failed."""
        self._stop_deferring()
        if self._boundary is None or trainer.overfit_batches:
            return  # just saved; of several processes none can save alone
        try:
            self._boundary.restore(pl_module)
            self._rolling_back = True
            self._save(trainer)
        except Exception as error:  # the failure that ends the run is the one to be told
            log.warning("The checkpoint of the last step could not be written: %s", error)

    def on_save_checkpoint(
        self, trainer: Trainer, pl_module: LightningModule, checkpoint: dict[str, Any]
    ) -> None:
        """Say where the weights are from, if not from where the trainer stands."""
        if self._rolling_back:
            self._boundary.put_into(checkpoint)

    def _path(self, trainer: Trainer) -> Path:
        return Path(trainer.default_root_dir) / "checkpoints" / "last.ckpt"

    def _save(self, trainer: Trainer) -> None:
        trainer.save_checkpoint(self._path(trainer))
        self._note_saved(trainer)

    def _note_saved(self, trainer: Trainer) -> None:
        self._saved_step, self._saved_at = trainer.global_step, time.monotonic()

    def _is_due(self, trainer: Trainer) -> bool:
        steps, minutes = self.every_n_steps, self.every_n_minutes
        by_step = steps is not None and trainer.global_step - self._saved_step >= steps
        by_time = minutes is not None and time.monotonic() - self._saved_at >= 60 * minutes
        return by_step or by_time

    def _raise_if_stopped(self, trainer: Trainer) -> None:
        received = None if self.signals is None else self.signals.received
        if self._agree(trainer, received is not None):
            raise Stopped(received or "SIGTERM")  # another process got the signal first

    def _agree(self, trainer: Trainer, wanted: bool) -> bool:
        """What one process wants, all do."""
        if trainer.world_size == 1:
            return wanted
        return trainer.strategy.reduce_boolean_decision(wanted, all=False)

    def _stop_deferring(self) -> None:
        if self.signals is not None:
            self.signals.deferred = False
