"""Every file under conf composes, passes the check and builds; the list is found on disk."""

import re
from pathlib import Path

import pytest
import timm
from front.composition import compose_job, job_problems
from front.conf_tree import ConfTree
from in_process import train_in_process

from lightning_modules.build import BUILDABLE, build
from lightning_modules.networks.gates import Gate

CONF = Path(__file__).parents[1] / "conf"
FILES = sorted(
    f"{path.parent.relative_to(CONF).as_posix()}={path.stem}"
    for path in CONF.glob("*/*.yaml")
    if not path.name.startswith("_") and path.parent.name != "hydra"
)
EXPERIMENTS = [word for word in FILES if word.startswith("experiment=")]
TRAINING_MODES = [w for w in FILES if w.startswith("debug=") and w != "debug=replay"]
NEEDED = {
    "data=manifest": ["data.manifest=some.csv"],
    "data=folder": ["data.images=some"],
    "data=shards": ["data.shards=some.tar"],
    "data=coco": ["data.annotations=some.json"],
    "data=labelme": ["data.annotations=some"],
    "data=cvat": ["data.annotations=some.xml"],
    "debug=replay": ["debug.batch=some.pt"],
}


@pytest.mark.parametrize("word", FILES)
def test_every_file_composes_and_passes_the_check(word):
    needed = ["data.manifest=some.csv"] if word.startswith("roi=") else NEEDED.get(word, [])
    command = "find_roi" if word.startswith("roi=") else "train"
    assert job_problems(command, [word, *needed], ConfTree()) == []


@pytest.mark.parametrize("word", [w for w in FILES if w.split("=")[0] in ("gate", "loss", "model")])
def test_every_part_builds(word):
    group = word.split("=")[0]
    config = compose_job("train", [word], ConfTree()).cfg[group]
    if config["_target_"] not in BUILDABLE:
        assert word == "gate=auto"
        return
    if config.get("dilate") == "auto":  # decided by the training images
        config["dilate"] = 0
    built = build(dict(config), *([2] if group == "model" else []))
    assert isinstance(built, Gate) or group != "gate"


@pytest.mark.parametrize("word", [w for w in FILES if w.split("=")[0] == "scheduler"])
@pytest.mark.parametrize("optimizer", [w for w in FILES if w.split("=")[0] == "optimizer"])
def test_every_schedule_runs_with_every_optimizer(word, optimizer, shapes, outputs, tmp_path):
    train_in_process(shapes, tmp_path / "run", word, optimizer, "debug=one_batch", "test=false")


@pytest.mark.parametrize("word", [w for w in FILES if w.split("=")[0] == "average"])
def test_every_average_runs_for_a_batch(word, shapes, outputs, tmp_path):
    train_in_process(shapes, tmp_path / "run", word, "debug=one_batch")


@pytest.mark.parametrize("word", EXPERIMENTS)
def test_every_experiment_trains_a_batch(word, shapes, outputs, tmp_path):
    small = "test_resnet" if "drivers" in word else None
    typed = [word, "trainer.fast_dev_run=true", "model.pretrained=false", "data.batch_size=2"]
    if small is None:
        name = compose_job("train", [word], ConfTree()).cfg.model.backbone
        assert timm.is_model(name)
    folder = train_in_process(shapes, tmp_path / "run", *typed)
    assert (folder / "predictions.csv").is_file()


@pytest.mark.parametrize("word", EXPERIMENTS)
def test_an_experiment_is_a_lab_record(word):
    """Its head says what it is, how it is run and what to expect, with a date once measured."""
    text = (CONF / "experiment" / f"{word.split('=')[1]}.yaml").read_text()
    comments = [line for line in text.splitlines() if line.startswith("#")]
    assert comments[0] == "# @package _global_"
    command = re.compile(rf"python scripts/train\.py (--multirun )?{word}")
    assert any(command.search(line) for line in comments)
    assert any("Control:" in line or "With a gate:" in line for line in comments)


@pytest.mark.parametrize("word", TRAINING_MODES)
def test_debug_modes_run(word, shapes, outputs, tmp_path):
    quick = ["trainer.max_epochs=2"] if word == "debug=overfit" else []
    folder = train_in_process(shapes, tmp_path / "run", word, *quick)
    assert (folder / "status.json").is_file()


def test_overfitting_two_batches_drives_the_loss_down(shapes, outputs, tmp_path):
    import csv

    folder = train_in_process(
        shapes, tmp_path / "run", "debug=overfit", "trainer.max_epochs=30", "optimizer.lr=0.003"
    )
    rows = list(csv.DictReader((folder / "history.csv").open()))
    assert float(rows[-1]["train_loss"]) < 0.1 < float(rows[0]["train_loss"])
