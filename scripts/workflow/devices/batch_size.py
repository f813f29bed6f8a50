"""data.batch_size=auto: as many images a step as the memory takes."""

import logging
from pathlib import Path

import torch

from lightning_modules.roi_classifier import ROIClassifier
from lightning_modules.step_memory import (
    MARGIN,
    WORKSPACE,
    count_kept_bytes,
    count_weight_bytes,
    find_largest,
    fits_gpu,
)
from workflow.plan import Plan, instantiate

log = logging.getLogger(__name__)
# a CPU gains nothing from larger batches; beyond these most rates have to be found anew
MOST_ON_CPU, MOST_ON_GPU = 64, 512
MEASURED_WITH = 4  # images of the step whose memory is counted on a CPU
GIGABYTE = 2**30


def settle_batch_size(plan: Plan, model: ROIClassifier) -> None:
    """Replace ``auto`` by a number in the plan, in place; say which, and why.

    Raises:
        ValueError: Not even a step of two images fits.
    """
    if plan.options.batch_size != "auto":
        return
    options = plan.config["trainer"] | {"logger": False, "enable_progress_bar": False}
    trainer = instantiate(options | {"enable_checkpointing": False})
    device, context = trainer.strategy.root_device, trainer.precision_plugin.forward_context
    most = MOST_ON_GPU if device.type == "cuda" else MOST_ON_CPU
    num_images = len(plan.table.rows_of("train"))
    sizes = [2**power for power in range(1, 20) if 2**power <= min(most, num_images)] or [2]
    if device.type == "cuda":
        free = torch.cuda.mem_get_info(device)[0]
        largest = find_largest(sizes, lambda size: fits_gpu(model, size, device, context))
        memory = f"of {free / GIGABYTE:.1f} GB of the GPU's memory"
    else:
        kept = count_kept_bytes(model, MEASURED_WITH, context) / MEASURED_WITH
        each, free = (1 + WORKSPACE) * kept, available_bytes()
        fixed = count_weight_bytes(model)
        largest = find_largest(
            sizes, lambda size: free is None or fixed + size * each <= MARGIN * free
        )
        memory = f"at about {each / 2**20:.0f} MB an image" + (
            f" of {free / GIGABYTE:.1f} GB of free memory" if free is not None else ""
        )
    if largest is None:
        raise ValueError(
            f"data.batch_size=auto: a training step of {sizes[0]} images does not fit, {memory}. "
            "Take a smaller model.backbone or data.image_size, or free some memory."
        )
    why = f"a step of {2 * largest} does not fit, {memory}"
    if largest == sizes[-1]:
        limits = {most: f"the most that is tried on {device.type.upper()}"}
        why = limits.get(largest, f"the training split has {num_images} images") + f", {memory}"
    log.info(
        "data.batch_size=auto: %d (%s). optimizer.lr stays at %g: it is not scaled with it "
        "(scripts/find_lr.py finds one for this size).",
        largest,
        why,
        plan.config["optimizer"]["lr"],
    )
    plan.options.batch_size = plan.config["data"]["batch_size"] = largest


def available_bytes() -> int | None:
    """Memory that a process may still take; None: this system does not say."""
    try:
        lines = Path("/proc/meminfo").read_text(encoding="utf-8").splitlines()
        fields = dict(line.split(":", 1) for line in lines)
        free = 1024 * int(fields["MemAvailable"].split()[0])
    except (OSError, KeyError, ValueError):
        return None
    try:  # a container may have less than its machine
        group = Path("/sys/fs/cgroup")
        most, used = ((group / f"memory.{name}").read_text() for name in ("max", "current"))
        return min(free, max(0, int(most) - int(used)))
    except (OSError, ValueError):
        return free
