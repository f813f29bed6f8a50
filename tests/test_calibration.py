"""Thresholds and temperature: chosen by a stated rule, frozen in a file, never refitted."""

import json
import re
import shutil
from dataclasses import replace

import numpy as np
import pytest
from in_process import train_in_process
from small_data import write_manifest
from test_evaluate_command import OTHER, evaluate_in_process
from test_scores import QUICK, make_table

from lightning_modules.evaluation.calibration_file import (
    read_calibration,
    write_calibration,
)
from lightning_modules.evaluation.predictions_file import read_predictions
from lightning_modules.evaluation.scores import ScoreOptions, fit_calibration, measure_scores
from lightning_modules.evaluation.scores.fitting import Origin, find_hindrance
from lightning_modules.evaluation.scores.operating_points import choose_operating_point
from lightning_modules.evaluation.scores.risk_coverage import (
    area_under_risk,
    choose_abstention,
    risk_coverage,
)
from lightning_modules.evaluation.sentences import probability, say_calibration
from lightning_modules.evaluation.statistics.wilson import wilson_interval
from lightning_modules.evaluation.threshold_sentences import say_abstention, say_operating_point

ORIGIN = Origin("best.ckpt", "0" * 64)
#               five negatives                 five positives
PROBS = np.array([0.1, 0.2, 0.3, 0.55, 0.7, 0.25, 0.6, 0.8, 0.9, 0.95])
POSITIVE = np.arange(10) >= 5


def figures(threshold):
    """Sensitivity and specificity, counted."""
    said = PROBS >= threshold
    return said[POSITIVE].mean(), (~said)[~POSITIVE].mean()


@pytest.mark.parametrize(
    ("options", "threshold", "sensitivity", "specificity"),
    [
        # 4 of 5 and 4 of 5, nearer to 0.5 than 0.75 (3 of 5 and all)
        ({"operating_point": "youden"}, 0.575, 0.8, 0.8),
        ({"operating_point": "sensitivity", "at": 0.9}, 0.225, 1.0, 0.4),
        ({"operating_point": "specificity", "at": 0.95}, 0.75, 0.6, 1.0),
        # a miss costs ten false alarms: no miss, three alarms; and the other way round
        ({"operating_point": "cost", "cost_ratio": 10}, 0.225, 1.0, 0.4),
        ({"operating_point": "cost", "cost_ratio": 0.1}, 0.75, 0.6, 1.0),
    ],
)
def test_operating_points_by_hand(options, threshold, sensitivity, specificity):
    found = choose_operating_point(POSITIVE, PROBS, "ill", ScoreOptions(**options))
    assert found.threshold == pytest.approx(threshold)
    assert (found.sensitivity, found.specificity) == pytest.approx((sensitivity, specificity))
    assert figures(found.threshold) == pytest.approx((sensitivity, specificity))


@pytest.mark.parametrize("rule", ["youden", "sensitivity", "specificity", "cost"])
def test_what_is_promised_of_a_threshold_is_what_is_counted_at_it(rule):
    rng = np.random.default_rng(0)
    positive = rng.random(500) < 0.3
    # many at exactly 0 and 1, and neighbouring floats, as sure models have
    probs = np.clip(rng.normal(positive, 1.0, 500), 0, 1)
    probs[:50] = np.where(positive[:50], 1.0, np.nextafter(1.0, 0.0))
    found = choose_operating_point(positive, probs, "ill", ScoreOptions(operating_point=rule, at=1))
    said = probs >= found.threshold
    assert found.sensitivity == pytest.approx(said[positive].mean())
    assert found.specificity == pytest.approx((~said)[~positive].mean())


def test_classes_that_do_not_overlap_are_parted_in_the_middle():
    found = choose_operating_point(np.array([False, True]), np.array([0.1, 0.7]), "ill", QUICK)
    assert found.threshold == pytest.approx(0.4)


def test_without_negatives_there_is_no_operating_point():
    assert choose_operating_point(np.ones(3, bool), np.ones(3), "ill", QUICK) is None


def test_risk_and_coverage_by_hand():
    correct = np.array([True, False, True, True])
    coverage, risk, confidence = risk_coverage(correct, np.array([0.9, 0.6, 0.8, 0.6]))
    assert coverage.tolist() == [0.25, 0.5, 1.0]
    assert risk.tolist() == [0, 0, 0.25]
    assert confidence.tolist() == [0.9, 0.8, 0.6]
    assert area_under_risk(coverage, risk) == pytest.approx(0.5 * 0.25)


def test_as_many_answers_are_given_as_the_risk_allows():
    correct = np.array([True, True, False, True, False])
    confidence = np.array([0.9, 0.8, 0.7, 0.65, 0.6])
    chosen = choose_abstention(correct, confidence, 0.25)
    assert (chosen.risk, chosen.coverage) == (0.25, 0.8)
    assert chosen.threshold == pytest.approx(0.625)
    assert choose_abstention(correct, confidence, 0.4).threshold == 0
    never = choose_abstention(~correct, confidence, 0.1)
    assert never.threshold > 1 and never.coverage == 0


def test_a_calibration_is_read_as_it_was_written(tmp_path):
    fitted = fit_calibration(make_table(classes=2), "dog", QUICK, ORIGIN)
    write_calibration(fitted, tmp_path / "checkpoints")
    assert read_calibration(tmp_path) == read_calibration(tmp_path / "checkpoints") == fitted
    assert (fitted.num_images, fitted.num_groups, fitted.chosen_on) == (300, 12, "val")
    assert read_calibration(tmp_path / "elsewhere") is None
    (tmp_path / "checkpoints" / "calibration.json").write_text('{"temperature": 2}')
    with pytest.raises(ValueError, match="no calibration that this project wrote"):
        read_calibration(tmp_path)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("temperature", "hot"),
        ("temperature", 0),
        ("temperature", [1.0]),
        ("chosen_on", "test"),
        ("chosen_on", "out_of_fold"),  # by one checkpoint
        ("checkpoint", None),
        ("num_images", "six"),
        ("num_images", True),
        ("class_names", ["cat", 3]),
        ("operating_point", []),
        ("operating_point", {"threshold": 0.5}),
        ("abstain", {"target_risk": 0, "threshold": float("nan"), "risk": 0, "coverage": 1}),
        ("unheard", 1),
    ],
)
def test_a_calibration_with_a_value_that_cannot_be_is_refused(tmp_path, name, value):
    fitted = fit_calibration(make_table(classes=2), "dog", QUICK, ORIGIN)
    write_calibration(fitted, tmp_path)
    file = tmp_path / "calibration.json"
    file.write_text(json.dumps(json.loads(file.read_text()) | {name: value}))
    with pytest.raises(ValueError, match=r"Remove it to evaluate without"):
        read_calibration(tmp_path)


def test_images_of_one_class_choose_nothing():
    table = make_table(classes=2)
    assert find_hindrance(table) is None
    dogs = table.only(table.labels == 1)
    assert f"all {len(dogs)} of these images are of one class (dog)" in find_hindrance(dogs)
    assert "not numbers" in find_hindrance(replace(table, logits=table.logits * np.nan))
    silent = replace(table, mask_origin=["abstain"] * len(table))
    assert "none of these images has an answer" in find_hindrance(silent)


def test_where_there_is_no_temperature_it_is_said_why():
    right = make_table(classes=2)
    right = replace(right, logits=np.eye(2, dtype=np.float32)[right.labels])
    wrong = replace(right, logits=1 - right.logits)
    for table, why in (
        (right, "No temperature was fitted on validation images: every answer to them was right."),
        (wrong, "the answers to them were no better than guessing."),
    ):
        fitted = fit_calibration(table, "dog", QUICK, ORIGIN)
        assert fitted.temperature is None
        found = measure_scores(table, QUICK, fitted)
        assert "temperature" not in found and "calibrated_ece" not in found
        assert found["threshold"] == fitted.operating_point.threshold
        metrics = {f"test_{name}": value for name, value in found.items()}
        assert say_calibration(metrics, fitted).endswith(why)


def test_a_run_whose_validation_is_of_one_class_says_why_nothing_is_chosen(
    shapes, outputs, rows_of, tmp_path
):
    rows = [row for row in rows_of(shapes) if (row["split"], row["label"]) != ("val", "disc")]
    words = [f"data.root={shapes.parent}", "trainer.max_epochs=1"]
    out = train_in_process(write_manifest(tmp_path / "one.csv", rows), tmp_path / "run", *words)
    assert read_calibration(out) is None
    assert (
        "all 3 of these images are of one class (square), and by" in (out / "log.txt").read_text()
    )
    assert "test_temperature" not in json.loads((out / "metrics.json").read_text())


def test_a_threshold_near_one_is_not_rounded_to_it():
    assert [probability(value) for value in (0.5, 0.99949, 0.99982, 1 - 1e-9, 1.0)] == [
        *("0.5", "0.999", "0.9998", "0.999999999", "1"),
    ]


def test_three_classes_have_a_temperature_and_no_operating_point():
    fitted = fit_calibration(make_table(sharpness=4), None, QUICK, ORIGIN)
    assert fitted.operating_point is None
    found = measure_scores(make_table(seed=1, sharpness=4), QUICK, fitted)
    assert found["temperature"] > 1
    assert found["calibrated_log_loss"] < found["log_loss"]
    assert found["calibrated_ece"] < found["ece"]
    assert "sensitivity" not in found


def test_a_frozen_threshold_is_counted_on_the_test_and_not_moved():
    val, test = make_table(classes=2), make_table(classes=2, seed=1, groups=None)
    fitted = fit_calibration(val, "dog", QUICK, ORIGIN)
    found = measure_scores(test, QUICK, fitted)
    said = test.probs[:, 1] >= fitted.operating_point.threshold
    positive = test.labels == 1
    assert found["threshold"] == fitted.operating_point.threshold
    for name, hits, among in (
        ("sensitivity", said & positive, positive),
        ("specificity", ~said & ~positive, ~positive),
        ("ppv", said & positive, said),
        ("npv", ~said & ~positive, ~said),
    ):
        assert found[name] == pytest.approx(hits.sum() / among.sum()), name
        expected = wilson_interval(int(hits.sum()), int(among.sum()))
        assert (found[f"{name}_low"], found[f"{name}_high"]) == pytest.approx(expected), name
    given = test.probs.max(axis=1) >= fitted.abstain.threshold
    assert found["coverage"] == pytest.approx(given.mean())
    assert found["selective_risk"] == pytest.approx((~test.correct)[given].mean())


def test_a_calibration_of_other_classes_is_refused():
    fitted = fit_calibration(make_table(classes=2), "dog", QUICK, ORIGIN)
    with pytest.raises(ValueError, match="for the classes cat, dog, the table has cat, dog, owl"):
        measure_scores(make_table(classes=3), QUICK, fitted)


def test_the_sentences_say_what_was_measured():
    val = make_table(classes=2, count=600, sharpness=4)
    fitted = fit_calibration(val, "dog", QUICK, ORIGIN)
    found = measure_scores(make_table(classes=2, seed=1, sharpness=4), QUICK, fitted)
    metrics = {f"test_{name}": value for name, value in found.items()}
    said = say_calibration(metrics, fitted)
    assert "too sure of itself" in said and "mends it" in said
    said = say_operating_point(metrics, fitted)
    assert "chosen on 600 validation images of 12 groups for the largest sensitivity" in said
    assert f"it finds {100 * metrics['test_sensitivity']:.1f} %" in said
    said = say_abstention(metrics, fitted)
    assert f"answers {100 * metrics['test_coverage']:.1f} % of the images" in said
    assert say_operating_point(metrics, None) is None
    braced = replace(fitted, operating_point=replace(fitted.operating_point, positive_class="{0}"))
    assert "of the images of '{0}'; it raises" in say_operating_point(metrics, braced)


def test_a_run_keeps_its_validation_table_and_what_was_chosen_by_it(trained):
    val = read_predictions(trained / "val_predictions.csv")
    fitted = read_calibration(trained)
    assert len(val) == fitted.num_images == 6
    assert not set(val.ids) & set(read_predictions(trained / "predictions.csv").ids)
    again = fit_calibration(
        val, "square", ScoreOptions(), Origin(fitted.checkpoint, fitted.checkpoint_hash)
    )
    assert again == fitted
    metrics = json.loads((trained / "metrics.json").read_text())
    assert metrics["val_accuracy"] == pytest.approx(val.correct.mean())
    assert metrics["test_threshold"] == fitted.operating_point.threshold
    assert metrics.get("test_temperature") == fitted.temperature


def test_an_evaluation_uses_the_frozen_calibration_and_says_so(trained, tmp_path, shapes):
    words = [f"ckpt={trained}", "interventions=none", *OTHER, f"data.manifest={shapes}"]
    words += ["split=val", "scores.operating_point=specificity"]
    metrics = evaluate_in_process(tmp_path / "out", *words)
    fitted = read_calibration(trained)
    assert metrics["test_threshold"] == fitted.operating_point.threshold
    assert read_calibration(tmp_path / "out") == fitted
    log = (tmp_path / "out" / "log.txt").read_text()
    assert "nothing is fitted to the images evaluated here" in log


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"temperature": 1e-300}, "temperature is 1e-300"),
        ({"temperature": 10**400}, "temperature is "),
        ({"operating_point": {"threshold": 7}}, "threshold of operating_point is 7"),
        ({"operating_point": {"rule": "guess"}}, "rule is 'guess'"),
        ({"operating_point": {"positive_class": "cow"}}, "positive_class is 'cow'"),
        ({"abstain": {"threshold": -1}}, "threshold of abstain is -1"),
        ({"author": "me"}, "it has author, which is not known"),
    ],
)
def test_values_that_no_fit_gives_are_named(tmp_path, change, said):
    write_calibration(fit_calibration(make_table(classes=2), "dog", QUICK, ORIGIN), tmp_path)
    path = tmp_path / "calibration.json"
    content = json.loads(path.read_text())
    for name, value in change.items():
        content[name] = content[name] | value if isinstance(value, dict) else value
    path.write_text(json.dumps(content))
    with pytest.raises(ValueError, match=re.escape(said)):
        read_calibration(tmp_path)


def test_a_calibration_of_another_state_of_the_checkpoint_is_not_used(trained, tmp_path):
    run = shutil.copytree(trained, tmp_path / "run")
    shutil.copy(run / "checkpoints" / "last.ckpt", run / "checkpoints" / "best.ckpt")
    words = [f"ckpt={run}", "interventions=none", "trainer.accelerator=cpu"]
    path = run / "checkpoints" / "calibration.json"
    content = json.loads(path.read_text())
    path.write_text(json.dumps(content | {"checkpoint_hash": "0" * 64}))
    metrics = evaluate_in_process(tmp_path / "out", *words)
    assert "test_threshold" not in metrics
    assert "is NOT used" in (tmp_path / "out" / "log.txt").read_text()
    path.write_text("{}")
    with pytest.raises(ValueError, match="no calibration that this project wrote"):
        evaluate_in_process(tmp_path / "again", *words)


def test_a_run_that_is_not_tested_is_calibrated_all_the_same(shapes, outputs, tmp_path):
    out = train_in_process(shapes, tmp_path / "run", "test=false", "trainer.max_epochs=1")
    assert read_calibration(out).num_images == 6
    assert (out / "val_predictions.csv").is_file()
    assert not (out / "predictions.csv").exists()


def test_mistakes_in_the_options_are_found_before_any_work(shapes, tmp_path):
    words = ["scores.at=2", "scores.abstain_risk=0"]
    with pytest.raises(ValueError, match=r"scores\.at is 2(.|\n)*scores\.abstain_risk is 0"):
        train_in_process(shapes, tmp_path / "run", *words)


def test_a_temperature_that_makes_a_good_ece_worse_is_not_called_better():
    found = {"ece": 0.011, "mean_confidence": 0.51, "accuracy": 0.5, "temperature": 0.08}
    found |= {
        "confusion_matrix": [[99, 101], [99, 101]],
        "calibrated_ece": 0.456,
        "calibrated_log_loss": 0.64,
        "log_loss": 0.69,
    }
    fitted = fit_calibration(make_table(classes=2), "dog", QUICK, ORIGIN)
    said = say_calibration({f"test_{name}": value for name, value in found.items()}, fitted)
    assert "is not needed (ECE 0.456)" in said and "better" not in said


def test_few_images_are_not_judged_by_a_gap_that_chance_makes():
    def say(sure, low, high, images, **more):
        found = {"ece": 0.12, "mean_confidence": sure, "accuracy": 0.8} | more
        found |= {"intervals": {"accuracy": {"low": low, "high": high}}}
        found |= {"images": images}
        return say_calibration({f"test_{name}": value for name, value in found.items()}, None)

    assert "that fits; 60 images are too few" in say(0.82, 0.7, 0.9, 60)
    assert "that does NOT fit" in say(0.95, 0.7, 0.9, 60)
    assert "may be chance" in say(0.88, 0.7, 0.9, 60)
    assert "may be chance" not in say(0.95, 0.7, 0.9, 60) + say(0.95, 0.7, 0.99, 400)
    assert "too sure of some answers" in say(0.82, 0.7, 0.9, 400)
    # of images without an answer there is no probability
    assert "that fits; 40 images are too few" in say(0.82, 0.7, 0.9, 400, answered_share=0.1)
