"""The table of a sweep is written from the folders of its runs, whatever became of them."""

import csv
import json
import re
from pathlib import Path

import pytest
from front.composition import compose_job
from front.conf_tree import ConfTree
from front.jobs import jobs_of
from front.outcome import ExitStatus, Outcome
from in_process import train_in_process
from omegaconf import OmegaConf
from workflow import sweep
from workflow.sweep import write_down, write_study

CONF = Path(__file__).parents[1] / "conf"
STUDIES = sorted(path.stem for path in (CONF / "study").glob("*.yaml"))


def write_run(folder, words, state, reason=None, **metrics):
    folder.mkdir(parents=True)
    (folder / "command.txt").write_text(f"python scripts/train.py {words}\n")
    (folder / "status.json").write_text(json.dumps({"state": state, "reason": reason}))
    if metrics:
        (folder / "metrics.json").write_text(json.dumps(metrics))


@pytest.fixture
def swept(tmp_path):
    """A sweep of two gates over two seeds; the last run is under way."""
    folder = tmp_path / "gates" / "2026-01-01_00-00-00"
    write_run(folder / "0", "gate=none seed=0", "finished", test_accuracy=0.5, test_loss=None)
    write_run(folder / "1", "gate=none seed=1", "finished", test_accuracy=0.7)
    write_run(folder / "2", "gate=pixel seed=0", "failed", "OSError: disk full\nat line 3")
    write_run(folder / "3", "gate=pixel seed=1", "running")
    return folder


def test_the_table_has_every_run(swept):
    said = write_study(swept)
    text = (swept / "study.md").read_text(encoding="utf-8")
    assert text.startswith("# gates\n")
    assert re.search(r"gate=none +\| +2 \| 60.0 ± 14.1 \|", text)
    assert re.search(r"gate=pixel +\| 0 of 2 \|", text)
    assert "seed=0: OSError: disk full; seed=1: running |" in text
    assert str(swept / "study.md") in said
    assert str(swept / "study.png") in said
    rows = list(csv.DictReader((swept / "runs.csv").open(encoding="utf-8")))
    assert [row["folder"] for row in rows] == ["0", "1", "2", "3"]
    assert (swept / "study.png").read_bytes().startswith(b"\x89PNG")


def test_a_folder_without_a_run_makes_no_table(tmp_path):
    (tmp_path / "0").mkdir()
    assert write_study(tmp_path) is None
    assert not (tmp_path / "study.md").exists()


def test_runs_may_lie_deeper(tmp_path):
    for gate in ("none", "pixel"):
        write_run(tmp_path / gate / "0", f"gate={gate} seed=0", "finished", test_accuracy=1.0)
        write_run(tmp_path / gate / "0" / "control", "gate=none", "finished", test_accuracy=0.0)
    write_study(tmp_path, depth=2)
    rows = list(csv.DictReader((tmp_path / "study.csv").open(encoding="utf-8")))
    assert [row["test_accuracy_mean"] for row in rows] == ["1.0", "1.0"]


def end_job(monkeypatch, folder, job, words, outcome):
    hydra = {"sweep": {"dir": str(folder), "subdir": job}, "overrides": {"task": words}}
    monkeypatch.setattr(sweep.HydraConfig, "get", lambda: OmegaConf.create(hydra))
    return write_down(outcome)


def test_a_job_that_failed_before_it_wrote_anything_is_not_lost(swept, monkeypatch):
    (swept / "4").mkdir()
    mistake = Outcome(ExitStatus.MISTAKE, "1 of 9 images has no ROI\nComplete it")
    said = end_job(monkeypatch, swept, "4", ["gate=crops", "seed=0"], mistake)
    assert "seed=0: 1 of 9 images has no ROI |" in said
    assert json.loads((swept / "4" / "status.json").read_text())["state"] == "failed"


def test_a_failure_replaces_no_result(swept, monkeypatch):
    mistake = Outcome(ExitStatus.MISTAKE, "out holds a run already")
    for job, state in (("0", "finished"), ("3", "failed")):
        end_job(monkeypatch, swept, job, ["gate=none"], mistake)
        assert json.loads((swept / job / "status.json").read_text())["state"] == state
    assert (swept / "0" / "command.txt").read_text() == "python scripts/train.py gate=none seed=0\n"


def test_the_study_compares_every_variant_that_suits_the_demo():
    jobs = jobs_of("train", ["experiment=gate_study"], ConfTree())
    studies = [word.removeprefix("study=") for job in jobs for word in job if "study=" in word]
    assert sorted(set(studies) | {"token"}) == STUDIES
    assert "token" not in studies  # for a ViT only
    assert len(jobs) == 3 * (len(STUDIES) - 1)
    assert studies[: len(jobs) // 3] == list(dict.fromkeys(studies))  # one seed of all comes first


def test_a_variant_stands_between_experiment_and_debug_mode():
    def compose(*words):
        return compose_job("train", ["study=swap", *words], ConfTree()).cfg

    cfg = compose("experiment=roi_given")
    assert cfg.gate._target_.endswith("NoGate")
    assert cfg.extras.swap == 0.5
    assert cfg.trainer.max_epochs == 6
    assert compose("debug=overfit").test is False
    assert compose("gate=pixel").gate._target_.endswith("PixelGate")


@pytest.mark.parametrize("study", STUDIES)
def test_every_variant_trains_a_batch(study, shapes, outputs, tmp_path):
    vit = ["model.backbone=test_vit", "data.image_size=64"] if study == "token" else []
    folder = train_in_process(
        shapes, tmp_path / "run", f"study={study}", "debug=one_batch", "costs=true", *vit
    )
    metrics = json.loads((folder / "metrics.json").read_text())
    assert {"cost_parameters", "cost_flops", "cost_step_time"} <= metrics.keys()
    assert "Costs beside the plain model: " in (folder / "log.txt").read_text()
