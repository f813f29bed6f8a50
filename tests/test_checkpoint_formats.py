"""Checkpoints of every format that was ever written keep loading; tests/keep_checkpoint.py."""

import json
from pathlib import Path

import pytest
import torch
from keep_checkpoint import make_batch

from lightning_modules import ROIClassifier
from lightning_modules.checkpoint import FORMAT, open_checkpoint

FOLDER = Path(__file__).parent / "checkpoints"
FILES = sorted(FOLDER.glob("format_*.ckpt"))


def test_one_of_each_format_is_kept():
    assert [path.stem for path in FILES] == [f"format_{n}" for n in range(1, FORMAT + 1)]


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_it_answers_as_it_did_when_it_was_written(path):
    assert open_checkpoint(path)["roi_classifier"]["format"] == int(path.stem[-1])
    expected = json.loads(path.with_suffix(".json").read_text())["logits"]
    with torch.no_grad():
        logits = ROIClassifier.load_from_checkpoint(path)(make_batch()).logits
    torch.testing.assert_close(logits, torch.tensor(expected), rtol=0, atol=1e-5)


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_a_kept_file_is_small_and_names_no_place_of_the_machine_that_wrote_it(path):
    assert path.stat().st_size < 500_000
    assert str(Path.home()).encode() not in path.read_bytes()
    config = open_checkpoint(path)["hyper_parameters"]["record"]["config"]
    assert config["data"]["manifest"] == "manifest.csv"
