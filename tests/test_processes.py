"""Several processes train as one does, and leave one run behind."""

import csv
from pathlib import Path

import pytest
import torch
from in_process import train_in_process
from small_data import make_shapes, write_manifest

ROOT = Path(__file__).parents[1]
# no BatchNorm, nothing drawn by the place in the batch; batches of 7 and 5 of 12 images, 7 and 3 of
# 10 to validate: neither can be shared out evenly
ALIKE = ("model.backbone=test_vit", "data.batch_size=7", "extras=default", "gate=pixel")
ALIKE += ("data.cache=off", "callbacks.duration=null", "interventions=none", "test=false")
TWO = ("trainer.devices=2",)


@pytest.fixture(scope="module")
def uneven(tmp_path_factory, outputs):
    """12 images to train on and 10 to validate, each with a weight of its own."""
    manifest = make_shapes(tmp_path_factory.mktemp("uneven"))
    with manifest.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    test = [row for row in rows if row["split"] == "test"]
    for row in test[:4]:
        row["split"] = row["group"] = "val"
    weights = [f"{0.5 + index % 4 / 2}" for index in range(len(rows))]
    rows = [row | {"weight": weight} for row, weight in zip(rows, weights, strict=True)]
    return write_manifest(manifest.parent / "uneven.csv", rows)


def history_of(folder):
    with (folder / "history.csv").open(encoding="utf-8", newline="") as file:
        return [{k: float(v) for k, v in row.items() if v} for row in csv.DictReader(file)]


def weights_of(folder):
    checkpoint = torch.load(folder / "checkpoints" / "last.ckpt", weights_only=True)
    return checkpoint["state_dict"]


def assert_same(one, other):
    for first, second in zip(history_of(one), history_of(other), strict=True):
        assert first == pytest.approx(second, abs=1e-6)
    weights = weights_of(other)
    for name, tensor in weights_of(one).items():
        torch.testing.assert_close(tensor, weights[name], rtol=0, atol=1e-6)


def test_two_processes_train_as_one_does(uneven, tmp_path):
    # AdamW divides by what the gradient of an unused direction is: nothing but rounding
    same = (*ALIKE, "optimizer=sgd", "data.imbalance=class_weights")
    one = train_in_process(uneven, tmp_path / "one", *same)
    two = train_in_process(uneven, tmp_path / "two", *same, *TWO)
    assert_same(one, two)
    lines = (two / "log.txt").read_text(encoding="utf-8").splitlines()
    said = [line.split("  ", 1)[1] for line in lines]
    assert len(set(said)) == len(said)
    assert sum("Epoch 1/2" in line for line in said) == 1
