"""``best.ckpt``: the best epoch by a run's monitor."""

from pathlib import Path
from typing import Any, Literal

from lightning.pytorch import LightningModule, Trainer
from lightning.pytorch.callbacks import ModelCheckpoint
from torch import Tensor

from lightning_modules.callbacks.epoch_callback import has_validated


class RunCheckpoint(ModelCheckpoint):
    """A ModelCheckpoint under a fixed name in the run folder, saved at the end of an epoch.

    At that point validation is over and the history knows of the epoch; Lightning's own choice,
    the end of validation, is ahead of both.

    Args:
        filename: Without suffix.
        monitor: Metric that decides; None saves every time.
        mode: Whether the monitor is to rise or to fall.
    """

    def __init__(self, filename: str, monitor: str | None, mode: Literal["min", "max"]) -> None:
        super().__init__(
            filename=filename,
            monitor=monitor,
            mode=mode,
            save_top_k=1,
            auto_insert_metric_name=False,
            save_on_train_epoch_end=True,
            enable_version_counter=False,
        )

    def setup(self, trainer: Trainer, pl_module: LightningModule, stage: str) -> None:  # noqa: D102
        self.dirpath = str(Path(trainer.default_root_dir) / "checkpoints")
        super().setup(trainer, pl_module, stage)

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Take the best score along when the run folder was moved; Lightning would forget it."""
        here = Path(self.dirpath) / f"{self.filename}.ckpt"
        paths = ("best_model_path", "kth_best_model_path", "last_model_path")
        moved = {name: str(here) for name in paths if state_dict.get(name)}
        best = {str(here): score for score in state_dict["best_k_models"].values()}
        super().load_state_dict(
            state_dict | moved | {"dirpath": self.dirpath, "best_k_models": best}
        )


class BestCheckpoint(RunCheckpoint):
    """``best.ckpt``: the latest epoch that validation cannot tell from the best.

    A small validation split is soon at its ceiling, where a few images decide between epochs, and
    of two that it cannot tell apart the later has learned at the lower rate. An epoch that scores
    less than the highest by no more than chance explains (95 %, as two shares of the validation
    images, each with one image right and one wrong added: Agresti and Caffo 2000) counts as equal.

    Args:
        monitor: Metric that decides; a score in [0, 1] if it is to rise.
        mode: Whether it is to rise or to fall; where it falls only equal values are equal.
    """

    def __init__(self, monitor: str = "val_macro_f1", mode: Literal["min", "max"] = "max") -> None:
        super().__init__("best", monitor, mode)
        self.highest = 0.0

    def check_monitor_top_k(self, trainer: Trainer, current: Tensor | None = None) -> bool:
        """Whether an epoch is as good as the best so far, or better."""
        if not has_validated(trainer):
            return False
        if current is None or self.mode == "min":
            equal = current is not None and bool(current == self.best_model_score)
            return equal or super().check_monitor_top_k(trainer, current)
        score = float(current)
        self.highest = max(self.highest, score)
        num_images = len(trainer.val_dataloaders.dataset)
        return self.highest - score <= chance_difference(self.highest, score, num_images)

    def state_dict(self) -> dict[str, Any]:  # noqa: D102
        return super().state_dict() | {"highest": self.highest}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:  # noqa: D102
        super().load_state_dict(state_dict)
        best = state_dict["best_model_score"]  # None: no epoch has ended yet
        self.highest = state_dict.get("highest", 0.0 if best is None else float(best))


def chance_difference(first: float, second: float, num_images: int) -> float:
    """Difference that chance explains, at 95 %, between two shares of as many images."""
    shares = [(min(share, 1.0) * num_images + 1) / (num_images + 2) for share in (first, second)]
    variance = sum(share * (1 - share) / (num_images + 2) for share in shares)
    return 1.96 * variance**0.5
