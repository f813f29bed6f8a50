"""unit= and alarms.*: evaluate.py on patients and on videos."""

import csv

import pytest
from in_process import evaluate_in_process
from small_data import write_manifest

from lightning_modules.evaluation.alarms import AlarmOptions, measure_alarms
from lightning_modules.evaluation.calibration_file import read_calibration
from lightning_modules.evaluation.predictions_file import read_predictions
from lightning_modules.evaluation.requirements.names import find_unknown
from lightning_modules.evaluation.units import to_units


@pytest.fixture(scope="module")
def videos(shapes, tmp_path_factory):
    """The validation and test images as two videos, half a second between frames."""
    with shapes.open(encoding="utf-8", newline="") as file:
        rows = [row for row in csv.DictReader(file) if row["split"] != "train"]
    for place, row in enumerate(rows):
        row |= {name: str(shapes.parent / row[name]) for name in ("image", "mask")}
        row |= {"sequence": row["label"], "time": str(place // 2 / 2), "split": ""}
        row |= {"patient": f"{row['label']}{place // 4}", "frame": str(place // 2)}
    for row in rows:
        del row["split"], row["group"]
    return write_manifest(tmp_path_factory.mktemp("videos") / "videos.csv", rows)


@pytest.fixture
def evaluate(trained, videos, tmp_path):
    def run(*words, manifest=videos, name="out"):
        quick = ["trainer.accelerator=cpu", "interventions=none", "data.num_workers=0"]
        quick += ["data=manifest", f"data.manifest={manifest}", "data.allow_outside=true"]
        out = tmp_path / name
        return evaluate_in_process(out, f"ckpt={trained}", *quick, *words), out

    return run


def test_patients_are_scored_beside_their_images(evaluate):
    metrics, out = evaluate("unit=patient", "aggregate=max", "data.group_from=patient")
    images = read_predictions(out / "predictions.csv")
    units = read_predictions(out / "unit_predictions.csv")
    expected = to_units(images, "patient", "max", "square")
    assert units.ids == expected.ids
    assert (units.logits == expected.logits).all()
    assert metrics["unit_accuracy"] == pytest.approx(expected.correct.mean())
    assert metrics["test_accuracy"] == pytest.approx(images.correct.mean())
    assert metrics["unit"] == "patient"
    assert "By patient (its most suspicious image): right in" in (out / "log.txt").read_text()


def test_videos_are_watched_at_the_frozen_threshold_and_every_number_can_be_required(
    evaluate, trained
):
    metrics, out = evaluate("alarms.frames=2", "data.group_from=sequence", "unit=patient")
    threshold = read_calibration(trained).operating_point.threshold
    table = read_predictions(out / "predictions.csv")
    expected = measure_alarms(table, "square", threshold, AlarmOptions(frames=2))
    assert {k: metrics[f"test_{k}"] for k in expected} == expected
    assert metrics["test_events"] == 1
    numbers = [name for name, value in metrics.items() if isinstance(value, int | float)]
    assert [name for name in numbers if find_unknown(name, ()) is not None] == []
    assert "As an alarm for 'square'" in (out / "log.txt").read_text()


def test_a_threshold_that_was_chosen_for_the_other_class_raises_no_alarm(evaluate):
    metrics, _ = evaluate("data.positive_class=disc", "data.group_from=sequence")
    assert metrics["test_alarm_threshold"] == 0.5


def test_what_cannot_be_measured_is_said_before_the_test(evaluate, videos, rows_of, tmp_path):
    rows = [row | {"time": row["frame"]} for row in rows_of(videos)]
    numbered = write_manifest(tmp_path / "numbered.csv", rows)
    metrics, out = evaluate(manifest=numbered)
    assert "test_false_alarms" not in metrics
    assert "No false alarms per hour: The column 'time' counts" in (out / "log.txt").read_text()
    with pytest.raises(ValueError, match=r"alarms\.frames_per_second"):
        evaluate("alarms.frames=2", manifest=numbered, name="refused")
    assert not (tmp_path / "refused").exists()
    with pytest.raises(ValueError, match="they have no label of their own: a"):
        evaluate("unit=site", name="refused")
    with pytest.raises(ValueError, match="aggregate is 'median', expected mean or max"):
        evaluate("unit=patient", "aggregate=median", name="refused")


def test_alarms_need_videos(trained, tmp_path):
    words = [f"ckpt={trained}", "trainer.accelerator=cpu", "alarms.frames=3"]
    with pytest.raises(ValueError, match="columns 'sequence' and 'time'"):
        evaluate_in_process(tmp_path / "out", *words)
    assert not (tmp_path / "out").exists()
