"""Folds are pooled into one result, in which every image was tested once."""

import csv
import json
import shutil

import numpy as np
import pytest
from fold_folders import pool_in_process
from front.outcome import RequirementNotMet
from in_process import train_in_process
from omegaconf import OmegaConf
from sklearn.metrics import accuracy_score, balanced_accuracy_score, f1_score, roc_auc_score
from small_data import make_shapes
from workflow.evaluating.cross_validation import pool_sweep
from workflow.evaluating.fold_runs import find_cross_validations
from workflow.sweep import write_study

from datamodules.sources import ManifestData
from lightning_modules.evaluation.out_of_fold import Fold, measure_spread
from lightning_modules.evaluation.predictions import PredictionTable
from lightning_modules.evaluation.predictions_file import read_predictions
from lightning_modules.evaluation.requirements.names import find_unknown
from lightning_modules.evaluation.table_scores import score_table
from lightning_modules.run_files import write_csv

FOLDS = ["data.num_folds=3", "gate=pixel", "interventions=none", "data.slice_by=site"]


@pytest.fixture(scope="module")
def made(tmp_path_factory, outputs):
    """A sweep over three folds that nobody changes."""
    folder = tmp_path_factory.mktemp("sweeps") / "shapes" / "2026-01-01_00-00-00"
    manifest = make_shapes(tmp_path_factory.mktemp("data") / "shapes")
    for fold in range(3):
        words = [*FOLDS, f"data.fold={fold}", "trainer.max_epochs=1"]
        run = train_in_process(manifest, folder / str(fold), *words)
        command = (run / "command.txt").read_text().split()
        kept = [word for word in command if not word.startswith("out=")]
        (run / "command.txt").write_text(" ".join(kept))
    (folder / "multirun.yaml").write_text("hydra: {overrides: {task: []}}\n")
    return folder


@pytest.fixture
def sweep(made, tmp_path):
    return shutil.copytree(made, tmp_path / "shapes" / "2026-01-01_00-00-00")


def change(file, old, new):
    text = file.read_text()
    assert old in text
    file.write_text(text.replace(old, new))


def test_every_image_is_in_the_pooled_table_once(sweep):
    said = pool_sweep(sweep)
    table = read_predictions(sweep / "pooled" / "predictions.csv")
    assert len(table) == len(set(table.ids)) == 24
    for fold in range(3):
        own = read_predictions(sweep / str(fold) / "predictions.csv")
        rows = np.flatnonzero(table.columns["test_fold"] == str(fold))
        assert [table.ids[row] for row in rows] == own.ids
        assert (table.logits[rows] == own.logits).all()
    assert "3 of 3 folds pooled, 24 images" in said[0]
    assert pool_sweep(sweep) == []  # done


def test_scores_of_the_pooled_table_are_those_of_scikit_learn(sweep):
    pool_in_process(f"folds={sweep}")
    rows = list(csv.DictReader((sweep / "pooled" / "predictions.csv").open()))
    labels = [row["label"] for row in rows]
    predicted = [row["predicted"] for row in rows]
    metrics = json.loads((sweep / "pooled" / "metrics.json").read_text())
    square = [float(row["prob_square"]) for row in rows]
    area = roc_auc_score([label == "square" for label in labels], square)
    assert metrics["test_accuracy"] == pytest.approx(accuracy_score(labels, predicted))
    assert metrics["test_balanced_accuracy"] == balanced_accuracy_score(labels, predicted)
    assert metrics["test_macro_f1"] == f1_score(labels, predicted, average="macro")
    assert metrics["test_auroc"] == pytest.approx(area)
    assert {"disc, site a", "square, site b"} <= metrics["test_groups"].keys()
    own = [json.loads((sweep / str(n) / "metrics.json").read_text()) for n in range(3)]
    shares = [one["test_accuracy"] for one in own]
    assert metrics["test_accuracy_fold_mean"] == pytest.approx(np.mean(shares))
    assert metrics["test_accuracy_fold_sd"] == pytest.approx(np.std(shares, ddof=1))
    folds = list(csv.DictReader((sweep / "pooled" / "folds.csv").open()))
    assert [float(row["accuracy"]) for row in folds] == pytest.approx(shares)
    numbers = [name for name, value in metrics.items() if isinstance(value, int | float)]
    assert [name for name in numbers if find_unknown(name, ()) is not None] == []
    page = (sweep / "pooled" / "report.html").read_text(encoding="utf-8")
    assert f"{metrics['num_label_errors']} of 24 labels look wrong" in page


def test_a_fold_whose_test_is_of_one_class_is_pooled_as_well():
    def fold(number, labels):
        labels, count = np.array(labels), len(labels)
        table = PredictionTable(
            ids=[f"{number}_{row}" for row in range(count)],
            labels=labels,
            logits=np.random.default_rng(number).normal(size=(count, 2)).astype(np.float32),
            class_names=["a", "b"],
            mask_origin=["none"] * count,
            mask_share=np.ones(count),
            roi_share=np.ones(count),
            columns={},
            groups=np.full(count, str(number)),
        )
        return Fold(number, f"run{number}", table)

    folds = [fold(0, [1] * 6), fold(1, [0, 1] * 4), fold(2, [0, 1, 1, 1])]
    rows, spread = measure_spread(folds, score_table)
    areas = [roc_auc_score(one.table.labels, one.table.probs[:, 1]) for one in folds[1:]]
    assert np.isnan(rows[0]["auroc"])
    assert spread["test_auroc_fold_mean"] == pytest.approx(np.mean(areas))
    assert spread["test_auroc_fold_min"] == pytest.approx(min(areas))


def test_scores_of_a_table_are_those_of_the_run(trained):
    metrics = json.loads((trained / "metrics.json").read_text())
    table = read_predictions(trained / "predictions.csv")
    scores = score_table(table, ["site"], "pair")
    numbers = {name: value for name, value in scores.items() if isinstance(value, int | float)}
    assert len(numbers) > 15
    for name, value in numbers.items():
        expected = pytest.approx(value) if isinstance(value, float) else value
        assert metrics[name] == expected, name


def test_the_table_of_a_sweep_says_where_its_folds_are_pooled(sweep):
    said = write_study(sweep)
    assert f"Pooled: {sweep / 'pooled'}" in said
    assert f"Its report: python scripts/evaluate.py folds={sweep}" in said
    assert "3 of 3 folds pooled, 24 images" in said


def test_a_list_of_doubted_labels_becomes_corrections(sweep):
    pool_sweep(sweep)
    file = sweep / "pooled" / "label_errors.csv"
    rows = list(csv.DictReader(file.open()))
    assert rows  # after an epoch the model knows nothing
    chosen = {row["id"]: row["suggested"] for row in rows[::2]}
    write_csv(file, [row | {"decision": chosen.get(row["id"], "")} for row in rows])
    data = OmegaConf.load(sweep / "0" / "config.yaml").data
    options = ManifestData(manifest=data.manifest, corrections=str(file))
    table = options.read(0)
    now = dict(zip(table.ids.to_pylist(), table.labels.tolist(), strict=True))
    assert {name: table.class_names[now[name]] for name in chosen} == chosen
    assert f"{len(chosen)} labels changed" in table.notes[-1]


def test_what_the_models_were_asked_is_the_mean_over_the_folds(sweep):
    for fold, rate in enumerate((0.1, 0.2, 0.6)):
        file = sweep / str(fold) / "metrics.json"
        file.write_text(json.dumps(json.loads(file.read_text()) | {"test_flip_rate": rate}))
    change(sweep / "1" / "config.yaml", "dilate: 0", "dilate: 2")
    pool_in_process(f"folds={sweep}")
    metrics = json.loads((sweep / "pooled" / "metrics.json").read_text())
    sizes = [len(read_predictions(sweep / str(n) / "predictions.csv")) for n in range(3)]
    assert metrics["test_flip_rate"] == pytest.approx(np.dot(sizes, (0.1, 0.2, 0.6)) / 24)
    assert "test_background_gap" not in metrics
    said = (sweep / "pooled" / "log.txt").read_text()
    assert "The folds differ in gate.dilate (0 and 2)" in said


def test_what_warned_in_the_folds_warns_of_the_pooled_result_once(sweep):
    for fold, num in enumerate((16, 15, 17)):
        file = sweep / str(fold) / "facts.json"
        warnings = [f"{num} images are few."] + ["One is odd."] * (fold == 1)
        file.write_text(json.dumps(json.loads(file.read_text()) | {"warnings": warnings}))
        file = sweep / str(fold) / "metrics.json"
        told = {"mask_only_low": 0.1 * num, "mask_only_warning": True}
        file.write_text(json.dumps(json.loads(file.read_text()) | told))
    pool_in_process(f"folds={sweep}", "report=default")
    facts = json.loads((sweep / "pooled" / "facts.json").read_text())
    assert facts["warnings"][:2] == [
        "When fold 0 was trained (likewise fold 1, 2): 16 images are few.",
        "When fold 1 was trained: One is odd.",
    ]
    assert facts["outline"]["mask_only_low"] == pytest.approx(1.7)
    page = (sweep / "pooled" / "report.html").read_text()
    assert "3 of 3 folds: as many models" in page and "Is it free of warnings? No." in page


def test_folds_that_were_not_tested_are_not_pooled(sweep):
    for fold in range(3):
        (sweep / str(fold) / "predictions.csv").unlink()
    assert pool_sweep(sweep) == []
    with pytest.raises(ValueError, match="No fold of this cross-validation has predictions"):
        pool_in_process(f"folds={sweep}")


def test_a_missing_fold_is_said(sweep):
    shutil.rmtree(sweep / "1")
    (said,) = pool_sweep(sweep)
    assert "Folds 1 of 3" in said
    assert not (sweep / "pooled").exists()
    pool_in_process(f"folds={sweep}")
    metrics = json.loads((sweep / "pooled" / "metrics.json").read_text())
    assert (metrics["missing_folds"], metrics["num_pooled_folds"]) == ([1], 2)
    assert "fold 1 of 3 (from 0) is missing" in (sweep / "pooled" / "log.txt").read_text()


def test_folds_of_other_data_are_refused(sweep):
    change(sweep / "2" / "split.csv", '"square"', '"disc"')
    with pytest.raises(ValueError, match=r"12 images have other labels: images/square_000.png"):
        pool_in_process(f"folds={sweep}")


def test_an_image_that_two_folds_tested_is_named(sweep):
    first = read_predictions(sweep / "0" / "predictions.csv").ids[0]
    second = read_predictions(sweep / "1" / "predictions.csv").ids[0]
    change(sweep / "1" / "predictions.csv", f"{second},", f"{first},")
    with pytest.raises(ValueError, match=f"1 images that are not of its test: {first}"):
        pool_in_process(f"folds={sweep}")
    text = (
        (sweep / "1" / "split.csv").read_text().replace(f'"{first}","train"', f'"{first}","test"')
    )
    (sweep / "1" / "split.csv").write_text(text.replace(f'"{first}","val"', f'"{first}","test"'))
    with pytest.raises(ValueError, match=rf"1 images were tested twice: {first} \(fold 0 and 1\)"):
        pool_in_process(f"folds={sweep}")


def test_runs_of_other_settings_are_no_folds_of_one_another(sweep):
    change(sweep / "2" / "config.yaml", "max_epochs: 1", "max_epochs: 9")
    with pytest.raises(ValueError, match=r"they differ in trainer\.max_epochs"):
        pool_in_process(f"folds=[{sweep / '0'},{sweep / '1'},{sweep / '2'}]")
    pool_in_process(f"folds=[{sweep / '0'},{sweep / '1'}]")
    assert json.loads((sweep / "pooled" / "metrics.json").read_text())["missing_folds"] == [2]


def test_each_variant_of_a_sweep_is_pooled_by_itself(sweep):
    pool_sweep(sweep)
    for fold in range(3):
        other = shutil.copytree(sweep / str(fold), sweep / str(fold + 3))
        change(other / "config.yaml", "seed: 0", "seed: 1")
        change(other / "command.txt", "gate=pixel", "gate=pixel seed=1")
    assert len(find_cross_validations([sweep])) == 2
    said = pool_sweep(sweep)
    assert sum("3 of 3 folds pooled" in one for one in said) == 2
    assert (sweep / "pooled" / "seed=1" / "metrics.json").is_file()
    assert not (sweep / "pooled" / "metrics.json").exists()


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["data=drivers", "slices=glare"], "data, slices cannot go with folds="),
        (["folds=nowhere"], "nowhere: there is no such folder"),
    ],
)
def test_what_cannot_be_pooled_is_refused(sweep, words, message):
    with pytest.raises(ValueError, match=message):
        pool_in_process(*([f"folds={sweep}"] if "folds=nowhere" not in words else []), *words)


def test_the_pooled_result_can_be_required(sweep, tmp_path):
    (tmp_path / "gate.yaml").write_text(
        "num_pooled_folds: {min: 3}\nf1_disc: {min: 0}\nloss: {max: 9}"
    )
    with pytest.raises(
        RequirementNotMet, match=r"1 of 3 .*\n  loss: at most 9 required, it was not"
    ):
        pool_in_process(
            f"folds={sweep}", f"require={tmp_path / 'gate.yaml'}", f"out={tmp_path / 'out'}"
        )
    assert (tmp_path / "out" / "requirements.xml").is_file()
    assert (tmp_path / "out" / "label_errors.csv").is_file()


def test_a_sweep_is_no_checkpoint_and_says_what_it_is(sweep):
    from workflow.places import find_checkpoint

    with pytest.raises(ValueError, match="is a sweep: name one of its runs"):
        find_checkpoint(str(sweep), "best")
