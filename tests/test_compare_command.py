"""compare.py: from folders to files, an exit status and sentences."""

import csv
import json
import re
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from compared import answer, make_pair, write_run
from front.composition import compose_job, job_problems
from front.conf_tree import ConfTree
from front.outcome import ExitStatus, RequirementNotMet, judge
from in_process import train_in_process
from omegaconf import OmegaConf

ROOT = Path(__file__).parents[1]
PLAIN = {"gate": {"_target_": "lightning_modules.networks.gates.NoGate"}}


@pytest.fixture
def places(tmp_path, monkeypatch):
    """An outputs/ folder of the test's own."""
    from workflow import places as own
    from workflow.comparing import comparison, sources

    for module in (own, comparison, sources):
        monkeypatch.setattr(module, "OUTPUTS", tmp_path / "outputs")
    return tmp_path / "outputs"


@pytest.fixture
def runs(places):
    """A plain and a gated run."""
    worse, better = make_pair()
    folders = [places / "runs" / name / "2026-01-01_00-00-00" for name in ("plain", "gated")]
    write_run(folders[0], worse, config=PLAIN, test_flip_rate=0.4)
    write_run(folders[1], better, test_flip_rate=0.0, test_next_background_accuracy=0.9)
    return folders


def compare_in_process(*overrides):
    """Compare as scripts/compare.py does; returns the folder of the results."""
    from workflow.call import Call
    from workflow.comparing.comparison import OUTPUTS, compare_runs
    from workflow.comparing.request import check_comparison
    from workflow.journal import Journal

    cfg = compose_job("compare", list(overrides), ConfTree()).cfg
    asked = check_comparison(OmegaConf.to_container(cfg, resolve=True))
    try:
        compare_runs(asked, Call(list(overrides), None, None), Journal())
    finally:
        made = sorted((OUTPUTS / "comparisons").glob("*"))
    return made[-1] if made else None


def test_two_runs_by_their_names(runs, capsys):
    folder = compare_in_process("runs=[plain,gated]")
    said = capsys.readouterr().out
    assert "gate=pixel is better than gate=none by " in said
    assert "over 20 groups" in said
    names = {"log.txt", "command.txt", "report.html"}
    names |= {f"comparison.{kind}" for kind in ("md", "csv", "json", "png")}
    assert {path.name for path in folder.iterdir()} == names
    content = json.loads((folder / "comparison.json").read_text(encoding="utf-8"))
    assert [one["name"] for one in content["variants"]] == ["gate=none", "gate=pixel"]
    assert [one["background"] for one in content["variants"]] == [
        {"test_flip_rate": 0.4},
        {"test_flip_rate": 0.0, "test_next_background_accuracy": 0.9},
    ]
    rows = list(csv.DictReader((folder / "comparison.csv").open(encoding="utf-8")))
    assert {row["metric"] for row in rows} >= {"macro_f1", "worst_group_accuracy", "log_loss"}
    assert (folder / "comparison.png").read_bytes().startswith(b"\x89PNG")
    text = (folder / "comparison.md").read_text(encoding="utf-8")
    assert re.search(r"\| gate=none +\| +1 \|.*\| +40.0 \| +- \|", text)
    assert re.search(r"\| gate +\| none +\| pixel +\|", text)


def test_the_report_holds_all_in_itself(runs):
    page = (compare_in_process("runs=[plain,gated]") / "report.html").read_text(encoding="utf-8")
    assert "gate=pixel is better than gate=none by " in page
    assert not re.search(r"(src|href)=\"(?!data:|#)", page)
    assert "<script" not in page
    assert len(page) < 1_000_000


def test_the_same_call_gives_the_same_numbers(runs):
    words = ("runs=[plain,gated]",)
    one, two = (compare_in_process(*words) / "comparison.csv" for _ in range(2))
    assert one != two
    assert one.read_bytes() == two.read_bytes()


def test_a_margin_that_is_not_met_is_exit_status_3_and_all_is_written(runs, places):
    compare_in_process("runs=[plain,gated]", "margin=0.01")
    with pytest.raises(RequirementNotMet) as caught:
        compare_in_process("runs=[gated,plain]", "margin=0.01")
    assert judge(caught.value).status == ExitStatus.NOT_MET
    assert "NOT shown: gate=none may be worse than gate=pixel by 1.0 points" in str(caught.value)
    newest = sorted((places / "comparisons").glob("*"))[-1]
    content = json.loads((newest / "comparison.json").read_text(encoding="utf-8"))
    assert (content["margin"], content["margin_shown"]) == (0.01, False)


@pytest.fixture
def sweep(places):
    """Two gates over three seeds; one run failed, one is under way."""
    rng = np.random.default_rng(0)
    folder = places / "sweeps" / "gates" / "2026-01-01_00-00-00"
    base, _ = make_pair()
    for job, (gate, seed) in enumerate((g, s) for g in ("none", "pixel") for s in range(3)):
        share = 0.7 if gate == "none" else 0.9
        table = replace(base, logits=answer(base.labels, rng.random(240) < share, rng))
        state = {4: "failed", 5: "running"}.get(job, "finished")
        config = PLAIN | {"seed": seed} if gate == "none" else {"seed": seed}
        done = table if state == "finished" else None
        write_run(folder / str(job), done, f"gate={gate} seed={seed}", state, config)
    return folder


def test_a_sweep_is_its_variants_with_seeds_pooled(sweep, capsys):
    folder = compare_in_process("runs=gates")
    said = capsys.readouterr().out
    assert "gate=pixel: 2 of 3 runs of" in said
    assert "4 (failed); 5 (running)" in said
    assert "over 20 groups and 3 and 1 runs" in said
    content = json.loads((folder / "comparison.json").read_text(encoding="utf-8"))
    assert [len(one["runs"]) for one in content["variants"]] == [3, 1]
    assert len(content["variants"][0]["values"]["accuracy"]) == 3
    assert content["tests"][0]["mcnemar"] is None


def test_a_sweep_of_which_one_variant_is_finished_says_what_became_of_the_other(sweep):
    (sweep / "3" / "status.json").write_text('{"state": "stopped", "reason": "SIGTERM"}')
    with pytest.raises(ValueError) as caught:
        compare_in_process("runs=gates")
    assert "runs=gates names 1 model to compare" in str(caught.value)
    assert "gate=pixel: 3 of 3 runs of" in str(caught.value)
    assert "3 (stopped: SIGTERM)" in str(caught.value)


def test_a_sweep_beside_a_run(sweep, runs):
    folder = compare_in_process(f"runs=[{runs[1].as_posix()},{sweep.as_posix()}]")
    content = json.loads((folder / "comparison.json").read_text(encoding="utf-8"))
    names = [one["name"] for one in content["variants"]]
    assert len(set(names)) == 3
    assert names[1] == "gate=none"


def test_the_folds_of_a_sweep_are_one_run(places):
    folder = places / "sweeps" / "folds" / "2026-01-01_00-00-00"
    for job, (place, fold) in enumerate((p, f) for p in range(2) for f in range(2)):
        table, gate = make_pair()[place], ("none", "pixel")[place]
        part = table.only(np.arange(240) % 2 == fold)
        config = (PLAIN if gate == "none" else {}) | {"data": {"slice_by": "site", "fold": fold}}
        write_run(folder / str(job), part, f"gate={gate} data.fold={fold}", config=config)
    found = compare_in_process(f"runs={folder.as_posix()}")
    content = json.loads((found / "comparison.json").read_text(encoding="utf-8"))
    assert content["num_images"] == 240
    expected = [table.correct.mean() for table in make_pair()]
    values = [one["values"]["accuracy"] for one in content["variants"]]
    assert values == [pytest.approx([one]) for one in expected]
    for job in range(4):
        (folder / str(job) / "predictions.csv").rename(folder / str(job) / "val_predictions.csv")
    with pytest.raises(ValueError, match=r"split=val is not for the folds of a cross-validation"):
        compare_in_process(f"runs={folder.as_posix()}", "split=val")


def test_an_evaluation_is_called_by_what_its_model_was_trained_by(runs):
    folders = []
    for run, table in zip(runs, make_pair(), strict=True):
        folder = run / "evaluations" / "2026-01-02_00-00-00"
        write_run(folder, table, config=None)
        config = {"ckpt": str(run / "checkpoints" / "best.ckpt"), "data": {"slice_by": "site"}}
        OmegaConf.save(OmegaConf.create(config), folder / "config.yaml")
        folders.append(folder.as_posix())
    found = compare_in_process(f"runs=[{','.join(folders)}]")
    content = json.loads((found / "comparison.json").read_text(encoding="utf-8"))
    assert [one["name"] for one in content["variants"]] == ["gate=none", "gate=pixel"]
    assert "worst_group_accuracy" in content["variants"][0]["values"]


def test_all_that_is_wrong_with_the_words_comes_together(runs, places):
    (runs[1] / "predictions.csv").unlink()
    with pytest.raises(ValueError) as caught:
        compare_in_process("runs=[plian,gated,some.ckpt]")
    said = str(caught.value)
    assert said.startswith("3 problems in runs=:")
    assert "plian is neither 'latest', a run's name (gated, plain), a sweep's (none yet)" in said
    assert "Did you mean 'plain'?" in said
    assert "some.ckpt is a checkpoint, which holds no results" in said
    assert f"{runs[1]} has no predictions.csv. It was not tested" in said
    assert not (places / "comparisons").exists()


def test_one_model_cannot_be_compared(runs):
    with pytest.raises(ValueError, match=r"runs=plain names 1 model to compare. Name at least two"):
        compare_in_process("runs=plain")


def test_what_is_asked_is_checked_before_anything_is_read():
    with pytest.raises(ValueError) as caught:
        compare_in_process("runs=[a,a]", "metric=f1", "margin=-1", "split=train", "seed=-1")
    said = str(caught.value)
    assert said.startswith("5 problems in what is asked of the comparison:")
    assert "runs names a more than once" in said
    assert "metric is 'f1', expected accuracy, balanced_accuracy, macro_f1" in said
    with pytest.raises(ValueError, match=r"For 2 points write margin=0.02"):
        compare_in_process("runs=[a,b]", "margin=2")
    with pytest.raises(ValueError, match="runs is not set"):
        compare_in_process()


def test_a_run_that_is_not_finished_is_said(runs, capsys):
    (runs[1] / "status.json").write_text('{"state": "running"}')
    compare_in_process("runs=[plain,gated]")
    assert (
        f"{runs[1]} is not finished (running): its answers may change." in capsys.readouterr().out
    )


def test_validation_is_compared_where_the_test_was_not_run(runs):
    with pytest.raises(ValueError, match=r"has no val_predictions.csv"):
        compare_in_process("runs=[plain,gated]", "split=val")
    for run in runs:
        (run / "predictions.csv").rename(run / "val_predictions.csv")
    folder = compare_in_process("runs=[plain,gated]", "split=val")
    content = json.loads((folder / "comparison.json").read_text(encoding="utf-8"))
    assert content["variants"][0]["background"] == {}  # that was measured on the test


def test_a_command_line_with_mistakes_waits_for_nothing_heavy():
    assert job_problems("compare", ["runs=[a,b]", "margin=0.01", "out=x"], ConfTree()) == []
    started = subprocess.run(
        [sys.executable, "-X", "importtime", "scripts/compare.py", "runs=a,b", "margin=-1"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert started.returncode == ExitStatus.MISTAKE
    assert "margin is -1" in started.stderr
    modules = {line.rpartition("|")[2].strip() for line in started.stderr.splitlines()}
    assert "omegaconf" in modules
    assert not modules & {"torch", "lightning", "scipy.stats", "matplotlib"}


def test_runs_as_training_writes_them(trained, shapes, tmp_path):
    plain = train_in_process(shapes, tmp_path / "plain", "gate=none", "data.slice_by=site")
    out = tmp_path / "compared"
    compare_in_process(f"runs=[{plain.as_posix()},{trained.as_posix()}]", f"out={out.as_posix()}")
    content = json.loads((out / "comparison.json").read_text(encoding="utf-8"))
    names = [one["name"] for one in content["variants"]]
    assert names == ["gate=none", "gate=pixel"]
    for folder, variant in zip((plain, trained), content["variants"], strict=True):
        metrics = json.loads((folder / "metrics.json").read_text(encoding="utf-8"))
        for name, (value,) in variant["values"].items():
            if name != "log_loss":  # the loss is not weighed here
                assert value == pytest.approx(metrics[f"test_{name}"], abs=1e-6), name
        assert variant["background"]["test_flip_rate"] == metrics["test_flip_rate"]
