"""The curves of a run, for its loggers."""

from pathlib import Path
from typing import Any

from lightning.pytorch import LightningModule, Trainer

from lightning_modules.callbacks.epoch_callback import EpochCallback, epoch_metrics
from lightning_modules.loggers.run_loggers import RunLoggers


class Curves(EpochCallback):
    """Log loss and learning rate of steps, and the metrics of every epoch, over optimizer steps.

    Of several processes the first logs; the loss is that of all of them together.

    Args:
        loggers: That take them.
    """

    def __init__(self, loggers: RunLoggers) -> None:
        self.loggers = loggers
        self._lr = 0.0
        self._logged = -1

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:  # noqa: D102
        self._logged = trainer.global_step
        if trainer.is_global_zero:
            self.loggers.open(Path(trainer.default_root_dir), trainer.global_step + 1)

    def on_train_batch_start(  # noqa: D102
        self, trainer: Trainer, pl_module: LightningModule, batch: object, batch_idx: int
    ) -> None:
        self._lr = max(group["lr"] for group in trainer.optimizers[0].param_groups)

    def on_train_batch_end(  # noqa: D102
        self,
        trainer: Trainer,
        pl_module: LightningModule,
        outputs: object,
        batch: object,
        batch_idx: int,
    ) -> None:
        step, every = trainer.global_step, trainer.log_every_n_steps
        if step == self._logged or not every or step % every:
            return
        self._logged = step
        loss = trainer.callback_metrics["loss"]
        if trainer.world_size > 1:
            loss = trainer.strategy.reduce(loss.clone(), reduce_op="mean")
        if trainer.is_global_zero:
            self.loggers.log_metrics({"train_loss_step": float(loss), "lr": self._lr}, step)

    def on_train_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:  # noqa: D102
        if trainer.is_global_zero:
            metrics = epoch_metrics(trainer) | {"epoch": float(trainer.current_epoch)}
            self.loggers.log_metrics(metrics, trainer.global_step, at_once=True)

    def on_exception(  # noqa: D102
        self, trainer: Trainer, pl_module: LightningModule, exception: BaseException
    ) -> None:
        self._hand_over(trainer)

    def teardown(self, trainer: Trainer, pl_module: LightningModule, stage: str) -> None:  # noqa: D102
        if stage == "fit":
            self._hand_over(trainer)

    def _hand_over(self, trainer: Trainer) -> None:
        """Where several processes train, another one may go on with the run."""
        if trainer.world_size > 1 and trainer.is_global_zero:
            self.loggers.close(None)

    def state_dict(self) -> dict[str, Any]:  # noqa: D102
        pending = self.loggers.state()
        return {name: [[*point] for point in points] for name, points in pending.items()}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:  # noqa: D102
        self.loggers.restore(state_dict)
