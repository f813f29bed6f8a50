"""Training in this process, or in several that this one starts or is one of."""

import logging
from pathlib import Path

from front.processes import this_process
from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm

from workflow.devices.joining import tell_start
from workflow.devices.launching import launch, train_part
from workflow.devices.trainers import count_devices, on_cpu
from workflow.objects import Objects
from workflow.plan import Plan
from workflow.training import fit

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
        launch(plan, folder, num_processes, train_part)


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
