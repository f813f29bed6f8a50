"""A test in this process, or in several that share its batches: the same numbers, bit for bit.

Each process answers every so many-th batch, which is the one that a single process would see, and
the answers are put together in the order of the table. What is measured of them the first does.
"""

import copy
import logging
import pickle
from functools import partial
from pathlib import Path
from typing import Any

import torch
from front.processes import this_process
from lightning.pytorch import Trainer
from torch import distributed

from datamodules.datamodule import ROIDataModule
from datamodules.loading.transforms import Preprocessing
from lightning_modules.callbacks import Predictions
from lightning_modules.evaluation.predictions import PredictionTable
from lightning_modules.roi_classifier import ROIClassifier
from workflow.devices.launching import Task, launch
from workflow.devices.trainers import make_trainer
from workflow.objects import Objects, quieten
from workflow.places import find_cache
from workflow.plan import Plan

log = logging.getLogger(__name__)


def run_test(
    plan: Plan, objects: Objects, trainer: Trainer
) -> tuple[dict[str, Any], PredictionTable]:
    """Test, in as many processes as ``objects`` says.

    Returns:
        What was logged by name, and the predictions, which ``trainer`` knows too.
    """
    gathered = _find_table(trainer)
    if objects.num_processes == 1:
        trainer.test(objects.model, objects.data, verbose=False)
        return _logged(trainer), gathered.table
    log.info("Testing in %d processes.", objects.num_processes)
    folder = Path(trainer.default_root_dir)
    # what a bit depends on: the number of threads as well
    work = partial(_test_part, objects.model, gathered.writes, torch.get_num_threads())
    metrics, gathered.table = launch(plan, folder, objects.num_processes, work)
    return metrics, gathered.table


def make_data(plan: Plan, model: ROIClassifier) -> ROIDataModule:
    """The images of a plan as a model that is there expects them."""
    steps, cache = Preprocessing(**model.preprocessing), find_cache(plan.options)
    return ROIDataModule(plan.table, plan.options, steps, None, plan.config["seed"], cache)


def _test_part(model: ROIClassifier, writes: bool, num_threads: int, task: Task, rank: int) -> None:
    quieten()
    torch.set_num_threads(num_threads)
    model = copy.deepcopy(model)  # what it was given lies in memory that all of them share
    trainer = make_trainer(task.plan, [], task.folder, this_process())
    gathered = _find_table(trainer)
    gathered.writes = writes
    trainer.test(model, make_data(task.plan, model), verbose=False)
    if rank == 0:
        task.result.write_bytes(pickle.dumps((_logged(trainer), gathered.table)))
    distributed.destroy_process_group()


def _find_table(trainer: Trainer) -> Predictions:
    return next(c for c in trainer.callbacks if isinstance(c, Predictions))


def _logged(trainer: Trainer) -> dict[str, Any]:
    logged = trainer.callback_metrics.items()
    return {name: float(value) for name, value in logged if name.startswith("test_")}
