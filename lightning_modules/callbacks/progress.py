"""One line an epoch, as Keras prints it."""

import logging
import time

from lightning.pytorch import LightningModule, Trainer

from lightning_modules.callbacks.epoch_callback import EpochCallback, epoch_metrics

log = logging.getLogger(__name__)
SHOWN = (
    "train_loss", "train_accuracy",
    "val_loss", "val_accuracy", "val_balanced_accuracy", "val_macro_f1",
)  # fmt: skip


class EpochLines(EpochCallback):
    """Say the main metrics of every epoch in one line.

    Args:
        caveat: Said behind the scores; None: they need none.
    """

    def __init__(self, caveat: str | None = None) -> None:
        self.caveat = "" if caveat is None else f"  ({caveat})"
        self._started = 0.0

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:  # noqa: D102
        self._started = time.monotonic()

    def on_train_epoch_start(self, trainer: Trainer, pl_module: LightningModule) -> None:  # noqa: D102
        self._started = time.monotonic()

    def on_train_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:  # noqa: D102
        metrics = epoch_metrics(trainer)
        parts = [f"{name} {metrics[name]:.4f}" for name in SHOWN if name in metrics]
        empty = metrics.get("train_empty_mask_share", 0.0)
        if empty:
            parts.append(
                f"{empty:.1%} of the training masks are EMPTY at this size and gate.dilate"
            )
        seconds = time.monotonic() - self._started
        log.info(
            "Epoch %d/%s  %.0f s  %s%s",
            trainer.current_epoch + 1, trainer.max_epochs, seconds, "  ".join(parts), self.caveat,
        )  # fmt: skip
