"""Folds of classes, groups and columns of any name, and folds that do not belong together."""

import json
import shutil
from dataclasses import replace

import numpy as np
import pytest
from fold_folders import make_answers, part_folds, pool_in_process, write_folds

from lightning_modules.evaluation.calibration_file import read_calibration
from lightning_modules.evaluation.predictions_file import read_predictions
from lightning_modules.evaluation.scores import ScoreOptions, fit_calibration
from lightning_modules.evaluation.scores.fitting import OUT_OF_FOLD

NAMES = [
    *("a,b", 'say "x"', "line\nbreak", "Über", "prob_x", "x", "x_low", "a=b", "-minus", "<b>x</b>"),
    *("logit_x", "it's", "low", "low_class", "NaN", "1", "${x}", "{a: b}"),
]
GROUPS = np.array([f"p{number}" for number in range(12)])


def make_parts(names, groups=GROUPS, columns=None, num=240):
    rng = np.random.default_rng(1)
    whose = rng.permutation(np.resize(groups, num))
    return part_folds(make_answers(np.arange(num) % len(names), names, whose, columns), 3)


def pooled(folder, parts, *words, **options):
    """The pooled folder of such folds."""
    sweep = write_folds(folder / "sweep", parts, **options)
    pool_in_process(f"folds={sweep.as_posix()}", *words)
    return sweep / "pooled"


def test_names_of_classes_and_groups_come_through(tmp_path):
    parts = make_parts(NAMES, np.array([*GROUPS, *NAMES]), num=360)
    folder = pooled(tmp_path, parts)
    back = read_predictions(folder / "predictions.csv")
    assert list(back.class_names) == NAMES
    assert back.ids == [one for part in parts for one in part.ids]
    assert (back.logits == np.concatenate([part.logits for part in parts])).all()
    assert (back.groups == np.concatenate([part.groups for part in parts])).all()
    metrics = json.loads((folder / "metrics.json").read_text(encoding="utf-8"))
    right = back.predicted == back.labels
    for place, name in enumerate(NAMES):
        key = f"test_recall_{name}" + ("_class" if name in ("x_low", "low", "low_class") else "")
        assert metrics[key] == pytest.approx(right[back.labels == place].mean()), name
    assert read_calibration(folder).class_names == NAMES
    page = (folder / "report.html").read_text(encoding="utf-8")
    assert "<b>x</b>" not in page and "&lt;b&gt;x&lt;/b&gt;" in page


def test_a_mistake_in_the_folds_is_named_and_leaves_no_folder(tmp_path):
    sweep = write_folds(tmp_path / "sweep", make_parts(["x", "y"]))
    kept = (sweep / "1" / "split.csv").read_text()
    for content, said in (("", "is no whole table"), ("id,label\na,b\n", "no column split")):
        (sweep / "1" / "split.csv").write_text(content)
        with pytest.raises(ValueError, match=f"split.csv .*{said}"):
            pool_in_process(f"folds={sweep.as_posix()}")
    (sweep / "1" / "split.csv").write_text(kept)
    with pytest.raises(ValueError, match=r"data\.slice_by=site: .* no such column"):
        pool_in_process(f"folds={sweep.as_posix()}", "data.slice_by=site")
    assert not (sweep / "pooled").exists()
    pool_in_process(f"folds={sweep.as_posix()}", "report=none")
    with pytest.raises(ValueError, match=f"folds={sweep} pools them anew"):
        pool_in_process(f"folds={(sweep / 'pooled').as_posix()}")


def test_columns_of_any_name_are_sliced_by(tmp_path):
    values = np.array(["a, b", "<i>", "", "unknown", "=cmd"])
    columns = {"weight_kg": np.resize(values, 240), "test_fold": np.resize(["mine"], 240)}
    folder = pooled(tmp_path, make_parts(["x", "y"], columns=columns), slice_by="weight_kg")
    found = json.loads((folder / "metrics.json").read_text())["test_groups"]
    assert {f"{one}, weight_kg unknown" for one in "xy"} < found.keys()
    assert sum(one["images"] for one in found.values()) == 240
    assert found["x, weight_kg unknown"]["images"] == 48  # blank ones and those that say so
    back = read_predictions(folder / "predictions.csv")
    assert set(back.columns["test_fold"].tolist()) == {"0", "1", "2"}
    assert set(back.columns["source_test_fold"].tolist()) == {"mine"}
    with pytest.raises(ValueError, match=r"data\.slice_by=site, data\.pair_by=pair: the data of"):
        pool_in_process(f"folds={folder.parent}", "data.slice_by=site", "data.pair_by=pair")


def test_what_is_chosen_out_of_fold_is_chosen_by_all_images_and_scores_none(tmp_path):
    parts = make_parts(["well", "ill"])
    folder = pooled(tmp_path, parts, "scores.operating_point=sensitivity", "scores.at=0.9")
    table = read_predictions(folder / "predictions.csv")
    options = ScoreOptions(operating_point="sensitivity", at=0.9)
    found = read_calibration(folder)
    assert found == fit_calibration(table, "ill", options, OUT_OF_FOLD)
    assert (found.checkpoint, found.chosen_on, found.num_images) == (None, "out_of_fold", 240)
    point, positive = found.operating_point, table.labels == 1
    said = table.probs[:, 1] >= point.threshold
    assert 0.9 <= said[positive].mean() == pytest.approx(point.sensitivity)
    metrics = json.loads((folder / "metrics.json").read_text())
    frozen = ("threshold", "sensitivity", "temperature", "calibrated_ece", "coverage")
    assert not {f"test_{name}" for name in frozen} & metrics.keys()
    log, page = (folder / "log.txt").read_text(), (folder / "report.html").read_text()
    assert "Chosen on 240 out-of-fold images of 12 groups, for a model of the same recipe" in log
    assert f"calibration={folder}" in log and "a sensitivity of at least 90 %" in log
    assert "What was set on out-of-fold images" in page
    assert "No number of this page is computed with it" in page and "On the test" not in page
    # chosen anew by another rule, for the other class
    sweep = folder.parent
    for fold in range(3):
        file = sweep / str(fold) / "config.yaml"
        text = file.read_text().replace("positive_class: null", "positive_class: well")
        file.write_text(text)
    pool_in_process(f"folds={sweep}", "report=none")
    point = read_calibration(folder).operating_point
    assert (point.positive_class, point.rule) == ("well", "youden")


def test_folds_may_lack_a_class_and_all_may_be_of_one(tmp_path):
    first, *others = make_parts(["a", "b"])
    folder = pooled(tmp_path / "one", [first.only(first.labels == 0), *others], "report=none")
    assert read_calibration(folder).num_images < 240
    parts = [part.only(part.labels == 0) for part in (first, *others)]
    for fold in range(3):  # pooled again, what was chosen before is not left there
        shutil.rmtree(folder.parent / str(fold))
    write_folds(folder.parent, parts)
    pool_in_process(f"folds={folder.parent}")
    assert read_calibration(folder) is None
    said = "No temperature and no thresholds were chosen out of fold: all 120 of these images"
    assert said in (folder / "log.txt").read_text()


def test_a_single_fold_is_pooled_and_said_to_be_one(tmp_path):
    sweep = write_folds(tmp_path / "sweep", make_parts(["a", "b"]))
    pool_in_process(f"folds={sweep / '1'}", f"out={tmp_path / 'out'}", "report=none")
    log = (tmp_path / "out" / "log.txt").read_text()
    assert "1 of 3 folds pooled" in log and "folds 0, 2 of 3 (from 0) are missing" in log


def test_a_fold_that_is_there_twice_is_said(tmp_path):
    sweep = write_folds(tmp_path / "sweep", make_parts(["a", "b"]))
    with pytest.raises(ValueError, match=r"folds= names .*0 twice: name it once"):
        pool_in_process(f"folds=[{sweep / '0'},{sweep / '1'},{sweep / '0'}]")
    shutil.copytree(sweep / "0", sweep / "again", copy_function=shutil.copy)
    pool_in_process(f"folds={sweep}", "report=none")
    log = (sweep / "pooled" / "log.txt").read_text()
    assert f"Fold 0 was run more than once: {sweep / 'again'} is the newest and counts" in log
    assert "3 of 3 folds pooled, 240 images" in log


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"class_names": ["b", "a"]}, r"has the classes a, b, and .* has b, a: set data\.classes"),
        ({"columns": {"cam": np.array(["x"])}}, r"other columns .*: only one of them has cam"),
    ],
)
def test_folds_of_other_classes_or_columns_are_refused(tmp_path, change, said):
    first, *others = make_parts(["a", "b"])
    if "columns" in change:
        change = {"columns": {"cam": np.resize(change["columns"]["cam"], len(first))}}
    with pytest.raises(ValueError, match=f"These folds cannot be pooled:\n.*{said}"):
        pooled(tmp_path, [replace(first, **change), *others])
