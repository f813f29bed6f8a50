"""Training in one process, which may be one of several; what came of it lies in files."""

from pathlib import Path

import pyarrow.csv as csv
import torch
from front.processes import this_process
from torch import distributed

from lightning_modules.callbacks import LastCheckpoint
from lightning_modules.stop_signals import StopSignals
from workflow.devices.trainers import make_trainer
from workflow.features import show_images
from workflow.objects import Objects
from workflow.places import find_last
from workflow.plan import Plan


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
