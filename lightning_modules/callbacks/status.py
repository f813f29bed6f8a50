"""status.json: where a run stands, for whoever looks at its folder."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from lightning.pytorch import LightningModule, Trainer

from lightning_modules.callbacks.epoch_callback import EpochCallback, epoch_metrics
from lightning_modules.run_files import write_json
from lightning_modules.run_reading import find_json


class Status(EpochCallback):
    """Write state, epoch and score: ``running``, then ``trained``.

    The command writes ``finished`` when the test is done as well, and ``stopped`` or ``failed``.

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

    def state_dict(self) -> dict[str, Any]:  # noqa: D102
        return {"score": self._score}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:  # noqa: D102
        self._score = state_dict["score"]

    def _write(self, trainer: Trainer, state: str, epochs_done: int = 0) -> None:
        if trainer.is_global_zero:
            epochs = {
                "epoch": trainer.current_epoch + epochs_done,
                "max_epochs": trainer.max_epochs,
            }
            content = {"state": state, "reason": None} | epochs | {self.monitor: self._score}
            write_json(Path(trainer.default_root_dir) / "status.json", content)


def update_status(folder: Path, changes: Mapping[str, Any]) -> None:
    """Change what status.json of a run says: its ``state``, the ``reason`` of an end, scores."""
    file = folder / "status.json"
    write_json(file, find_json(file) | changes)
