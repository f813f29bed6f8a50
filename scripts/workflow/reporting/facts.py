"""facts.json: what no other file of a run or an evaluation says, for whoever reads its report."""

import os
import platform
from collections.abc import Sequence
from datetime import datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import numpy as np
import torch

from datamodules.splitting.splits import SPLITS
from datamodules.tables.table import ImageTable
from lightning_modules.evaluation.predictions_file import read_predictions
from lightning_modules.evaluation.report.record import FACTS
from lightning_modules.roi_classifier import ROIClassifier
from lightning_modules.run_files import write_json
from lightning_modules.run_reading import find_value
from workflow.plan import Plan
from workflow.reporting.looks import count_looks
from workflow.reporting.warned import outline_in_training, warned_in_training

LIBRARIES = ("torch", "torchvision", "timm", "lightning", "numpy", "scikit-learn")


def write_facts(
    folder: Path, plan: Plan, model: ROIClassifier, warnings: Sequence[str], run: Path | None = None
) -> None:
    """Write down where, when, on what, and what warned.

    Args:
        folder: Of the run or the evaluation; its predictions.csv is there, if it was tested.
        plan: What was done.
        model: That was trained or evaluated.
        warnings: That concern the result; those of a run before it was resumed are kept.
        run: That an evaluation is one of; what warned there counts here too.
    """
    gate = model.network.gate
    own = find_value(folder / FACTS, "warnings") or []
    before = own if run is None else warned_in_training(run)
    facts: dict[str, Any] = {
        "finished": f"{datetime.now():%Y-%m-%d %H:%M}",
        "model": {
            "backbone": model.hparams.model["backbone"],
            "parameters": sum(one.numel() for one in model.network.parameters()),
            "gate": type(gate).__name__,
            "promise": gate.promise.value,
        },
        "data": _describe(plan.table),
        "versions": _find_versions(),
        "machine": _describe_machine(),
        "warnings": list(dict.fromkeys([*before, *warnings])),
        "hints": plan.hints,
    }
    if run is not None:
        facts["outline"] = outline_in_training(run)
    best = folder / "checkpoints" / "best.ckpt"
    if best.is_file():
        kept = torch.load(best, map_location="cpu", weights_only=True, mmap=True)
        facts["best_epoch"] = kept["epoch"]
        facts["monitor"] = (plan.config["callbacks"].get("best") or {}).get("monitor")
    tested = folder / "predictions.csv"
    if tested.is_file():
        facts["test"] = count_looks(folder, read_predictions(tested))
    write_json(folder / FACTS, facts)


def _describe(table: ImageTable) -> dict[str, Any]:
    """Images of each class in each split, and with groups those."""
    counts, splits = table.counts(), {}
    for split in SPLITS:
        rows = table.rows_of(split)
        one: dict[str, Any] = {"images": [int(number) for number in counts[split]]}
        one["with_roi"] = float(table.annotated[rows].any(axis=1).mean()) if len(rows) else 0.0
        if table.groups is not None:
            numbers = table.groups.numbers[rows]
            one["num_groups"] = len(np.unique(numbers))
            one["groups"] = [
                len(np.unique(numbers[table.labels[rows] == label]))
                for label in range(len(table.class_names))
            ]
        splits[split] = one
    return {
        "name": table.name,
        "class_names": list(table.class_names),
        "positive_class": table.positive_class,
        "region_names": list(table.region_names),
        "split_fingerprint": table.fingerprint,
        "splits": splits,
    }


def _find_versions() -> dict[str, str]:
    found = {"Python": platform.python_version()}
    for name in LIBRARIES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found | {"system": f"{platform.system()} {platform.machine()}"}


def _describe_machine() -> str:
    """The GPU, else the processor's cores; never the name of the machine."""
    if torch.cuda.is_available():
        return f"{torch.cuda.device_count()} x {torch.cuda.get_device_name()}"
    return f"{os.cpu_count()} CPU cores (threads of torch: {torch.get_num_threads()})"
