"""Folders of runs that were never trained: the files from which a report is made."""

import json
from pathlib import Path

import numpy as np
import yaml
from PIL import Image

from lightning_modules.evaluation.predictions import PredictionTable
from lightning_modules.evaluation.predictions_file import write_predictions

CLASSES = ("cat", "dog", "owl")


def make_table(num: int = 120, classes=CLASSES, num_groups: int = 12, right: float = 0.9, seed=0):
    """Predictions whose answers are right with this probability, and as sure as they are right."""
    rng = np.random.default_rng(seed)
    labels = np.arange(num) % len(classes)
    wrong = (labels + rng.integers(1, len(classes), num)) % len(classes)
    answers = np.where(rng.random(num) < right, labels, wrong)
    logits = np.zeros((num, len(classes)), np.float32)
    rest = (1 - right) / (len(classes) - 1)
    logits[np.arange(num), answers] = np.log(right / rest) + rng.normal(0, 0.1, num)
    return PredictionTable(
        ids=[f"pictures/patient{n % num_groups:02d}/photo{n:04d}.jpg" for n in range(num)],
        labels=labels,
        logits=logits,
        class_names=list(classes),
        mask_origin=["given"] * num,
        mask_share=np.full(num, 0.2),
        roi_share=np.full(num, 0.2),
        columns={"site": np.array([f"site{n % 2}" for n in range(num)])},
        groups=np.array([f"patient{n % num_groups:02d}" for n in range(num)]),
    )


def make_folder(folder: Path, table: PredictionTable, metrics=None, facts=None) -> Path:
    """Write every file that a report reads."""
    folder.mkdir(parents=True)
    write_predictions(table, folder / "predictions.csv")
    config = {
        "seed": 7,
        "data": {"_target_": "datamodules.ManifestData", "image_size": 64},
        "model": {"backbone": "test_resnet", "pretrained": None},
        "gate": {"_target_": "lightning_modules.networks.gates.PixelGate"},
        "optimizer": {"name": "adamw", "lr": 0.001},
        "trainer": {"max_epochs": 3},
    }
    (folder / "config.yaml").write_text(yaml.safe_dump(config))
    (folder / "command.txt").write_text("python scripts/train.py data=manifest\n")
    (folder / "history.csv").write_text(
        "epoch,step,train_loss,val_loss,train_macro_f1,val_macro_f1\n"
        "0,9,1.1,1.2,0.4,0.3\n1,18,0.7,0.9,0.7,\n2,27,0.3,0.8,0.9,0.8\n"
    )
    (folder / "timing.csv").write_text("epoch,seconds\n0,3.5\n1,3.25\n2,3.0\n")
    (folder / "metrics.json").write_text(json.dumps(_metrics(table) | (metrics or {})))
    (folder / "facts.json").write_text(json.dumps(_facts(table) | (facts or {})))
    rng = np.random.default_rng(0)
    pixels = rng.integers(0, 255, (40, 120, 3), np.uint8)
    Image.fromarray(pixels).save(folder / "preview.png")
    _write_examples(folder / "examples", table, pixels)
    return folder


def _metrics(table: PredictionTable) -> dict:
    accuracy = float(table.correct.mean())
    changed = {"images": len(table), "accuracy_before": accuracy, "bit_exact_share": 1.0}
    changed |= {"flip_rate": 0.0, "logit_change": 0.0, "unanswered": 0.0}
    ends = {"accuracy_low": accuracy - 0.05, "accuracy_high": min(1.0, accuracy + 0.05)}
    names = ("as_they_are", "same_background", "random_background")
    return {
        "test_accuracy": accuracy,
        "test_balanced_accuracy": accuracy,
        "test_macro_f1": accuracy,
        "gate_promise": "exact",
        "gate_dilate": 0,
        "test_images": len(table),
        "test_promise_held_images": len(table),
        "test_flip_rate": 0.0,
        "test_background_gap": 0.0,
        "test_random_background_accuracy": accuracy,
        "test_groups": {"cat, site site0": {"images": 20, "accuracy": 0.95}},
        "test_interventions": [{"name": n, "accuracy": accuracy} | ends | changed for n in names],
        "mask_only_balanced_accuracy": 0.34,
        "mask_only_low": 0.3,
        "mask_only_high": 0.4,
        "mask_only_chance": 0.333,
        "mask_only_warning": False,
    }


def _facts(table: PredictionTable) -> dict:
    counts = [40] * len(table.class_names)
    one = {"images": counts, "groups": [4] * len(counts), "num_groups": 4, "with_roi": 1.0}
    data = {
        "name": "manifest.csv",
        "class_names": list(table.class_names),
        "positive_class": None,
        "split_fingerprint": "f" * 64,
        "splits": {"train": one, "val": one, "test": one},
    }
    model = {"backbone": "test_resnet", "parameters": 1234, "gate": "PixelGate", "promise": "exact"}
    return {
        "finished": "2026-01-01 12:00",
        "model": model,
        "data": data,
        "versions": {"torch": "2"},
        "machine": "2 CPU cores",
        "warnings": [],
        "best_epoch": 2,
        "monitor": "val_macro_f1",
        "test": {"fingerprint": "a", "looks": 1},
    }


def _write_examples(folder: Path, table: PredictionTable, pixels: np.ndarray) -> None:
    folder.mkdir()
    for name in ("one", "two"):
        Image.fromarray(pixels).save(folder / f"{name}.jpg")
    example = {
        "id": table.ids[0],
        "label": table.class_names[0],
        "predicted": table.class_names[1],
        "prob": 0.9,
        "group": "" if table.groups is None else str(table.groups[0]),
        "pictures": [{"file": f"{name}.jpg", "caption": name} for name in ("one", "two")],
    }
    sections = [
        {"kind": kind, "title": f"Some {kind}", "note": "As they are.", "examples": [example]}
        for kind in ("data", "mistake", "uncertain", "backgrounds", "masks")
    ]
    (folder / "examples.json").write_text(json.dumps({"sections": sections}))
