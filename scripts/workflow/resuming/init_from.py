"""init_from=: what a run that starts from another run's weights takes over, and what it tells."""

import logging
from pathlib import Path
from typing import Any

import numpy as np
import torch

from datamodules.checks.trained_on import TrainedOn, join_sketches
from datamodules.problems import list_some
from lightning_modules.checkpoint import open_checkpoint
from lightning_modules.roi_classifier import ROIClassifier
from lightning_modules.run_files import hash_file
from lightning_modules.warm_start import take_weights
from workflow.learned import read_record
from workflow.plan import Plan

log = logging.getLogger(__name__)


def start_from(plan: Plan, model: ROIClassifier) -> None:
    """Take the weights, and put into the model's record where they come from.

    The images that they were trained on are the new run's as well: no later evaluation may take
    them for a test.

    Raises:
        ValueError: The checkpoint does not go with this run.
    """
    path = Path(plan.config["init_from"])
    origin, said = take_weights(model, path)
    for sentence in said:
        log.info(sentence)
    if plan.config["model"]["pretrained"]:
        log.info("model.pretrained is not used: the weights come from init_from.")
    record = model.hparams.record
    record["init_from"] = {
        "file": str(path),
        "sha256": hash_file(path),
        "split_fingerprint": origin.get("split_fingerprint"),
        "init_from": origin.get("init_from"),
    }
    before, own = read_record(origin), read_record(record)
    if before is None:
        log.warning(
            "%s does not say which images it was trained on: whether this run's test images are "
            "among them is not known.",
            path,
        )
        return
    joined = join_sketches(before, own)
    record["trained_on"] = joined._asdict() | {"hashes": torch.from_numpy(joined.hashes)}
    _count_learned(plan, before, path)


def go_on_from(plan: Plan, model: ROIClassifier, checkpoint: Path) -> None:
    """Keep the origin of a resumed run, whatever became of the checkpoint it was started from.

    Raises:
        ValueError: ``checkpoint``, the run's last, cannot be opened.
    """
    record: dict[str, Any] = open_checkpoint(checkpoint)["hyper_parameters"].get("record") or {}
    if record.get("init_from") is None:
        return
    kept = ("init_from", "trained_on")
    model.hparams.record.update({name: record[name] for name in kept if name in record})
    known = read_record(record)
    if known is not None:
        _count_learned(plan, known, Path(record["init_from"]["file"]))


def _count_learned(plan: Plan, before: TrainedOn, path: Path) -> None:
    """Say which test images the weights have learned from; the run's scores say so as well."""
    rows = plan.table.rows_of("test")
    known = rows[before.knows(plan.content[rows])]
    plan.num_trained = len(known)
    if not len(known):
        return
    plan.unseen = False
    examples = [plan.table.row_name(row) for row in np.asarray(known[:3]).tolist()]
    log.warning(
        "%d of %d TEST images are images that the weights of init_from were trained on (%s): %s. "
        "The test of this run is no test. Give both runs the same split (column split), or leave "
        "these images out.",
        len(known),
        len(rows),
        path,
        list_some(examples, 3, len(known)),
    )
