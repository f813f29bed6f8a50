"""The base of callbacks that read an epoch's metrics."""

from lightning.pytorch import Trainer
from lightning.pytorch.callbacks import Checkpoint


class EpochCallback(Checkpoint):
    """A callback whose ``on_train_epoch_end`` sees every metric of the epoch.

    Lightning runs callbacks ahead of the module's own hook, in which the training metrics are
    logged, except those of this base class. Stand before the checkpoints in the configuration, so
    that they save your state.
    """


def has_validated(trainer: Trainer) -> bool:
    """Whether the epoch that ends was validated; Lightning keeps older metrics about."""
    every = trainer.check_val_every_n_epoch
    return every is None or (trainer.current_epoch + 1) % every == 0


def epoch_metrics(trainer: Trainer) -> dict[str, float]:
    """Training and validation metrics of the epoch that ends, by name."""
    phases = ("train_", "val_") if has_validated(trainer) else ("train_",)
    return {
        name: float(value)
        for name, value in trainer.callback_metrics.items()
        if name.startswith(phases)
    }
