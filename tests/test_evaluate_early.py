"""What an evaluation is asked for and cannot have is named before the model is loaded."""

import sys

import pytest
from front.run import parse_arguments, spread_data
from in_process import evaluate_in_process
from small_data import write_manifest

from lightning_modules.roi_classifier import ROIClassifier


class Loaded(Exception):
    """The model was loaded: all that comes before it was right."""


@pytest.fixture
def evaluate(trained, monkeypatch):
    """Evaluate as far as the model; returns what was refused before, None if nothing was."""

    def load(file):
        raise Loaded

    monkeypatch.setattr(ROIClassifier, "load_from_checkpoint", load)

    def call(*words):
        try:
            evaluate_in_process(None, f"ckpt={trained}", *words)
        except Loaded:
            return None
        except ValueError as error:
            return str(error)
        raise AssertionError("there was no model to load")

    return call


@pytest.fixture
def other(shapes, tmp_path, rows_of):
    """The test images as another table, one under a class name that the model does not know."""
    rows = [row for row in rows_of(shapes) if row["split"] == "test"]
    rows = [row | {n: str(shapes.parent / row[n]) for n in ("image", "mask")} for row in rows]
    rows[0]["label"] = "blurred"
    return write_manifest(tmp_path / "other.csv", rows)


def test_a_column_that_is_not_there_is_named_first(evaluate, shapes):
    assert "by=sitee: manifest.csv has no such column. Columns: image" in evaluate("by=sitee")
    said = evaluate("unit=patient")
    assert "unit=patient: there is no such column. Expected one of image, group" in said
    assert "site" in said
    assert evaluate("by=site") is None
    assert evaluate("unit=pair") is None


def test_corrections_that_are_not_there_are_named_first(evaluate, tmp_path):
    said = evaluate(f"data.corrections={tmp_path / 'none.csv'}")
    assert "data.corrections: there is no file" in said


def test_classes_that_the_model_does_not_know_are_named_first(evaluate, other):
    words = [f"data={other}", "data.allow_outside=true"]
    said = evaluate(*words)
    assert "labelled blurred, and the model knows disc, square" in said
    assert "data.class_map={blurred: <one of the model, or null>}" in said
    assert evaluate(*words, "data.class_map={blurred: null}") is None
    assert evaluate(*words, "data.class_map={blurred: disc}", "by=hospital").startswith("by=hosp")


def test_a_run_that_tells_nothing_is_left_to_its_checkpoint(evaluate, trained, tmp_path):
    alone = tmp_path / "best.ckpt"
    alone.write_bytes((trained / "checkpoints" / "best.ckpt").read_bytes())
    assert evaluate(f"ckpt={alone}", "by=sitee") is None


@pytest.mark.parametrize("typed", ["data=b/other.csv", "data='b/other.csv'", "data=B/other.CSV"])
def test_a_table_is_data_of_every_command(typed, monkeypatch):
    monkeypatch.setattr(sys, "argv", ["train.py", typed, "--cfg", "job"])
    arguments = parse_arguments(sys.argv[1:])
    spread_data(arguments, {"data": "drivers"})
    path = typed.partition("=")[2].strip("'")
    assert arguments.overrides == ["data=manifest", f"data.manifest={path}"]
    assert sys.argv == ["train.py", *arguments.overrides, "--cfg", "job"]


def test_several_tables_in_a_sweep_are_a_job_each(monkeypatch):
    for typed in ("data=a.csv", "data=a.csv,b.csv"):
        monkeypatch.setattr(sys, "argv", ["train.py", "--multirun", typed, "seed=0,1"])
        arguments = parse_arguments(sys.argv[1:])
        spread_data(arguments, {"data": "drivers", "sets": []})
        paths = typed.partition("=")[2]
        expected = ["data=manifest", f"data.manifest={paths}", "seed=0,1"]
        assert arguments.overrides == expected
        assert sys.argv == ["train.py", *expected, "--multirun"]


def test_several_tables_are_sets_where_a_command_takes_several(monkeypatch):
    typed = "data=a.csv,b.csv"
    for defaults, expected in (
        ({"data": "drivers"}, [typed]),
        ({"data": "_as_trained", "sets": []}, ["data=manifest", "data.manifest=a.csv"]),
        ({"runs": []}, [typed]),
    ):
        monkeypatch.setattr(sys, "argv", ["evaluate.py", typed])
        arguments = parse_arguments(sys.argv[1:])
        spread_data(arguments, defaults)
        assert arguments.overrides[:2] == expected
