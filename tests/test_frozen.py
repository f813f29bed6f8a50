"""calibration=: thresholds that other models have chosen, used on images that are evaluated."""

import csv
import json
import shutil
from dataclasses import replace

import numpy as np
import pytest
from fold_folders import make_answers, part_folds, pool_in_process, write_folds
from front.composition import compose_job
from front.conf_tree import ConfTree
from in_process import evaluate_in_process
from omegaconf import OmegaConf
from small_data import write_manifest
from workflow.call import Call
from workflow.evaluating.request import check_evaluation

from lightning_modules.evaluation.calibration_file import read_calibration, write_calibration
from lightning_modules.evaluation.predictions_file import read_predictions

QUICK = ["trainer.accelerator=cpu", "interventions=none", "data.num_workers=0"]


@pytest.fixture(scope="module")
def pooled(tmp_path_factory):
    """A cross-validation of the classes of the shapes, pooled."""
    groups = np.repeat([f"p{number}" for number in range(12)], 20)
    table = make_answers(np.arange(240) % 2, ["disc", "square"], groups)
    sweep = write_folds(tmp_path_factory.mktemp("sweeps") / "cells", part_folds(table, 3))
    pool_in_process(f"folds={sweep.as_posix()}", "report=none")
    return sweep / "pooled"


@pytest.fixture(scope="module")
def sites(shapes, tmp_path_factory):
    """Images of two sites as videos, each in a table of its own."""
    with shapes.open(encoding="utf-8", newline="") as file:
        rows = [row for row in csv.DictReader(file) if row["split"] != "train"]
    for place, row in enumerate(rows):
        row |= {name: str(shapes.parent / row[name]) for name in ("image", "mask")}
        row |= {"sequence": row["label"], "time": str(place // 2 / 2)}
        del row["split"], row["group"]
    folder = tmp_path_factory.mktemp("sites")
    for site in "ab":
        own = [row for row in rows if row["site"] == site]
        write_manifest(folder / f"{site}.csv", own)
    return write_manifest(folder / "both.csv", rows)


def check(*words):
    """What is found before torch is imported."""
    cfg = compose_job("evaluate", list(words), ConfTree()).cfg
    check_evaluation(OmegaConf.to_container(cfg, resolve=True), Call(list(words), None, None))


def counted(folder, calibration):
    """Sensitivity, coverage and log loss of a folder's answers, counted anew."""
    table, point = read_predictions(folder / "predictions.csv"), calibration.operating_point
    said = table.probs[:, 1] >= point.threshold
    given = table.probs.max(axis=1) >= calibration.abstain.threshold
    scaled = np.exp(table.logits.astype(float) / calibration.temperature)
    probs = scaled / scaled.sum(axis=1, keepdims=True)
    loss = -np.log(probs[np.arange(len(table)), table.labels]).mean()
    return said[table.labels == 1].mean(), given.mean(), loss


def test_what_a_cross_validation_chose_is_used_and_said(trained, pooled, sites, tmp_path):
    chosen, out = read_calibration(pooled), tmp_path / "out"
    words = ["data=manifest", f"data.manifest={sites}", "data.allow_outside=true"]
    words += [f"calibration={pooled}", "by=site", "data.group_from=sequence"]
    words += ["unit=image", "alarms.frames=1", "report=default"]
    metrics = evaluate_in_process(out, f"ckpt={trained}", *QUICK, *words)
    assert metrics["test_threshold"] == chosen.operating_point.threshold
    assert metrics["test_threshold"] != read_calibration(trained).operating_point.threshold
    assert metrics["test_alarm_threshold"] == chosen.operating_point.threshold
    for folder in (out, out / "a", out / "b"):
        own = json.loads((folder / "metrics.json").read_text())
        names = ("test_sensitivity", "test_coverage", "test_calibrated_log_loss")
        assert [own[name] for name in names] == pytest.approx(counted(folder, chosen), rel=1e-5)
    log = (out / "log.txt").read_text()
    assert "chosen on 240 out-of-fold images of 12 groups by the models of a cross-val" in log
    assert "not for this very checkpoint: they suit it if it is a model of the same recipe" in log
    assert "nothing is fitted to the images evaluated here" in log
    assert "(chosen on 240 out-of-fold images of 12 groups for the largest sensitivity" in log
    page = (out / "report.html").read_text()
    assert "What was set on out-of-fold images" in page
    assert "It was not chosen by the model of this page" in page
    assert "Chosen on 240 out-of-fold images of 12 groups (calibration.json)" in page
    assert OmegaConf.load(out / "config.yaml").calibration == str(pooled / "calibration.json")
    assert read_calibration(out) == chosen


def test_several_sets_are_scored_at_the_same_thresholds(trained, pooled, sites, tmp_path):
    chosen, out = read_calibration(pooled), tmp_path / "out"
    both = f"data=[{sites.parent / 'a.csv'},{sites.parent / 'b.csv'}]"
    words = [both, "data.allow_outside=true", f"calibration={pooled / 'calibration.json'}"]
    evaluate_in_process(out, f"ckpt={trained}", *QUICK, *words, "report=none")
    for folder in (out, out / "a", out / "b"):
        own = json.loads((folder / "metrics.json").read_text())
        assert own["test_sensitivity"] == pytest.approx(counted(folder, chosen)[0])
        assert read_calibration(folder) == chosen


def test_its_own_file_by_its_name_is_its_own(trained, tmp_path):
    words = [f"ckpt={trained}", *QUICK, "report=none"]
    evaluate_in_process(tmp_path / "out", *words, f"calibration={trained}")
    log = (tmp_path / "out" / "log.txt").read_text()
    assert "chosen on 6 validation images of 3 groups; nothing is fitted" in log
    assert OmegaConf.load(tmp_path / "out" / "config.yaml").calibration is None
    other = shutil.copytree(trained, tmp_path / "other") / "checkpoints"
    changed = replace(read_calibration(other), checkpoint_hash="0" * 64)
    write_calibration(changed, other)
    evaluate_in_process(tmp_path / "again", *words, f"calibration={tmp_path / 'other'}")
    log = (tmp_path / "again" / "log.txt").read_text()
    assert "by another checkpoint (best.ckpt), and not for this very checkpoint" in log
    assert "may be among those, which would flatter them" in log


def test_one_that_lies_beside_a_checkpoint_and_is_not_its_own_is_not_used(
    trained, pooled, tmp_path
):
    run = shutil.copytree(trained, tmp_path / "run")
    shutil.copy(pooled / "calibration.json", run / "checkpoints")
    metrics = evaluate_in_process(tmp_path / "out", f"ckpt={run}", *QUICK, "report=none")
    assert "test_threshold" not in metrics
    log = (tmp_path / "out" / "log.txt").read_text()
    assert "chosen for another model of the same recipe, by a cross-validation, and is NOT" in log


def test_wrong_places_are_refused_before_torch(trained, pooled, tmp_path):
    own = f"ckpt={trained}"
    for place in ("nowhere", "''", "0.5", "nowhere/calibration.json"):
        with pytest.raises(ValueError, match=r"no such file or folder\. Expected a cal"):
            check(own, f"calibration={place}")
    with pytest.raises(ValueError, match="is another kind of file"):
        check(own, f"calibration={trained / 'checkpoints' / 'best.ckpt'}")
    with pytest.raises(ValueError, match=rf"has no calibration.json. Below it .*={pooled}"):
        check(own, f"calibration={pooled.parent}")
    (tmp_path / "empty").mkdir()
    with pytest.raises(ValueError, match=r"images are all of one class none is written"):
        check(own, f"calibration={tmp_path / 'empty'}")
    with pytest.raises(ValueError, match=r"no calibration that .*Name a calibration.json as"):
        check(own, f"calibration={trained / 'status.json'}")
    with pytest.raises(ValueError, match="calibration= goes with a checkpoint of this project"):
        check(f"calibration={pooled}", "backbone=resnet18", "classes=[a,b]", "data=folder")
    with pytest.raises(ValueError, match="calibration cannot go with folds="):
        pool_in_process(f"folds={pooled.parent}", f"calibration={pooled}")
    check(own, f"calibration={pooled}")


@pytest.mark.parametrize(
    ("names", "said"),
    [
        (["square", "disc"], "the same in another order, so its models numbered them otherwise"),
        (["disc", "ring"], "so it was chosen for other answers"),
        (["disc", "ring", "square"], "so it was chosen for other answers"),
    ],
)
def test_other_classes_are_refused(trained, pooled, tmp_path, names, said):
    other = replace(read_calibration(pooled), class_names=names, operating_point=None)
    write_calibration(other, tmp_path / "other")
    words = [f"ckpt={trained}", f"calibration={tmp_path / 'other'}"]
    own = f"is for the classes {', '.join(names)}, and .*best.ckpt has disc, square: {said}"
    with pytest.raises(ValueError, match=own):
        check(*words)
    # a checkpoint that was copied tells its classes only when it is opened
    copied = shutil.copy(trained / "checkpoints" / "best.ckpt", tmp_path / "best.ckpt")
    check(f"ckpt={copied}", words[1])
    with pytest.raises(ValueError, match=own):
        evaluate_in_process(tmp_path / "out", f"ckpt={copied}", words[1], *QUICK)
    assert not (tmp_path / "out").exists()
