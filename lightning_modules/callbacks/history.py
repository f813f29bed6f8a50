"""history.csv: what was learned in each epoch; timing.csv: how long it took."""

import time
from pathlib import Path
from typing import Any

from lightning.pytorch import LightningModule, Trainer

from lightning_modules.callbacks.epoch_callback import EpochCallback, epoch_metrics
from lightning_modules.run_files import write_csv


class History(EpochCallback):
    """One row an epoch with every train and val metric and the (highest) learning rate.

    The rows live in the checkpoint and the file is written anew from them, so a resumed run goes
    on with the same table. Times differ between equal runs and stand in a file of their own.
    """

    def __init__(self) -> None:
        self.rows: list[dict[str, Any]] = []
        self.timing: list[dict[str, Any]] = []
        self._started = 0.0
        self._before = 0.0  # seconds of this epoch before the run was stopped
        self._lr = 0.0

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:  # noqa: D102
        self._started = time.monotonic()

    def on_train_epoch_start(self, trainer: Trainer, pl_module: LightningModule) -> None:  # noqa: D102
        self._started, self._before = time.monotonic(), 0.0
        self._lr = max(group["lr"] for group in trainer.optimizers[0].param_groups)

    def on_train_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:  # noqa: D102
        row = {"epoch": trainer.current_epoch, "step": trainer.global_step, "lr": self._lr}
        self.rows.append(row | epoch_metrics(trainer))
        seconds = round(self._seconds(), 3)
        self.timing.append({"epoch": trainer.current_epoch, "seconds": seconds})
        if trainer.is_global_zero:
            folder = Path(trainer.default_root_dir)
            write_csv(folder / "history.csv", self.rows)
            write_csv(folder / "timing.csv", self.timing)

    def _seconds(self) -> float:
        return self._before + time.monotonic() - self._started

    def state_dict(self) -> dict[str, Any]:  # noqa: D102
        epoch = {"lr": self._lr, "seconds": self._seconds()}
        return {"rows": self.rows, "timing": self.timing, "epoch": epoch}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:  # noqa: D102
        self.rows, self.timing = state_dict["rows"], state_dict["timing"]
        epoch = state_dict.get("epoch", {"lr": 0.0, "seconds": 0.0})
        self._lr, self._before = epoch["lr"], epoch["seconds"]
