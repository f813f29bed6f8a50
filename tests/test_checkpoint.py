"""A checkpoint opens without running anything and needs nothing but its path."""

import pickle
import shutil
from pathlib import Path

import pytest
import torch
from in_process import train_in_process

from lightning_modules import ROIClassifier
from lightning_modules.build import BUILDABLE, build
from lightning_modules.checkpoint import open_checkpoint

PLAIN = (str, int, float, bool, type(None), torch.Tensor)


def leaves(value):
    if isinstance(value, dict):
        for key, item in value.items():
            assert type(key) in (str, int), key
            yield from leaves(item)
    elif type(value) in (list, tuple):
        for item in value:
            yield from leaves(item)
    else:
        yield value


@pytest.mark.parametrize("name", ["best.ckpt", "last.ckpt"])
def test_it_opens_with_weights_only_and_holds_plain_values(trained, name):
    checkpoint = torch.load(trained / "checkpoints" / name, weights_only=True)
    for leaf in leaves(checkpoint):
        assert isinstance(leaf, PLAIN), type(leaf)


CONF = Path(__file__).parents[1] / "conf"
KINDS = [
    f"{group}={path.stem}"
    for group in ("gate", "average", "optimizer", "scheduler")
    for path in sorted((CONF / group).glob("*.yaml"))
]


@pytest.mark.slow
@pytest.mark.parametrize("word", KINDS)
def test_every_kind_of_run_writes_plain_values_that_load(word, shapes, outputs, tmp_path):
    words = [word, "trainer.max_epochs=1", "trainer.limit_train_batches=2", "test=false"]
    if word == "gate=token":
        words.append("model.backbone=test_vit")
    if word == "gate=two_stage_unsupervised":
        words[0] = "experiment=no_roi"
    folder = train_in_process(shapes, tmp_path / "run", *words)
    for name in ("best.ckpt", "last.ckpt"):
        path = folder / "checkpoints" / name
        for leaf in leaves(torch.load(path, weights_only=True)):
            assert isinstance(leaf, PLAIN), type(leaf)
        ROIClassifier.load_from_checkpoint(path)


def test_it_tells_classes_preprocessing_configuration_and_split(trained):
    checkpoint = open_checkpoint(trained / "checkpoints" / "best.ckpt")
    arguments = checkpoint["hyper_parameters"]
    assert arguments["class_names"] == ["disc", "square"]
    assert arguments["positive_class"] == "square"
    assert arguments["record"]["config"]["model"]["backbone"] == "test_resnet"
    assert len(arguments["record"]["split_fingerprint"]) == 64
    assert checkpoint["roi_classifier"]["preprocessing"]["size"] == [32, 32]
    assert "timm" in checkpoint["roi_classifier"]["versions"]


def test_the_path_alone_rebuilds_the_classifier(trained, tmp_path, monkeypatch):
    elsewhere = shutil.copy(trained / "checkpoints" / "best.ckpt", tmp_path / "model.ckpt")
    monkeypatch.chdir(tmp_path)
    classifier = ROIClassifier.load_from_checkpoint(elsewhere)
    batch = {
        "image": torch.randn(2, 3, 32, 32),
        "roi": torch.ones(2, 1, 32, 32, dtype=torch.bool),
        "has_roi": torch.ones(2, 1, dtype=torch.bool),
    }
    again = ROIClassifier.load_from_checkpoint(elsewhere)
    assert torch.equal(classifier(batch).logits, again(batch).logits)
    assert not classifier.training


def test_a_checkpoint_of_the_first_format_is_read_as_it_was(trained, tmp_path):
    checkpoint = torch.load(trained / "checkpoints" / "best.ckpt", weights_only=True)
    arguments = checkpoint["hyper_parameters"]
    del arguments["extras"], arguments["gate"]["pooling"], arguments["gate"]["remask"]
    checkpoint["roi_classifier"]["format"] = 1
    torch.save(checkpoint, tmp_path / "first.ckpt")
    classifier = ROIClassifier.load_from_checkpoint(tmp_path / "first.ckpt")
    assert classifier.network.gate.pooling == "mean"


def test_weights_that_a_run_started_from_may_be_gone(trained, tmp_path):
    checkpoint = torch.load(trained / "checkpoints" / "best.ckpt", weights_only=True)
    checkpoint["hyper_parameters"]["model"]["pretrained"] = "/nowhere/weights.safetensors"
    torch.save(checkpoint, tmp_path / "moved.ckpt")
    ROIClassifier.load_from_checkpoint(tmp_path / "moved.ckpt")


class Bomb:
    def __reduce__(self):
        return (eval, ("open('exploded', 'w')",))


def test_code_in_a_checkpoint_is_refused_and_not_run(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    torch.save({"state_dict": Bomb()}, tmp_path / "bomb.ckpt")
    (tmp_path / "raw.ckpt").write_bytes(pickle.dumps(Bomb()))
    for name in ("bomb.ckpt", "raw.ckpt"):
        with pytest.raises(ValueError, match="carries code"):
            ROIClassifier.load_from_checkpoint(tmp_path / name)
    assert not (tmp_path / "exploded").exists()


@pytest.mark.parametrize("part", ["gate", "model", "loss"])
@pytest.mark.parametrize("target", ["os.system", "lightning_modules.run_files.write_text", None])
def test_a_checkpoint_cannot_name_foreign_code(trained, tmp_path, part, target):
    checkpoint = torch.load(trained / "checkpoints" / "best.ckpt", weights_only=True)
    checkpoint["hyper_parameters"][part]["_target_"] = target
    torch.save(checkpoint, tmp_path / "foreign.ckpt")
    with pytest.raises(ValueError, match="cannot be built"):
        ROIClassifier.load_from_checkpoint(tmp_path / "foreign.ckpt")


def test_lightnings_instantiator_key_is_not_followed(trained, tmp_path):
    checkpoint = torch.load(trained / "checkpoints" / "best.ckpt", weights_only=True)
    checkpoint["hyper_parameters"]["_instantiator"] = "os.system"
    torch.save(checkpoint, tmp_path / "hooked.ckpt")
    with pytest.raises(ValueError, match="_instantiator"):
        ROIClassifier.load_from_checkpoint(tmp_path / "hooked.ckpt")


def test_a_cut_foreign_missing_or_newer_checkpoint_is_named(trained, tmp_path):
    whole = (trained / "checkpoints" / "best.ckpt").read_bytes()
    (tmp_path / "cut.ckpt").write_bytes(whole[: len(whole) // 2])
    torch.save({"state_dict": {}}, tmp_path / "foreign.ckpt")
    newer = torch.load(trained / "checkpoints" / "best.ckpt", weights_only=True)
    newer["roi_classifier"]["format"] = 99
    torch.save(newer, tmp_path / "newer.ckpt")
    expected = {
        "cut": "was cut",
        "foreign": "another project",
        "newer": "format 99",
        "gone": "no checkpoint",
    }
    for name, message in expected.items():
        with pytest.raises(ValueError, match=message):
            ROIClassifier.load_from_checkpoint(tmp_path / f"{name}.ckpt")


def test_the_closed_list_holds_what_conf_names(tmp_path):
    import yaml

    named = {
        yaml.safe_load(path.read_text())["_target_"]
        for group in ("gate", "extras", "model", "loss", "optimizer", "scheduler", "average")
        for path in (Path(__file__).parents[1] / "conf" / group).glob("*.yaml")
    }
    assert named - {"lightning_modules.networks.gates.auto.choose_gate"} == BUILDABLE


def test_building_needs_a_target():
    with pytest.raises(ValueError, match="None cannot be built"):
        build({"fill": 0})


def test_an_image_alone_is_answered_as_one_without_roi(shapes, outputs, tmp_path):
    words = ["experiment=roi_in_training_only", "trainer.max_epochs=1", "gate.dilate=0"]
    folder = train_in_process(shapes, tmp_path / "run", *words)
    classifier = ROIClassifier.load_from_checkpoint(folder / "checkpoints" / "best.ckpt")
    output = classifier({"image": torch.randn(2, 3, 32, 32)})
    assert output.logits.shape == (2, 2)
