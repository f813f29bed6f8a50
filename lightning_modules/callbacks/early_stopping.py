"""Stop when the score no longer gets better."""

import logging
from typing import Any

from lightning.pytorch import LightningModule, Trainer
from lightning.pytorch import callbacks as lightning_callbacks
from lightning.pytorch.callbacks.early_stopping import EarlyStoppingReason

log = logging.getLogger(__name__)


class EarlyStopping(lightning_callbacks.EarlyStopping):
    """Lightning's, which stays stopped when the run is continued.

    Args:
        monitor: Metric of the validation.
        mode: Whether it is to rise or to fall.
        patience: Epochs without a better score.
        min_delta: What counts as better, at least 0.
    """

    def __init__(
        self,
        monitor: str = "val_macro_f1",
        mode: str = "max",
        patience: int = 10,
        min_delta: float = 0.0,
    ) -> None:
        super().__init__(monitor=monitor, mode=mode, patience=patience, min_delta=min_delta)

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:  # noqa: D102
        if self.stopping_reason is EarlyStoppingReason.NON_FINITE_METRIC:
            log.info("%s was not finite: training is over.", self.monitor)
            trainer.should_stop = True
        elif self.wait_count >= self.patience:
            log.info(
                "%s had not got better for %d epochs: training is over.",
                self.monitor,
                self.wait_count,
            )
            trainer.should_stop = True

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Go on counting; the patience is the one asked for now, Lightning's the one of before."""
        super().load_state_dict(state_dict | {"patience": self.patience})
