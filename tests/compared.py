"""Tables of predictions and folders of runs, made by hand for comparisons."""

import json
from pathlib import Path
from typing import Any

import numpy as np
from omegaconf import OmegaConf

from lightning_modules.evaluation.comparison.variants import Run, Variant
from lightning_modules.evaluation.predictions import PredictionTable
from lightning_modules.evaluation.predictions_file import write_predictions

CLASSES = ("cat", "dog")


def make_table(
    labels: np.ndarray,
    logits: np.ndarray,
    groups: np.ndarray | None = None,
    columns: dict[str, np.ndarray] | None = None,
    class_names: tuple[str, ...] = CLASSES,
) -> PredictionTable:
    """A table of images i0, i1, ..."""
    number = len(labels)
    return PredictionTable(
        ids=[f"i{row}" for row in range(number)],
        labels=np.asarray(labels),
        logits=np.asarray(logits, np.float32),
        class_names=class_names,
        mask_origin=["given"] * number,
        mask_share=np.full(number, 0.5),
        roi_share=np.full(number, 0.5),
        columns=columns or {},
        groups=None if groups is None else np.asarray(groups).astype(str),
    )


def answer(labels: np.ndarray, right: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """(N, 2) logits that are right where asked, of varying certainty."""
    said = np.where(right, labels, 1 - labels)
    logits = rng.normal(0, 0.3, (len(labels), 2))
    logits[np.arange(len(labels)), said] += 1 + rng.random(len(labels)) * 2
    return logits


def make_pair(seed: int = 0, gain: float = 0.15, num_groups: int = 20) -> list[PredictionTable]:
    """A worse and a better model on the same groups, sliced by a site."""
    rng = np.random.default_rng(seed)
    groups = np.repeat(np.arange(num_groups), 12)
    labels = rng.integers(0, 2, len(groups))
    site = np.where(groups % 2, "a", "b")
    shares = (0.75, 0.75 + gain)
    return [
        make_table(
            labels,
            answer(labels, rng.random(len(labels)) < share, rng),
            groups,
            {"site": site},
        )
        for share in shares
    ]


def as_variants(*tables: PredictionTable, slice_by: tuple[str, ...] = ()) -> list[Variant]:
    """A variant of one run each, called A, B, ..."""
    return [
        Variant(name, [Run(f"run {name}", table, {})], slice_by)
        for name, table in zip("ABCDEFGH", tables, strict=False)
    ]


def write_run(
    folder: Path,
    table: PredictionTable | None,
    words: str = "",
    state: str = "finished",
    config: dict[str, Any] | None = None,
    **metrics: float,
) -> Path:
    """The files of a run that a comparison reads."""
    folder.mkdir(parents=True)
    if table is not None:
        write_predictions(table, folder / "predictions.csv")
    (folder / "command.txt").write_text(f"python scripts/train.py {words}\n")
    (folder / "status.json").write_text(json.dumps({"state": state, "reason": None}))
    (folder / "metrics.json").write_text(json.dumps(metrics))
    gate = {"_target_": "lightning_modules.networks.gates.PixelGate", "fill": 0.0}
    plain = {"seed": 0, "gate": gate, "optimizer": {"lr": 0.001}, "data": {"slice_by": "site"}}
    OmegaConf.save(OmegaConf.create(plain | (config or {})), folder / "config.yaml")
    return folder
