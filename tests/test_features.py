"""A frozen backbone sees each image once; the run is the one that shows them in every epoch."""

import csv
import os
import time

import numpy as np
import pytest
import torch
from in_process import train_in_process

from datamodules.datamodule import ROIDataModule
from datamodules.loading.features import make_room, read_records, write_records
from lightning_modules.build import build
from lightning_modules.networks import ROINetwork
from lightning_modules.networks.head_inputs import find_head_obstacle

FROZEN = (
    "model.freeze_backbone=true",
    "augment=none",
    "extras.swap=0",
    "extras.mask_jitter=0",
    "callbacks.preview=null",
    "interventions=none",
)


def read_history(folder):
    with (folder / "history.csv").open(encoding="utf-8", newline="") as file:
        return [{k: float(v) for k, v in row.items()} for row in csv.DictReader(file)]


def read_weights(folder):
    path = folder / "checkpoints" / "last.ckpt"
    return torch.load(path, weights_only=True)["state_dict"]


def assert_same_runs(one, other):
    for a, b in zip(read_history(one), read_history(other), strict=True):
        assert a == pytest.approx(b, abs=1e-5)
    first, second = read_weights(one), read_weights(other)
    assert first.keys() == second.keys()
    for name, value in first.items():
        torch.testing.assert_close(value, second[name], rtol=0, atol=1e-5)


@pytest.mark.parametrize(
    "words",
    [
        ["gate=pixel", "data.imbalance=balanced_sampler"],
        ["gate=none", "data.imbalance=logit_adjustment", "data.cache=off"],
    ],
    ids=["pixel", "none"],
)
def test_each_image_is_seen_once_and_the_run_is_the_same(words, shapes, outputs, tmp_path):
    typed = [*FROZEN, *words]
    cached = train_in_process(shapes, tmp_path / "cached", *typed, "data.cache_features=true")
    shown = train_in_process(shapes, tmp_path / "shown", *typed, "data.cache_features=false")
    assert_same_runs(cached, shown)
    both = [(folder / "predictions.csv").read_text().splitlines() for folder in (cached, shown)]
    assert len(both[0]) == len(both[1]) > 1


def test_an_interrupted_run_goes_on_as_if_it_had_not_been(shapes, outputs, tmp_path):
    typed = [*FROZEN, "gate=pixel", "scheduler=none", "test=false"]
    whole = train_in_process(shapes, tmp_path / "whole", *typed)
    part = train_in_process(shapes, tmp_path / "part", *typed, "trainer.max_epochs=1")
    train_in_process(shapes, part, f"resume={part}", "trainer.max_epochs=2", "test=false")
    assert_same_runs(whole, part)
    assert torch.equal(
        *(read_weights(one)["network.backbone.net.fc.weight"] for one in (whole, part))
    )


def test_the_recipe_trains_the_last_layer_alone(shapes, outputs, tmp_path):
    typed = ["recipe=head_only", "model.pretrained=false", "test=false"]
    longer = ["trainer.max_epochs=30", "optimizer.lr=0.01"]
    folder = train_in_process(shapes, tmp_path / "run", *typed, *longer)
    first, *_, last = read_history(folder)
    assert last["train_loss"] < 0.9 * first["train_loss"]
    other = train_in_process(shapes, tmp_path / "other", *typed, "trainer.max_epochs=1")
    weights = read_weights(folder)
    for name, value in read_weights(other).items():
        assert torch.equal(value, weights[name]) == (".fc." not in name)


def test_a_second_run_shows_no_image_at_all(shapes, outputs, tmp_path, monkeypatch):
    typed = [*FROZEN, "gate=pixel", "seed=3", "test=false"]
    train_in_process(shapes, tmp_path / "first", *typed)
    monkeypatch.setattr(ROIDataModule, "show_loader", None)
    train_in_process(shapes, tmp_path / "second", *typed, "optimizer.lr=0.01")
    with pytest.raises(TypeError):  # other weights
        train_in_process(shapes, tmp_path / "third", *typed, "seed=4")


def test_what_stands_in_the_way_is_said_all_together(shapes, outputs, tmp_path):
    typed = ["gate=pixel", "model.freeze_backbone=true", "extras.swap=0.3"]
    with pytest.raises(ValueError, match="which cannot be") as refused:
        train_in_process(shapes, tmp_path / "run", *typed, "data.cache_features=true")
    for word in ("augment.horizontal_flip=0.5", "extras.swap=0.3", "augment=none"):
        assert word in str(refused.value)
    with pytest.raises(ValueError, match="the backbone is trained"):
        train_in_process(shapes, tmp_path / "run", "augment=none", "data.cache_features=true")
    with pytest.raises(ValueError, match="CropsGate trains weights ahead of the last layer"):
        train_in_process(
            shapes, tmp_path / "run", *FROZEN, "gate=crops", "data.cache_features=true"
        )
    assert not (tmp_path / "run").exists()


def test_where_it_cannot_be_auto_shows_the_images_and_says_why(shapes, outputs, tmp_path):
    folder = train_in_process(shapes, tmp_path / "run", *FROZEN, "gate=guide", "test=false")
    log = (folder / "log.txt").read_text(encoding="utf-8")
    assert "GuideGate has a training loss of its own" in log
    assert "of little use" in log  # from scratch
    assert "cache_features: false" in (folder / "config.yaml").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("gate", "reason"),
    [
        ("NoGate", None),
        ("PixelGate", None),
        ("LateGate", None),
        ("HintGate", "trains weights"),
        ("AttentionGate", "trains weights"),
        ("GuideGate", "training loss"),
        ("TwoStageGate", "trains weights"),
        ("CropsGate", "trains weights"),
    ],
)
def test_the_gate_decides_whether_the_last_layer_is_enough(gate, reason):
    built = build({"_target_": f"lightning_modules.networks.gates.{gate}"})
    model = {"_target_": "lightning_modules.networks.Backbone", "backbone": "test_resnet"}
    backbone = build(model | {"freeze_backbone": True}, 2, (64, 64))
    found = find_head_obstacle(ROINetwork(backbone, built), 1)
    assert found is None if reason is None else reason in found


def test_chance_ahead_of_the_last_layer_is_found():
    model = {"_target_": "lightning_modules.networks.Backbone", "backbone": "test_resnet"}
    backbone = build(model | {"freeze_backbone": True}, 2, (64, 64))
    gate = build({"_target_": "lightning_modules.networks.gates.PixelGate"})
    network = ROINetwork(backbone, gate, mask_jitter=3)
    assert "varies by chance" in find_head_obstacle(network, 1)


def test_old_features_make_room_and_those_in_use_stay(tmp_path):
    names = ["old.npy", "newer.npy", "used.npy"]
    for age, name in zip((300, 200, 400), names, strict=True):
        (tmp_path / name).write_bytes(bytes(100))
        os.utime(tmp_path / name, (time.time() - age,) * 2)
    for name, age in ((".killed.npy.7", 2 * 86400), (".written.npy.8", 10)):
        (tmp_path / name).write_bytes(bytes(10))
        os.utime(tmp_path / name, (time.time() - age,) * 2)
    make_room(tmp_path, 250, {tmp_path / "used.npy"})
    left = {path.name for path in tmp_path.iterdir()}
    assert left == {"newer.npy", "used.npy", ".written.npy.8"}


def test_a_broken_file_of_features_is_made_anew(tmp_path):
    file = tmp_path / "some.npy"
    records = np.zeros(5, [("features", np.float32, (3,)), ("origin", np.int8)])
    records["features"] = np.arange(15).reshape(5, 3)
    write_records(file, (records[i : i + 2] for i in range(0, 5, 2)), 5)
    assert np.array_equal(read_records(file, 5), records)
    assert read_records(file, 6) is None
    file.write_bytes(file.read_bytes()[:-1])
    assert read_records(file, 5) is None
    assert read_records(tmp_path / "none.npy", 5) is None


def test_a_run_on_kept_features_that_goes_on_elsewhere_is_told_what_to_leave_out(shapes, tmp_path):
    part = train_in_process(
        shapes, tmp_path / "part", *FROZEN, "trainer.max_epochs=1", "test=false"
    )
    words = [f"resume={part}", "trainer.max_epochs=2", "trainer.devices=2"]
    with pytest.raises(
        ValueError, match=r"several devices train.*Leave out what was typed"
    ) as told:
        train_in_process(shapes, part, *words)
    assert "leave it at auto" not in str(told.value)
