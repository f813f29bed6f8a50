"""find_lr.py: a rate that rises from step to step, and the rate that the losses suggest."""

import csv

import numpy as np
import pytest

from lightning_modules.lr_curve import LRCurve


def search(manifest, out, *overrides):
    """Search as scripts/find_lr.py does, without another interpreter; returns its folder."""
    from front.composition import compose_job, job_problems
    from front.conf_tree import ConfTree
    from workflow.call import Call
    from workflow.journal import Journal
    from workflow.lr_request import plan_search
    from workflow.lr_search import find_lr

    typed = ["data=manifest", f"data.manifest={manifest}", "data.image_size=32"]
    typed += ["data.batch_size=4", "data.num_workers=0", "model.backbone=test_resnet"]
    typed += ["trainer.accelerator=cpu", f"out={out}", "num_steps=30", *overrides]
    assert job_problems("find_lr", typed, ConfTree()) == []
    cfg = compose_job("find_lr", typed, ConfTree()).cfg
    find_lr(plan_search(cfg, Call(typed, None, None)), Journal())
    return out


def read_curve(folder):
    with (folder / "lr_finder.csv").open(encoding="utf-8", newline="") as file:
        return [{k: float(v) for k, v in row.items()} for row in csv.DictReader(file)]


@pytest.mark.parametrize("gate", ["pixel", "none", "two_stage", "crops"])
def test_the_rate_rises_by_one_factor_from_step_to_step(gate, shapes, outputs, tmp_path):
    folder = search(shapes, tmp_path / "lr", f"gate={gate}", "min_lr=1e-5", "max_lr=0.01")
    lrs = [row["lr"] for row in read_curve(folder)]
    assert len(lrs) == 30
    assert lrs == pytest.approx(np.geomspace(1e-5, 0.01, 30))
    assert (folder / "lr_finder.png").read_bytes().startswith(b"\x89PNG")
    assert not (folder / "checkpoints").exists()
    assert not (outputs / "latest.txt").exists() or str(folder) not in (
        outputs / "latest.txt"
    ).read_text(encoding="utf-8")


def test_the_same_seed_gives_the_same_curve_and_accumulation_makes_longer_steps(
    shapes, outputs, tmp_path
):
    first = read_curve(search(shapes, tmp_path / "first", "gate=pixel", "model.dropout=0.2"))
    again = read_curve(search(shapes, tmp_path / "again", "gate=pixel", "model.dropout=0.2"))
    assert first == again
    typed = ["gate=pixel", "trainer.accumulate_grad_batches=2", "max_lr=0.001"]
    longer = read_curve(search(shapes, tmp_path / "longer", *typed))
    assert len(longer) == 30
    assert 0.3 < longer[0]["loss"] < 2  # the mean of its batches and not their half


def test_a_rate_that_breaks_the_network_ends_the_sweep(shapes, outputs, tmp_path):
    typed = ["gate=none", "optimizer=sgd", "trainer.gradient_clip_val=null", "max_lr=1e12"]
    folder = search(shapes, tmp_path / "lr", *typed)
    rows = read_curve(folder)
    assert 0 < len(rows) < 30
    assert all(np.isfinite(row["loss"]) for row in rows)
    assert "where the sweep ended" in (folder / "log.txt").read_text(encoding="utf-8")


def test_a_frozen_backbone_is_swept_by_its_last_layer(shapes, outputs, tmp_path):
    typed = [
        "data.cache=off",
        "model.freeze_backbone=true",
        "augment=none",
        "extras.swap=0",
        "extras.mask_jitter=0",
    ]
    folder = search(shapes, tmp_path / "lr", "gate=pixel", *typed)
    assert "once, in" in (folder / "log.txt").read_text(encoding="utf-8")
    assert len(read_curve(folder)) == 30


def test_wrong_options_are_said_all_together(shapes, outputs, tmp_path):
    with pytest.raises(ValueError, match="3 problems") as refused:
        search(shapes, tmp_path / "lr", "min_lr=-1", "num_steps=3", "resume=latest")
    for word in ("resume", "min_lr is -1", "num_steps is 3"):
        assert word in str(refused.value)
    with pytest.raises(ValueError, match="expected a higher one"):
        search(shapes, tmp_path / "lr", "min_lr=1", "max_lr=0.1")
    assert not (tmp_path / "lr").exists()


def test_the_suggestion_is_where_the_loss_falls_fastest():
    lrs = np.geomspace(1e-6, 1, 121).tolist()
    exponent = np.log10(lrs)
    # a fall around 1e-4, a flat valley to 1e-1, a rise beyond
    losses = 1 - np.tanh(3 * (exponent + 4)) / 2 + 5 * np.maximum(exponent + 1, 0)
    losses -= 0.001 * exponent
    curve = LRCurve(121, lrs, losses.tolist())
    assert curve.steepest == pytest.approx(1e-4, rel=0.2)
    assert curve.suggestion == pytest.approx(1e-4, rel=0.2)
    assert 1e-3 < curve.lowest < 0.2
    noisy = losses + np.random.default_rng(0).normal(0, 0.05, 121)
    assert LRCurve(121, lrs, noisy.tolist()).steepest == pytest.approx(1e-4, rel=1.0)


def test_a_loss_that_never_falls_suggests_nothing():
    lrs = np.geomspace(1e-6, 1, 50).tolist()
    assert LRCurve(50, lrs, np.linspace(1, 2, 50).tolist()).suggestion is None
    assert LRCurve(50, lrs[:5], [1.0] * 5).suggestion is None
