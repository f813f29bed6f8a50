"""status.json: where a run stands, for whoever looks at its folder."""

from collections.abc import Mapping
from pathlib import Path

from lightning.pytorch import LightningModule, Trainer

from lightning_modules.callbacks.epoch_callback import EpochCallback, epoch_metrics
from lightning_modules.run_files import write_json


class Status(EpochCallback):
    """Write state, epoch and score: ``running``, ``trained``, or ``failed`` with its reason.

    The command writes ``finished`` when the test is done as well.

    Args:
        monitor: The metric shown as score.
    """

    def __init__(self, monitor: str = "val_macro_f1") -> None:
        self.monitor = monitor
        self._score: float | None = None

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:  # noqa: D102
        self._write(trainer, "running")

    def on_train_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:  # noqa: D102
        self._score = epoch_metrics(trainer).get(self.monitor)
        self._write(trainer, "running", epochs_done=1)

    def on_train_end(self, trainer: Trainer, pl_module: LightningModule) -> None:  # noqa: D102
        self._write(trainer, "trained")

    def on_exception(  # noqa: D102
        self, trainer: Trainer, pl_module: LightningModule, exception: BaseException
    ) -> None:
        if isinstance(exception, KeyboardInterrupt):
            self._write(trainer, "stopped", reason="stopped by Ctrl-C")
        else:
            self._write(trainer, "failed", reason=f"{type(exception).__name__}: {exception}")

    def _write(
        self, trainer: Trainer, state: str, reason: str | None = None, epochs_done: int = 0
    ) -> None:
        if trainer.is_global_zero:
            epoch = trainer.current_epoch + epochs_done
            write_status(trainer, state, epoch, {self.monitor: self._score}, reason)


def write_status(
    trainer: Trainer,
    state: str,
    epoch: int,
    scores: Mapping[str, float | None],
    reason: str | None = None,
) -> None:
    """Write status.json of the run that a trainer works on.

    Args:
        trainer: Its folder and the epochs it is to train.
        state: ``running``, ``trained``, ``finished``, ``stopped`` or ``failed``.
        epoch: Epochs that are done.
        scores: Metrics to show, by name.
        reason: Of a failure.
    """
    content = {"state": state, "reason": reason, "epoch": epoch, "max_epochs": trainer.max_epochs}
    write_json(Path(trainer.default_root_dir) / "status.json", content | dict(scores))
