"""init_from=: a new run from the weights of another, and what it has to tell of that."""

import json
import shutil

import numpy as np
import pytest
import torch
from in_process import train_in_process
from small_data import write_manifest

from datamodules.checks.trained_on import TrainedOn, join_sketches
from lightning_modules import ROIClassifier
from lightning_modules.checkpoint import open_checkpoint
from lightning_modules.checkpoint_summary import export_twin
from lightning_modules.warm_start import take_weights

SHORT = ["trainer.max_epochs=1", "optimizer.lr=1e-12", "test=false", "gate=pixel"]


def fresh(source, **changes):
    """A classifier like the one in a checkpoint, with other weights."""
    arguments = open_checkpoint(source)["hyper_parameters"] | changes
    torch.manual_seed(7)
    return ROIClassifier(**arguments)


@pytest.fixture
def best(trained):
    return trained / "checkpoints" / "best.ckpt"


def network(model):
    return {k: v for k, v in model.state_dict().items() if k.startswith("network.")}


def test_the_same_classes_take_every_weight_of_a_checkpoint_or_its_twin(best, tmp_path):
    twin, _ = export_twin(best, tmp_path / "twin.safetensors")
    expected = network(ROIClassifier.load_from_checkpoint(best))
    for source in (best, twin):
        model = fresh(best)
        _, said = take_weights(model, source)
        assert all(torch.equal(value, expected[name]) for name, value in network(model).items())
        assert f"{len(expected)} of {len(expected)} weights" in said[0]


def test_classes_in_another_order_give_each_its_own_score(best):
    model = fresh(best, class_names=["square", "disc"])
    take_weights(model, best)
    image = torch.randn(2, 3, 32, 32)
    expected = ROIClassifier.load_from_checkpoint(best)
    for one in (model.eval(), expected):
        one.network.mask_source.roi_missing = "full"
    with torch.no_grad():
        logits = [one({"image": image}).logits for one in (model, expected)]
    torch.testing.assert_close(logits[0].flip(1), logits[1])


def test_other_classes_start_the_last_layer_anew_and_nothing_else(best):
    model = fresh(best, class_names=["disc", "square", "star"])
    before = {name: value.clone() for name, value in network(model).items()}
    _, said = take_weights(model, best)
    assert any("the classes were disc, square, now they are disc, square, star" in s for s in said)
    same = {name for name, value in network(model).items() if torch.equal(value, before[name])}
    assert {"network.backbone.net.fc.weight", "network.backbone.net.fc.bias"} <= same
    assert "network.backbone.net.conv1.0.weight" not in same


def test_another_gate_names_what_does_not_fit(best):
    gate = {"_target_": "lightning_modules.networks.gates.TwoStageGate"}
    _, said = take_weights(fresh(best, gate=gate), best)
    assert any("start anew" in s and "gate.locator" in s for s in said)


def test_another_backbone_and_weights_that_are_no_numbers_are_refused(best, tmp_path):
    other = {"_target_": "lightning_modules.networks.Backbone", "backbone": "test_efficientnet"}
    with pytest.raises(ValueError, match="has the backbone test_resnet, and this run has test_eff"):
        take_weights(fresh(best, model=other), best)
    checkpoint = torch.load(best, weights_only=True)
    next(iter(checkpoint["state_dict"].values())).fill_(float("nan"))
    torch.save(checkpoint, tmp_path / "nan.ckpt")
    with pytest.raises(ValueError, match="weights are NaN or infinite"):
        take_weights(fresh(best), tmp_path / "nan.ckpt")


def test_a_run_starts_from_the_weights_and_remembers_it_when_resumed(trained, shapes, tmp_path):
    source = shutil.copytree(trained, tmp_path / "source")
    out = train_in_process(shapes, tmp_path / "run", f"init_from={source}", *SHORT)
    checkpoint = open_checkpoint(out / "checkpoints" / "last.ckpt")
    expected = open_checkpoint(source / "checkpoints" / "best.ckpt")["state_dict"]
    name = "network.backbone.net.conv1.0.weight"
    torch.testing.assert_close(checkpoint["state_dict"][name], expected[name], atol=1e-6, rtol=0)
    record = checkpoint["hyper_parameters"]["record"]
    assert record["init_from"]["file"] == str(source / "checkpoints" / "best.ckpt")
    assert len(record["init_from"]["sha256"]) == 64
    shutil.rmtree(source)
    train_in_process(shapes, out, f"resume={out}", "trainer.max_epochs=2", "test=false")
    again = open_checkpoint(out / "checkpoints" / "last.ckpt")["hyper_parameters"]["record"]
    assert again["init_from"] == record["init_from"]
    assert torch.equal(again["trained_on"]["hashes"], record["trained_on"]["hashes"])


@pytest.mark.slow
@pytest.mark.parametrize(
    ("words", "part"), [(["control=true"], "control"), (["trainer.devices=2"], "")]
)
def test_whatever_is_resumed_remembers_the_weights_it_started_from(
    trained, shapes, tmp_path, words, part
):
    source, short = trained / "checkpoints" / "best.ckpt", ["interventions=none", *SHORT]
    out = train_in_process(shapes, tmp_path / "run", f"init_from={source}", *short, *words)
    last = out / part / "checkpoints" / "last.ckpt"
    record = open_checkpoint(last)["hyper_parameters"]["record"]
    train_in_process(shapes, out, f"resume={out}", "trainer.max_epochs=2", "test=false")
    again = open_checkpoint(last)
    assert again["epoch"] == 1
    assert again["hyper_parameters"]["record"]["init_from"] == record["init_from"]


def test_test_images_that_the_weights_have_learned_from_are_said_aloud(
    trained, shapes, tmp_path, rows_of
):
    rows = rows_of(shapes)
    swap = {"train": "test", "test": "train"}
    swapped = [row | {"split": swap.get(row["split"], row["split"])} for row in rows]
    manifest = write_manifest(shapes.parent / "swapped.csv", swapped)
    words = [f"init_from={trained}", "gate=pixel", "trainer.max_epochs=1", "interventions=none"]
    out = train_in_process(manifest, tmp_path / "run", *words)
    assert "12 of 12 TEST images are images that the weights" in (out / "log.txt").read_text()
    assert json.loads((out / "metrics.json").read_text())["num_trained_images"] == 12
    record = open_checkpoint(out / "checkpoints" / "best.ckpt")["hyper_parameters"]["record"]
    assert len(record["trained_on"]["hashes"]) == 18  # its own six and the twelve before


def test_joined_sketches_tell_the_same_share_of_both():
    draw = np.random.default_rng(0)
    first, second = (np.sort(draw.integers(0, 2**63, 1000).astype(np.uint64)) * 2 for _ in "ab")
    whole = join_sketches(*(TrainedOn(x.view(np.int64), 1000, 1.0) for x in (first, second)))
    assert whole.share == 1 and len(whole.hashes) == 2000
    part = join_sketches(
        TrainedOn(first[:100].view(np.int64), 1000, 0.1), TrainedOn(second.view(np.int64), 1000, 1)
    )
    assert part.knows(first).sum() == 100
    assert part.share == pytest.approx(0.1, rel=0.3)
    assert part.knows(second).sum() == (second <= first[99]).sum()


@pytest.mark.parametrize(
    ("word", "message"),
    [
        ("init_from=nobody", "nobody is neither"),
        ("init_from=lates", "Did you mean 'latest'"),
        ("init_from=", "^'' is neither"),
        ("init_from=gone.ckpt", "no checkpoint file"),
    ],
)
def test_a_start_that_is_not_there_is_refused_before_the_data_is_read(
    word, message, outputs, tmp_path
):
    with pytest.raises(ValueError, match=message):
        train_in_process(tmp_path / "no_manifest.csv", tmp_path / "run", word)
    assert not (tmp_path / "run").exists()


def test_another_backbone_is_refused_before_the_data_is_read(trained, tmp_path):
    words = [f"init_from={trained}", "model.backbone=test_vit"]
    with pytest.raises(ValueError, match="backbone test_resnet, and this run has test_vit"):
        train_in_process(tmp_path / "no.csv", tmp_path / "run", *words)
    with pytest.raises(ValueError, match=r"no\.csv"):
        train_in_process(tmp_path / "no.csv", tmp_path / "run", words[0])
