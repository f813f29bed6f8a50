"""Folders of folds that were never trained: the files from which a cross-validation is pooled."""

import csv
import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from front.composition import compose_job
from front.conf_tree import ConfTree
from omegaconf import OmegaConf
from workflow.call import Call
from workflow.evaluating.cross_validation import evaluate_folds
from workflow.journal import Journal

from lightning_modules.evaluation.predictions import PredictionTable
from lightning_modules.evaluation.predictions_file import write_predictions

DATA = {"slice_by": None, "pair_by": None, "positive_class": None}
GATE = {"_target_": "lightning_modules.networks.gates.PixelGate", "dilate": 0}


def make_answers(
    labels: Sequence[int],
    class_names: Sequence[str],
    groups: Sequence[str],
    columns: dict[str, np.ndarray] | None = None,
    seed: int = 0,
) -> PredictionTable:
    """Answers to images i0, i1, ... that are right more often than not, and too sure."""
    rng = np.random.default_rng(seed)
    labels, num = np.asarray(labels), len(labels)
    logits = rng.normal(size=(num, len(class_names)))
    logits[np.arange(num), labels] += 1
    return PredictionTable(
        ids=[f"i{row}" for row in range(num)],
        labels=labels,
        logits=(4 * logits).astype(np.float32),
        class_names=list(class_names),
        mask_origin=["given"] * num,
        mask_share=np.full(num, 0.5),
        roi_share=np.full(num, 0.5),
        columns=columns or {},
        groups=np.asarray(groups),
    )


def part_folds(table: PredictionTable, num_folds: int) -> list[PredictionTable]:
    """Each group in one fold."""
    numbers = np.unique(table.groups, return_inverse=True)[1] % num_folds
    return [table.only(numbers == fold) for fold in range(num_folds)]


def write_folds(folder: Path, parts: Sequence[PredictionTable], **options: object) -> Path:
    """A sweep over folds, each of which was tested on its part; ``options`` are of the data."""
    for fold, part in enumerate(parts):
        run = folder / str(fold)
        run.mkdir(parents=True)
        write_predictions(part, run / "predictions.csv")
        with (run / "split.csv").open("w", encoding="utf-8", newline="") as file:
            writer = csv.writer(file, quoting=csv.QUOTE_ALL, lineterminator="\n")
            writer.writerow(["id", "split", "label", "group"])
            for table in parts:
                names = np.array(table.class_names)[table.labels]
                split = "test" if table is part else "train"
                rows = zip(table.ids, names, table.groups, strict=True)
                writer.writerows([one, split, label, group] for one, label, group in rows)
        data = DATA | {"num_folds": len(parts), "fold": fold} | options
        config = {"seed": 0, "gate": GATE, "scores": {"resamples": 200}, "data": data}
        OmegaConf.save(OmegaConf.create(config), run / "config.yaml")
        words = f"data.num_folds={len(parts)} data.fold={fold}"
        (run / "command.txt").write_text(f"python scripts/train.py {words}\n")
        (run / "status.json").write_text(json.dumps({"state": "finished", "reason": None}))
        (run / "metrics.json").write_text("{}")
    (folder / "multirun.yaml").write_text("hydra: {overrides: {task: []}}\n")
    return folder


def pool_in_process(*words: str) -> None:
    """As ``evaluate.py folds=...`` does."""
    cfg = compose_job("evaluate", list(words), ConfTree()).cfg
    evaluate_folds(cfg, Call(list(words), None, None), Journal())
