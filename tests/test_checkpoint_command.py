"""checkpoint.py: what is inside, and twins that anything reads."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from keep_checkpoint import make_batch
from safetensors.torch import load_file
from workflow.checkpoints import look_at, show

from lightning_modules import ROIClassifier
from lightning_modules.checkpoint import open_checkpoint

ROOT = Path(__file__).parents[1]
KEPT = ROOT / "tests" / "checkpoints" / "format_2.ckpt"


def type_command(*words):
    command = [sys.executable, str(ROOT / "scripts" / "checkpoint.py"), *map(str, words)]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)


def test_it_tells_what_a_run_has_kept(trained):
    found = look_at(str(trained), "last", export=False, out=None)
    assert found["file"].endswith("last.ckpt")
    assert found["classes"] == ["disc", "square"] and found["positive_class"] == "square"
    assert found["gate"]["name"] == "PixelGate" and found["gate"]["promise"] == "EXACT"
    assert found["backbone"] == "test_resnet" and found["preprocessing"]["size"] == [32, 32]
    assert (found["epoch"], found["global_step"], found["num_training_images"]) == (1, 6, 12)
    assert {"network", "optimizer", "callbacks"} <= set(found["parts"])
    model = ROIClassifier.load_from_checkpoint(found["file"])
    assert found["num_parameters"] == sum(p.numel() for p in model.network.parameters())


def test_the_command_shows_good_files_and_refuses_bad_ones_with_status_2(tmp_path):
    (tmp_path / "cut.ckpt").write_bytes(KEPT.read_bytes()[:5000])
    ended = type_command(KEPT, tmp_path / "cut.ckpt", tmp_path / "gone.ckpt", "nobody_s_run")
    assert ended.returncode == 2
    assert "test_efficientnet" in ended.stdout
    assert len(ended.stderr.strip().splitlines()) == 3
    assert "it was cut or damaged" in ended.stderr and "Traceback" not in ended.stderr


def test_a_file_that_is_no_checkpoint_is_refused_without_torch(tmp_path):
    (tmp_path / "cut.ckpt").write_bytes(KEPT.read_bytes()[:5000])
    code = (
        "import sys; sys.modules['torch'] = None; sys.path.insert(0, 'scripts')\n"
        "sys.path.insert(0, '.'); import checkpoint; sys.exit(checkpoint.main())"
    )
    words = [tmp_path / "cut.ckpt", tmp_path / "gone.ckpt"]
    command = [sys.executable, "-c", code, *words]
    ended = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert ended.returncode == 2
    assert "it was cut or damaged" in ended.stderr and "There is no checkpoint" in ended.stderr


def test_json_is_the_same_for_programs(capsys):
    found = look_at(str(KEPT), "best", export=False, out=None)
    show([found], as_json=True)
    assert json.loads(capsys.readouterr().out) == [found]
    show([found], as_json=False)
    said = capsys.readouterr().out
    assert found["sha256"] in said and found["split_fingerprint"] in said


def test_weights_that_are_not_numbers_are_said(tmp_path, capsys):
    checkpoint = torch.load(KEPT, weights_only=True)
    checkpoint["state_dict"]["network.backbone.net.conv_stem.weight"][0] = float("nan")
    torch.save(checkpoint, tmp_path / "nan.ckpt")
    found = look_at(str(tmp_path / "nan.ckpt"), "best", export=False, out=None)
    assert found["not_finite"] == ["network.backbone.net.conv_stem.weight"]
    show([found], as_json=False)
    assert "NOT NUMBERS" in capsys.readouterr().out


def test_a_twin_is_the_same_model_in_files_that_anything_reads(tmp_path):
    found = look_at(str(KEPT), "best", export=True, out=str(tmp_path / "model.safetensors"))
    weights, about = map(Path, found["twin"])
    assert {path.name for path in tmp_path.iterdir()} == {"model.safetensors", "model.json"}
    written = open_checkpoint(KEPT)
    for name, value in load_file(weights).items():
        assert torch.equal(value, written["state_dict"][name])
    assert json.loads(about.read_text())["hyper_parameters"]["class_names"] == ["disc", "square"]
    again = open_checkpoint(weights)["hyper_parameters"]["record"]["trained_on"]["hashes"]
    before = written["hyper_parameters"]["record"]["trained_on"]["hashes"]
    assert torch.equal(again, before) and again.dtype == before.dtype
    models = [ROIClassifier.load_from_checkpoint(path) for path in (KEPT, weights)]
    assert torch.equal(*(model(make_batch()).logits for model in models))
    assert look_at(str(weights), "best", export=False, out=None)["backbone"] == "test_efficientnet"


@pytest.mark.parametrize("out", ["model.ckpt", "model"])
def test_a_twin_has_its_own_ending(tmp_path, out):
    with pytest.raises(ValueError, match="does not end with"):
        look_at(str(KEPT), "best", export=True, out=str(tmp_path / out))


def test_the_average_is_what_a_twin_holds(tmp_path):
    from lightning_modules.averaging import pick_weights

    state = {"network.w": torch.zeros(2), "average.module.w": torch.ones(2)}
    for begun in (0, 3):
        counted = state | {"average.n_averaged": torch.tensor(begun)}
        assert set(pick_weights(counted)) == {"network.w"}
        assert pick_weights(counted)["network.w"].tolist() == [float(begun > 0)] * 2
