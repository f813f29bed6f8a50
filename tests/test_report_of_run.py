"""What a run and an evaluation leave behind for their report."""

import csv
import json

import workflow.reporting.report
from in_process import train_in_process
from test_evaluate_command import evaluate_in_process

SHORT = (
    "report=default",
    "gate=pixel",
    "trainer.max_epochs=1",
    "interventions=none",
    "callbacks.preview=null",
)


def read(folder):
    return json.loads((folder / "facts.json").read_text(encoding="utf-8"))


def test_a_run_ends_with_its_report(trained):
    text = (trained / "report.html").read_text(encoding="utf-8")
    assert "test_resnet" in text and "shapes, 2026-01-01_00-00-00" in text
    assert str(trained / "report.html") in (trained / "log.txt").read_text(encoding="utf-8")


def test_the_data_sheet_counts_what_the_table_has(trained, shapes):
    data = read(trained)["data"]
    with shapes.open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    for split in ("train", "val", "test"):
        own = [row for row in rows if row["split"] == split]
        one = data["splits"][split]
        labels = [row["label"] for row in own]
        assert one["images"] == [labels.count("disc"), labels.count("square")]
        assert one["num_groups"] == len({row["group"] for row in own})
        assert one["with_roi"] == 1
    with (trained / "history.csv").open() as file:
        assert read(trained)["best_epoch"] < len(list(csv.DictReader(file)))


def test_looks_at_the_same_test_images_are_counted(trained, outputs, tmp_path):
    before = read(trained)["test"]
    assert before["looks"] >= 1
    words = (f"ckpt={trained}", "trainer.accelerator=cpu", "interventions=none")
    folders = [outputs / "evaluations" / name for name in ("first", "second")]
    for folder in folders:
        evaluate_in_process(folder, *words)
    first, second = (read(folder)["test"] for folder in folders)
    assert first["fingerprint"] == second["fingerprint"] == before["fingerprint"]
    assert second["looks"] == first["looks"] + 1
    text = (folders[1] / "report.html").read_text(encoding="utf-8")
    assert "Evaluation of shapes, 2026-01-01_00-00-00" in text
    assert "When it was trained: The validation split is small" in text
    evaluate_in_process(tmp_path / "val", *words, "split=val")
    assert read(tmp_path / "val")["test"]["fingerprint"] != before["fingerprint"]


def test_a_report_that_fails_costs_no_result(shapes, outputs, tmp_path, monkeypatch):
    def fail(*_):
        raise RuntimeError("no chart today")

    monkeypatch.setattr(workflow.reporting.report, "write_report", fail)
    run = train_in_process(shapes, tmp_path / "run", *SHORT)
    assert json.loads((run / "status.json").read_text())["state"] == "finished"
    assert "test_accuracy" in json.loads((run / "metrics.json").read_text())
    log = (run / "log.txt").read_text(encoding="utf-8")
    assert "The report could not be written (RuntimeError: no chart today)" in log
    assert "Traceback" in log and not (run / "report.html").exists()


def test_a_run_without_a_report_has_its_facts(shapes, outputs, tmp_path):
    run = train_in_process(shapes, tmp_path / "run", "report=none", *SHORT[1:])
    assert not (run / "report.html").exists() and "test" in read(run)


def test_a_run_without_a_test_has_a_report(shapes, outputs, tmp_path):
    run = train_in_process(shapes, tmp_path / "run", *SHORT, "test=false")
    assert "It was not tested" in (run / "report.html").read_text(encoding="utf-8")
    assert "test" not in read(run)


def test_warnings_of_the_run_stand_in_its_report(trained):
    warnings = read(trained)["warnings"]
    assert any("validation split is small" in text for text in warnings)
    assert "The validation split is small" in (trained / "report.html").read_text(encoding="utf-8")
