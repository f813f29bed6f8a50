"""Several sets of images in one go: each as if it were alone, then beside each other."""

import csv
import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from compared import make_table
from front.sets import find_lists, jobs_of_sets, spread_sets
from in_process import evaluate_in_process
from small_data import write_manifest
from test_units import table_of
from workflow import places
from workflow.evaluating import several_sets

from lightning_modules.evaluation.predictions_file import read_predictions
from lightning_modules.evaluation.sets import (
    folder_names,
    part_by,
    pool_sets,
    summarise_sets,
    tabulate_sets,
)
from lightning_modules.evaluation.statistics.wilson import wilson_interval
from lightning_modules.evaluation.table_scores import score_table

ROOT = Path(__file__).parents[1]
QUICK = ("data.num_workers=0", "trainer.accelerator=cpu", "interventions=none")


@pytest.fixture(scope="module")
def hospitals(shapes, tmp_path_factory):
    """Test images of two hospitals whose patients are numbered alike; one has other class names."""
    with shapes.open(encoding="utf-8", newline="") as file:
        rows = [row for row in csv.DictReader(file) if row["split"] == "test"]
    folder, other = tmp_path_factory.mktemp("hospitals"), {"disc": "round", "square": "square"}
    for row in rows:
        row |= {name: str(shapes.parent / row[name]) for name in ("image", "mask")}
    north = write_manifest(folder / "north.csv", rows[:4])
    changed = [row | {"label": other[row["label"]]} for row in rows[2:]]
    return north, write_manifest(folder / "south.csv", changed)


@pytest.mark.parametrize("typed", ["data=[north,b/south.csv]", "data=north,b/south.csv"])
def test_a_list_of_data_is_one_job_a_set(typed):
    spread = spread_sets(["ckpt=run", typed, "data.batch_size=4"])
    assert spread[1:3] == ["data=north", "sets=[north,b/south.csv]"]
    jobs = jobs_of_sets(spread)
    assert jobs["north"] == ["data=north", "ckpt=run", "data.batch_size=4"]
    assert jobs["south"][:2] == ["data=manifest", "data.manifest=b/south.csv"]
    assert jobs["south"][2:] == ["ckpt=run", "data.batch_size=4"]
    assert spread_sets(spread) == spread
    assert spread_sets(["data=manifest"]) == ["data=manifest"]
    assert jobs_of_sets(["data=manifest"]) == {}


def test_a_list_of_choices_of_another_command_is_refused():
    (problem,) = find_lists(["data=[manifest,folder]", "callbacks=[default,mine]"])
    assert "data=[manifest,folder] names several choices, and data takes one" in problem
    assert "--multirun data=manifest,folder" in problem
    assert find_lists(["data=manifest", "data.slice_by=[a,b]"]) == []


def test_a_path_with_a_blank_keeps_its_quotes():
    (job,) = jobs_of_sets(spread_sets(["data=['my data/a b.csv']"])).values()
    assert job == ["data=manifest", "data.manifest='my data/a b.csv'"]


def test_two_sets_of_one_name_are_refused():
    with pytest.raises(ValueError, match="data names a more than once"):
        jobs_of_sets(spread_sets(["data=[a/a.csv,b/a.csv]"]))


def test_two_hospitals_by_one_model(trained, hospitals, tmp_path, monkeypatch):
    from lightning_modules.roi_classifier import ROIClassifier

    north, south = hospitals
    words = [f"ckpt={trained}", *QUICK, "data.allow_outside=true", "data.slice_by=site"]
    words += ["data.class_map={round: disc}", "unit=pair"]
    alone = evaluate_in_process(tmp_path / "s", *words, "data=manifest", f"data.manifest={south}")
    load, loaded = ROIClassifier.load_from_checkpoint, []
    prepare = several_sets.prepare

    def warn(plan, *others):
        several_sets.log.warning("%s is odd.", plan.table.name)
        return prepare(plan, *others)

    monkeypatch.setattr(several_sets, "prepare", warn)
    monkeypatch.setattr(
        ROIClassifier, "load_from_checkpoint", lambda file: loaded.append(file) or load(file)
    )
    out = tmp_path / "out"
    metrics = evaluate_in_process(out, *words, f"data=[{north},{south}]")
    assert len(loaded) == 1
    assert list(metrics["test_sets"]) == ["north", "south"]
    own = json.loads((out / "south" / "metrics.json").read_text())
    assert own == alone
    assert (out / "south" / "predictions.csv").read_bytes() == (
        tmp_path / "s" / "predictions.csv"
    ).read_bytes()
    assert (out / "north" / "unit_predictions.csv").is_file()
    assert metrics["test_images"] == 8
    pooled = read_predictions(out / "predictions.csv")
    assert metrics["test_accuracy"] == pytest.approx(pooled.correct.mean())
    folders = {"north": out / "north", "south": out / "south", "both": out}
    facts = {
        name: json.loads((place / "facts.json").read_text()) for name, place in folders.items()
    }
    odd = {n: [w for w in one["warnings"] if w.endswith("is odd.")] for n, one in facts.items()}
    assert odd["north"] == ["north.csv is odd."] and odd["south"] == ["south.csv is odd."]
    assert odd["both"] == odd["north"] + odd["south"]
    trained_with = [w for w in facts["north"]["warnings"] if w.startswith("When it was trained")]
    assert trained_with and set(trained_with) < set(facts["both"]["warnings"])
    page = (out / "report.html").read_text()
    assert "south.csv is odd." in page and "nobody could check" not in page
    north_group = pooled.groups[pooled.columns["set"] == "north"]
    assert not set(north_group) & set(pooled.groups[pooled.columns["set"] == "south"])
    rows = list(csv.DictReader((out / "sets.csv").open()))
    assert [row["set"] for row in rows] == ["north", "south"]
    assert float(rows[1]["accuracy"]) == pytest.approx(alone["test_accuracy"])
    assert metrics["test_worst_set_accuracy"] == min(float(row["accuracy"]) for row in rows)
    log = (out / "log.txt").read_text()
    assert "accuracy (95 % interval)" in log
    assert log.count("names round, which no image of north.csv") == 1


def test_the_mistakes_of_all_sets_come_together(trained, hospitals, tmp_path):
    north, south = hospitals
    words = [f"ckpt={trained}", *QUICK, "data.allow_outside=true", "unit=patient"]
    with pytest.raises(ValueError) as raised:
        evaluate_in_process(tmp_path / "out", *words, f"data=[{north},{south}]")
    text = str(raised.value)
    assert text.startswith("2 problems in the sets of images:")
    assert "set north: unit=patient: there is no such column" in text
    assert "set south: unit=patient: there is no such column" in text
    with pytest.raises(ValueError, match="1 problem in the sets of images") as raised:
        evaluate_in_process(tmp_path / "out", *words[:-1], f"data=[{north},{south}]")
    text = str(raised.value)
    assert "set south: south.csv has images labelled round" in text
    assert "'data.class_map={round: " in text
    assert not (tmp_path / "out").exists()


def test_a_column_parts_the_images(trained, tmp_path):
    words = [f"ckpt={trained}", "trainer.accelerator=cpu", "interventions=none", "split=all"]
    words += ["data.slice_by=site"]
    out = tmp_path / "out"
    metrics = evaluate_in_process(out, *words, "by=site")
    whole = read_predictions(out / "predictions.csv")
    for site in "ab":
        rows = whole.columns["site"] == site
        part = read_predictions(out / site / "predictions.csv")
        assert part.ids == np.array(whole.ids)[rows].tolist()
        assert metrics["test_sets"][site]["images"] == rows.sum()
        assert metrics["test_sets"][site]["accuracy"] == pytest.approx(whole.correct[rows].mean())
        assert json.loads((out / site / "metrics.json").read_text())["test_images"] == rows.sum()
    with pytest.raises(ValueError, match=r"by=hospital: manifest\.csv has no such column"):
        evaluate_in_process(tmp_path / "none", *words, "by=hospital")


def test_parts_and_pools_are_each_others_reverse():
    whole = table_of(site=["a", "b", "a", "", "b", "b"])
    parts = part_by(whole, "site")
    assert {name: len(part) for name, part in parts.items()} == {"unknown": 1, "a": 2, "b": 3}
    pooled = pool_sets(parts)
    order = [
        pooled.ids.index(f"{site or 'unknown'}/{one}")
        for one, site in zip(whole.ids, whole.columns["site"].tolist(), strict=True)
    ]
    assert (pooled.logits[order] == whole.logits).all()
    assert pooled.groups[order].tolist()[:2] == ["a/p2", "b/p2"]


def test_the_interval_of_the_worst_set_allows_for_its_being_the_worst():
    rows = np.arange(40)
    tables = {
        name: make_table(rows % 2, np.eye(2)[np.where(rows < right, rows % 2, 1 - rows % 2)])
        for name, right in (("a", 36), ("b", 30), ("c", 34), ("d", 38), ("e", 39))
    }
    together = summarise_sets({name: score_table(one) for name, one in tables.items()}, tables)
    ends = [together[f"test_worst_set_accuracy_{end}"] for end in ("low", "high")]
    assert together["test_worst_set"] == "b"
    assert ends == pytest.approx(wilson_interval(30, 40, 0.99))  # of five sets


def test_a_table_of_sets_can_be_read_where_something_is_unknown():
    found = {
        "a": {"test_images": 120, "test_unit": "groups", "test_num_units": 12,
              "test_accuracy": 0.9, "test_accuracy_low": 0.8, "test_accuracy_high": 0.95,
              "test_macro_f1": 0.9, "test_worst_group": "ill, sex f",
              "test_worst_group_accuracy": 0.5},
        "long name": {"test_images": 3, "test_unit": "images", "test_num_units": 3,
                      "test_accuracy": 1 / 3, "test_macro_f1": 0.25},
        "none": {"test_images": 2},
    }  # fmt: skip
    alone = make_table(np.array([0, 0, 1]), np.eye(2)[[0, 1, 0]], np.zeros(3))
    together = summarise_sets(found, {"long name": alone})
    assert together["test_worst_set"] == "long name"
    assert "test_worst_set_accuracy_low" not in together
    lines = tabulate_sets(together["test_sets"])
    assert lines[1].split("  ")[0] == "a"
    assert "90.0 % (80.0 % to 95.0 %)" in lines[1]
    assert "50.0 % (ill, sex f)" in lines[1]
    assert "33.3 % (interval not known)" in lines[2]
    assert len({line.index("0.") for line in lines[1:3] if "0." in line}) <= 2


def test_folders_have_names_that_every_system_can_have():
    assert folder_names(["a/b", "a:b", "A_b", "..", "ok"]) == {
        "a/b": "a_b", "a:b": "a_b_2", "A_b": "A_b_3", "..": "_", "ok": "ok",
    }  # fmt: skip


def test_no_set_takes_the_place_of_a_file_of_the_results_or_has_too_long_a_name():
    made = folder_names(["predictions.csv", "report.html", "examples", "NUL", "é" * 300])
    assert not {"predictions.csv", "report.html", "examples", "NUL"} & set(made.values())
    assert max(len(one.encode()) for one in made.values()) < 250


@pytest.mark.slow
def test_the_command_line_takes_files_of_conf_data_and_names_what_is_wrong(
    trained, hospitals, tmp_path
):
    _, south = hospitals
    (tmp_path / "conf" / "data").mkdir(parents=True)
    (tmp_path / "conf" / "data" / "south.yaml").write_text(
        f"defaults: [manifest, _self_]\nmanifest: {south}\nallow_outside: true\n"
        "class_map: {round: disc}\n"
    )
    command = [sys.executable, str(ROOT / "scripts" / "evaluate.py"), f"ckpt={trained}", *QUICK]
    command += ["--config-dir", str(tmp_path / "conf")]

    def run(*words):
        return subprocess.run(
            [*command, *words], capture_output=True, text=True, check=False,
            env=os.environ | {"OMP_NUM_THREADS": "1"},
        )  # fmt: skip

    wrong = run("data=[soth,south]")
    assert wrong.returncode == 2
    assert "there is no conf/data/soth.yaml. Did you mean 'south'?" in wrong.stderr
    right = run("data=[_as_trained,south]", f"out={tmp_path}/out")
    assert right.returncode == 0, right.stderr
    rows = list(csv.DictReader((tmp_path / "out" / "sets.csv").open()))
    assert [row["set"] for row in rows] == ["own", "south"]


def test_a_set_among_several_counts_as_a_look_at_its_images(tmp_path, monkeypatch):
    monkeypatch.setattr(places, "OUTPUTS", tmp_path)
    for folder in ("evaluations/day/south", "runs/a/day/evaluations/day", "sweeps/a/day/0"):
        (tmp_path / folder).mkdir(parents=True)
        (tmp_path / folder / "facts.json").write_text("{}")
    assert len(list(places.list_results("facts.json"))) == 3
