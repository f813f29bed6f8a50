"""Training: in this process, or in several that this one starts."""

import logging
from pathlib import Path

import pyarrow.csv as csv
import torch
from front.processes import this_process
from torch import distributed, nn
from torch.nn.modules.batchnorm import _BatchNorm

from lightning_modules.callbacks import LastCheckpoint
from lightning_modules.stop_signals import StopSignals
from workflow.devices import count_devices, make_trainer, on_cpu
from workflow.features import show_images
from workflow.joining import tell_start
from workflow.launching import launch
from workflow.objects import Objects
from workflow.places import find_last
from workflow.plan import Plan

log = logging.getLogger(__name__)


def train(plan: Plan, objects: Objects, folder: Path) -> None:
    """Train on as many devices as are asked for; what came of it lies in the folder of the run.

    Args:
        plan: What to train.
        objects: Of the plan; processes that are started make their own.
        folder: Of the run; training goes on from its ``last.ckpt``, if there is one.
    """
    process = this_process()
    num_processes = process.num_processes
    if not process.several:
        num_processes = count_devices(plan.config["trainer"])
    if num_processes > 1:
        log.info("Training in %d processes.", num_processes)
        _warn_of_statistics(plan, objects.model, num_processes)
    if num_processes == 1 or process.several:
        tell_start(plan, folder)
        fit(plan, objects, folder)
    else:
        launch(plan, folder, num_processes)


def _warn_of_statistics(plan: Plan, model: nn.Module, num_processes: int) -> None:
    """Say where the result is not that of one process."""
    trainer = plan.config["trainer"]
    synchronised = trainer.get("sync_batchnorm", True) and not on_cpu(trainer)
    if not synchronised and any(isinstance(module, _BatchNorm) for module in model.modules()):
        log.warning(
            "BatchNorm sees the images of its own process alone, about %d of a batch of %d: the "
            "result is not quite that of one process%s.",
            plan.options.batch_size // num_processes,
            plan.options.batch_size,
            " (on GPUs they are joined)" if on_cpu(trainer) else "",
        )


def fit(plan: Plan, objects: Objects, folder: Path) -> None:
    """Train in this process, with the others that there may be."""
    process = this_process()
    trainer = make_trainer(plan, objects.callbacks, folder, process)
    with StopSignals() as signals:
        for callback in objects.callbacks:
            if isinstance(callback, LastCheckpoint):
                callback.signals = signals
        if plan.config["data"]["cache_features"]:
            show_images(plan, objects.model, objects.data, trainer, find_last(folder))
        trainer.fit(objects.model, objects.data, ckpt_path=find_last(folder), weights_only=True)
    if process.several:
        distributed.destroy_process_group()


def read_metrics(folder: Path) -> dict[str, float]:
    """Metrics of the last epoch of training, and the score of the best checkpoint."""
    history, last = folder / "history.csv", folder / "checkpoints" / "last.ckpt"
    if not history.is_file():
        return {}
    rows = csv.read_csv(history).to_pylist()
    metrics = {
        name: value
        for name, value in rows[-1].items()
        if name.startswith(("train_", "val_")) and value is not None
    }
    if last.is_file():
        states = torch.load(last, map_location="cpu", weights_only=True, mmap=True)["callbacks"]
        for name, state in states.items():
            score = state.get("best_model_score")
            if name.startswith("BestCheckpoint") and score is not None:
                metrics[f"best_{state['monitor']}"] = float(score)
    return metrics
