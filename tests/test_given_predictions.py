"""evaluate.py predictions=: everything from a table of answers, without a model."""

import csv
import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from compared import make_pair, write_run
from front.composition import compose_job
from front.conf_tree import ConfTree
from front.outcome import RequirementNotMet
from sklearn.metrics import accuracy_score, f1_score, log_loss, roc_auc_score
from workflow import places
from workflow.call import Call
from workflow.comparing.comparison import compare_runs
from workflow.comparing.request import check_comparison
from workflow.evaluating import given_home, given_predictions
from workflow.evaluating.given_predictions import evaluate_predictions
from workflow.journal import Journal
from workflow.runs.folders import list_records

from lightning_modules.evaluation.calibration_file import read_calibration, write_calibration
from lightning_modules.evaluation.predictions_file import read_predictions, write_predictions
from lightning_modules.evaluation.scores.fitting import Origin, fit_calibration
from lightning_modules.evaluation.scores.options import ScoreOptions

ROOT = Path(__file__).parents[1]
NUM = 60


@pytest.fixture
def outputs_here(tmp_path, monkeypatch):
    """outputs/ of this test alone."""
    import workflow.comparing.comparison
    import workflow.comparing.sources

    base = tmp_path / "outputs"
    modules = (places, given_home, given_predictions)
    modules += (workflow.comparing.sources, workflow.comparing.comparison)
    for module in modules:
        monkeypatch.setattr(module, "OUTPUTS", base)
    return base


def answers(seed=0, num=NUM):
    """Labels and probabilities of the second class, as Keras' ``predict`` gives them."""
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, 2, num)
    odds = rng.normal(0, 1, num) + 2.5 * (labels - 0.5)
    return labels, (1 / (1 + np.exp(-odds))).astype(np.float32).astype(float)


def write_table(path, labels, probs, **columns):
    """A table as a script with pandas would write it."""
    rows = []
    for row, (label, prob) in enumerate(zip(labels, probs, strict=True)):
        one = {"id": f"i{row}", "label": ("alert", "drowsy")[label]}
        one |= {"prob_alert": 1 - prob, "prob_drowsy": prob}
        rows.append(one | {name: values[row] for name, values in columns.items()})
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    return path


def evaluate(table, *words, out=None):
    """As the command does it; returns the metrics."""
    plain = [] if any(one.startswith("report") for one in words) else ["report=none"]
    typed = [f"predictions={table}", *plain, "scores.resamples=200", *words]
    typed += [] if out is None else [f"out={out}"]
    cfg = compose_job("evaluate", typed, ConfTree()).cfg
    evaluate_predictions(cfg, Call(typed, None, None), Journal())
    return None if out is None else json.loads((out / "metrics.json").read_text())


def test_scores_of_a_keras_model_are_those_of_scikit_learn(tmp_path):
    labels, probs = answers()
    table = write_table(tmp_path / "old.csv", labels, probs)
    metrics = evaluate(table, out=tmp_path / "e")
    said = probs > 0.5
    assert metrics["test_accuracy"] == accuracy_score(labels, said)
    assert metrics["test_macro_f1"] == pytest.approx(f1_score(labels, said, average="macro"))
    assert metrics["test_auroc"] == pytest.approx(roc_auc_score(labels, probs), abs=1e-12)
    assert metrics["test_log_loss"] == pytest.approx(log_loss(labels, probs), abs=1e-6)
    files = {file.name for file in (tmp_path / "e").iterdir()}
    assert {"config.yaml", "command.txt", "log.txt", "predictions.csv", "facts.json"} <= files


def test_slices_units_sites_alarms_and_doubted_labels_come_from_further_columns(tmp_path, capsys):
    labels = np.repeat([0, 1] * 5, 6)
    probs = answers()[1]
    row = np.arange(NUM)
    patients = [f"p{n // 12}" for n in row]
    columns = {"group": patients, "sequence": patients, "clip": [f"c{n // 6}" for n in row]}
    columns |= {"site": ["north" if n % 2 else "" for n in row]}
    columns |= {"time": [f"{n % 12 / 2}" for n in row]}
    table = write_table(tmp_path / "old.csv", labels, probs, **columns)
    words = ["data.slice_by=site", "by=site", "unit=clip", "label_errors=true", "alarms.frames=2"]
    metrics = evaluate(table, *words, out=tmp_path / "e")
    north = row % 2 == 1
    right = (probs > 0.5) == labels
    slices = metrics["test_groups"]
    assert slices["alert, site north"]["accuracy"] == right[north & (labels == 0)].mean()
    assert metrics["test_sets"]["north"]["accuracy"] == right[north].mean()
    by_clip = probs.reshape(-1, 6).mean(axis=1) > 0.5
    assert metrics["unit_accuracy"] == (by_clip == labels[::6]).mean()
    assert metrics["test_num_units"] == 5
    assert metrics["test_events"] == 5
    assert metrics["test_negative_hours"] == pytest.approx(30 * 0.5 / 3600)
    made = {file.name for file in (tmp_path / "e").iterdir()}
    assert {"unit_predictions.csv", "sets.csv", "label_errors.csv", "north", "unknown"} <= made
    assert "had not been trained on these images" in capsys.readouterr().out


def test_a_row_without_an_answer_is_in_no_score(tmp_path):
    labels, probs = answers()
    predicted = ["", *np.where(probs > 0.5, "drowsy", "alert")[1:]]
    table = write_table(tmp_path / "old.csv", labels, probs, predicted=predicted)
    text = table.read_text().splitlines()
    text[1] = f"i0,{text[1].split(',')[1]},,,"
    table.write_text("\n".join(text))
    metrics = evaluate(table, out=tmp_path / "e")
    assert metrics["test_accuracy"] == ((probs > 0.5) == labels)[1:].mean()
    assert metrics["test_answered_share"] == (NUM - 1) / NUM


def test_the_report_says_in_one_sentence_that_nothing_was_asked(tmp_path):
    labels, probs = answers()
    table = write_table(tmp_path / "old.csv", labels, probs)
    evaluate(table, "report=default", "label_errors=true", out=tmp_path / "e")
    page = (tmp_path / "e" / "report.html").read_text()
    assert "could not be written" not in (tmp_path / "e" / "log.txt").read_text()
    assert "Evaluation of old.csv" in page
    assert page.count("so nothing was asked of it") == 1
    for never in ("check_data.py", "What happens when the image is changed", "Learning curves"):
        assert never not in page
    assert "Labels that look wrong" in page
    assert "scripts/train.py" not in page and "--multirun" not in page  # it is not trained here
    assert "What the model was trained on is not known" in page


def test_it_is_found_by_runs_and_compared_with_a_run_on_the_same_images(
    tmp_path, outputs_here, capsys
):
    first, second = make_pair()
    run = write_run(outputs_here / "runs" / "drivers" / "2026-01-01_00-00-00", first)
    rows = zip(second.ids, second.labels, second.probs, second.columns["site"], strict=True)
    # another program writes other columns, in another order of classes and images
    lines = [f"{n},{p[1]:.6f},{p[0]:.6f},{s},{('cat', 'dog')[y]}" for n, y, p, s in rows]
    table = tmp_path / "keras.csv"
    table.write_text("\n".join(["id,prob_dog,prob_cat,site,label", *lines[::-1]]))
    evaluate(table, "data.slice_by=site")
    (made,) = (outputs_here / "evaluations").iterdir()
    (record,) = [one for one in list_records() if one.kind == "evaluation"]
    assert (record.state, record.about["data"]) == ("finished", "keras")
    asked = {"runs": [str(run), record.name], "metric": "accuracy", "margin": None}
    asked |= {"split": "test", "shared": False, "seed": 0, "out": str(tmp_path / "c")}
    capsys.readouterr()
    compare_runs(check_comparison(asked), Call([], None, None), Journal())
    found = json.loads((tmp_path / "c" / "comparison.json").read_text())
    right = [table.correct.mean() for table in (first, second)]
    assert [one["values"]["accuracy"][0] for one in found["variants"]] == pytest.approx(right)
    assert found["variants"][1]["name"] == "predictions=keras"
    assert found["units"] == "groups"  # those of the run: the table has none
    assert made.name in record.name


@pytest.fixture
def run_of(outputs_here):
    """A run with answers to its test and its validation, and the thresholds chosen on these."""
    test, val = make_pair()
    config = {"data": {"_target_": "datamodules.ManifestData", "slice_by": "site", "pair_by": None}}
    run = write_run(outputs_here / "runs" / "r" / "2026-01-01_00-00-00", test, config=config)
    write_predictions(val, run / "val_predictions.csv")
    (run / "facts.json").write_text(json.dumps({"data": {"positive_class": "cat"}}))
    fitted = fit_calibration(val, "cat", ScoreOptions(), Origin("best.ckpt", "0"))
    write_calibration(fitted, run / "checkpoints")
    return run


def test_the_table_of_a_run_brings_its_thresholds_and_slices_and_lies_beside_it(run_of):
    evaluate(run_of / "predictions.csv")
    (made,) = (run_of / "evaluations").iterdir()
    metrics = json.loads((made / "metrics.json").read_text())
    kept = read_calibration(run_of)
    assert (made / "predictions.csv").read_bytes() == (run_of / "predictions.csv").read_bytes()
    assert metrics["test_threshold"] == kept.operating_point.threshold
    assert set(metrics["test_groups"]) == {f"{c}, site {s}" for c in ("cat", "dog") for s in "ab"}
    assert json.loads((made / "facts.json").read_text())["data"]["positive_class"] == "cat"


def test_the_report_of_a_runs_table_points_to_that_of_the_run(run_of, tmp_path):
    evaluate(run_of / "predictions.csv", "report=default", out=tmp_path / "e")
    page = (tmp_path / "e" / "report.html").read_text()
    assert "What the model was trained on stands in the report of its run" in page
    assert "is not known here" not in page


def test_another_rule_chooses_the_threshold_anew_on_validation(run_of, tmp_path):
    words = ["scores.operating_point=cost", "scores.cost_ratio=20"]
    metrics = evaluate(run_of / "predictions.csv", *words, out=tmp_path / "e")
    val = read_predictions(run_of / "val_predictions.csv")
    cat, prob = val.labels == 0, val.probs[:, 0].astype(float)

    def cost(threshold):
        return 20 * (cat & (prob < threshold)).sum() + (~cat & (prob >= threshold)).sum()

    assert cost(metrics["test_threshold"]) == min(cost(one) for one in [*prob, 1.1])
    assert read_calibration(tmp_path / "e").operating_point.at == 20


def test_what_makes_no_sense_is_refused_all_at_once(tmp_path):
    table = write_table(tmp_path / "old.csv", *answers())
    words = ["ckpt=latest", "slices=glare", "split=val", "data.batch_size=4", "seed=1"]
    with pytest.raises(ValueError, match=r"ckpt, slices, split, data\.batch_size, seed cannot go"):
        evaluate(table, *words)
    with pytest.raises(ValueError, match=r"slice_by=camera, by=clinic: .* has no such column"):
        evaluate(table, "by=clinic", "data.slice_by=camera")
    with pytest.raises(ValueError, match=r"scores.cost_ratio=20 chooses .* none are known"):
        evaluate(table, "scores.cost_ratio=20")
    with pytest.raises(ValueError, match="no groups are known"):
        evaluate(table, "unit=group")


def test_no_torch_is_imported(tmp_path):
    table = write_table(tmp_path / "old.csv", *answers())
    words = [str(ROOT / "scripts" / "evaluate.py"), f"predictions={table}", f"out={tmp_path / 'e'}"]
    code = (
        f"import runpy, sys\nsys.path.insert(0, {str(ROOT / 'scripts')!r})\n"
        f"sys.argv = {[*words, 'scores.resamples=200']!r}\n"
        "try:\n    runpy.run_path(sys.argv[0], run_name='__main__')\n"
        "except SystemExit as end:\n    assert not end.code, end.code\n"
        "assert not {'torch', 'lightning', 'timm'} & set(sys.modules)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr + done.stdout
    assert (tmp_path / "e" / "report.html").is_file()


def test_results_of_a_table_can_be_required_and_its_names_hashed(tmp_path):
    labels, probs = answers()
    groups = [f"mrs_smith{n % 6}" for n in range(NUM)]
    table = write_table(tmp_path / "old.csv", labels, probs, group=groups)
    (tmp_path / "gate.yaml").write_text("accuracy: {min: 0.999}\n")
    words = [f"require={tmp_path / 'gate.yaml'}", "report=default", "report.hash_groups=true"]
    with pytest.raises(RequirementNotMet, match="1 of 1 requirements are not met"):
        evaluate(table, *words, out=tmp_path / "e")
    assert (tmp_path / "e" / "requirements.xml").is_file()
    assert "smith" not in (tmp_path / "e" / "report.html").read_text()


def test_thresholds_of_other_models_are_used_where_they_fit(run_of, tmp_path):
    kept = read_calibration(run_of)
    write_calibration(replace(kept, temperature=3.0), tmp_path / "pooled")
    words = [f"calibration={tmp_path / 'pooled'}"]
    metrics = evaluate(run_of / "predictions.csv", *words, out=tmp_path / "e")
    assert metrics["test_temperature"] == 3.0
    with pytest.raises(ValueError, match=r"scores\.at=0\.9 chooses thresholds anew, and calib"):
        evaluate(run_of / "predictions.csv", *words, "scores.at=0.9")
    table = write_table(tmp_path / "old.csv", *answers())
    with pytest.raises(ValueError, match="is for the classes cat, dog"):
        evaluate(table, *words)
