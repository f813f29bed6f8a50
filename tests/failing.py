"""Callbacks that end one process of several."""

import os
import signal
from pathlib import Path

from lightning.pytorch import Callback, LightningModule, Trainer


class Fails(Callback):
    """Raise, or kill the process, in the second step of one process.

    Args:
        rank: Of the process.
        kill: Whether it is killed.
    """

    def __init__(self, rank: int, kill: bool = False) -> None:
        self.rank, self.kill = rank, kill

    def on_train_batch_start(
        self, trainer: Trainer, pl_module: LightningModule, batch: dict, batch_idx: int
    ) -> None:
        if trainer.global_rank != self.rank or batch_idx != 1:
            return
        if self.kill:
            os.kill(os.getpid(), signal.SIGKILL)
        raise ValueError("this image is broken.")


class InterruptsOnce(Callback):
    """Send SIGTERM to one process of several in its second step, once.

    Args:
        rank: Of the process.
        note: File that is made when it is done.
    """

    def __init__(self, rank: int, note: str) -> None:
        self.rank, self.note = rank, Path(note)

    def on_train_batch_start(
        self, trainer: Trainer, pl_module: LightningModule, batch: dict, batch_idx: int
    ) -> None:
        if trainer.global_rank == self.rank and batch_idx == 1 and not self.note.exists():
            self.note.touch()
            os.kill(os.getpid(), signal.SIGTERM)


class Spoils(Callback):
    """Give one process of several images that are no numbers, in its first batch.

    Args:
        rank: Of the process.
    """

    def __init__(self, rank: int) -> None:
        self.rank = rank

    def on_train_batch_start(
        self, trainer: Trainer, pl_module: LightningModule, batch: dict, batch_idx: int
    ) -> None:
        if trainer.global_rank == self.rank and batch_idx == 0:
            batch["image"].fill_(float("nan"))
