"""How long the run will take, said before its first epoch."""

import copy
import logging
import time
from typing import Any

import torch
from lightning.pytorch import Callback, LightningModule, Trainer
from torch import nn

from lightning_modules.durations import say_time
from lightning_modules.objective import run_network, training_loss

log = logging.getLogger(__name__)


class DurationEstimate(Callback):
    """Time a few steps on a copy of the network and say what they come to.

    The run itself is left untouched: its weights, its random state and its data order. Of
    processes that train together each times a step of its own.

    Args:
        num_steps: Steps that are timed, at least 1, after one that is not.
    """

    def __init__(self, num_steps: int = 3) -> None:
        if num_steps < 1:
            raise ValueError(f"callbacks.duration.num_steps is {num_steps}, expected at least 1.")
        self.num_steps = num_steps

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:  # noqa: D102
        if trainer.fast_dev_run or trainer.should_stop:  # a resumed run may be over already
            return
        devices = [] if pl_module.device.type == "cpu" else [pl_module.device]
        with torch.random.fork_rng(devices):
            step, evaluation, load = self._time(trainer, pl_module)
        workers = max(1, trainer.train_dataloader.num_workers)
        # on a CPU the loading processes take their time from the same cores
        load = load / workers
        train_step = step + load if pl_module.device.type == "cpu" else max(step, load)
        epochs = trainer.max_epochs - trainer.current_epoch
        num_batches = trainer.num_training_batches
        num_val = sum(trainer.num_val_batches)
        seconds = epochs * (num_batches * train_step + num_val * (evaluation + load))
        log.info(
            "Training %d epochs of %d steps: about %s.", epochs, num_batches, say_time(seconds)
        )

    def _time(self, trainer: Trainer, pl_module: LightningModule) -> tuple[float, float, float]:
        """Seconds of a training step, of an evaluation step, and of loading a batch."""
        loader = trainer.train_dataloader
        size = -(
            -(loader.batch_size or loader.batch_sampler.batches.batch_size) // trainer.world_size
        )
        dataset, size = loader.dataset, min(size, len(loader.dataset))
        started = time.monotonic()
        batch = dataset.load(range(size))
        load = time.monotonic() - started
        batch = pl_module.transfer_batch_to_device(batch, pl_module.device, 0)
        batch = trainer.precision_plugin.convert_input(batch)
        network = copy.deepcopy(pl_module.network)
        steps = []
        for _ in range(self.num_steps + 1):
            started = time.monotonic()
            _train_once(trainer, pl_module, network, batch)
            steps.append(_elapsed(started, pl_module))
        network.eval()
        started = time.monotonic()
        with torch.no_grad(), trainer.precision_plugin.forward_context():
            run_network(network, batch)
        return sorted(steps[1:])[len(steps[1:]) // 2], _elapsed(started, pl_module), load


def _train_once(
    trainer: Trainer, pl_module: LightningModule, network: nn.Module, batch: dict[str, Any]
) -> None:
    network.train()
    network.zero_grad()
    with trainer.precision_plugin.forward_context():
        loss, _ = training_loss(network, batch, pl_module.loss, pl_module.extras)
    loss.backward()


def _elapsed(started: float, pl_module: LightningModule) -> float:
    if pl_module.device.type == "cuda":
        torch.cuda.synchronize(pl_module.device)
    return time.monotonic() - started
