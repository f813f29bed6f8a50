"""evaluate.py: any checkpoint, on its own test images or on others."""

import csv
import json
import shutil

import numpy as np
import pytest
import torch
from in_process import evaluate_in_process, train_in_process
from omegaconf import OmegaConf
from PIL import Image
from safetensors.torch import save_file
from small_data import make_shapes, write_manifest

OTHER = ["data=manifest", "data.num_workers=0", "trainer.accelerator=cpu"]


@pytest.fixture(scope="module")
def plain_weights(trained, tmp_path_factory):
    """The backbone of a run as timm saves it, by itself."""
    checkpoint = torch.load(trained / "checkpoints" / "best.ckpt", weights_only=True)
    head = "network.backbone.net."
    weights = {
        name.removeprefix(head): value.contiguous()
        for name, value in checkpoint["state_dict"].items()
        if name.startswith(head)
    }
    file = tmp_path_factory.mktemp("weights") / "weights.safetensors"
    save_file(weights, file)
    return file, weights


def test_a_run_is_what_it_was_at_its_own_test(trained, tmp_path):
    before = json.loads((trained / "metrics.json").read_text())
    metrics = evaluate_in_process(tmp_path / "out", f"ckpt={trained}", "trainer.accelerator=cpu")
    for name in ("test_accuracy", "test_loss", "test_worst_group_accuracy", "test_flip_rate"):
        assert metrics[name] == pytest.approx(before[name], abs=1e-6), name
    own = (trained / "predictions.csv").read_text()
    assert (tmp_path / "out" / "predictions.csv").read_text() == own
    for file in ("log.txt", "config.yaml", "command.txt"):
        assert (tmp_path / "out" / file).is_file()


def test_the_twin_of_a_checkpoint_is_evaluated_as_it_is(trained, tmp_path):
    from lightning_modules.checkpoint_summary import export_twin

    run = shutil.copytree(trained, tmp_path / "run")
    kept = run / "checkpoints"
    twin, _ = export_twin(kept / "best.ckpt", kept / "best.safetensors")
    evaluate_in_process(tmp_path / "out", f"ckpt={twin}", "interventions=none")
    own = (trained / "predictions.csv").read_text()
    assert (tmp_path / "out" / "predictions.csv").read_text() == own


def test_the_cache_of_a_run_may_be_another_where_it_is_evaluated(trained, tmp_path):
    words = [f"ckpt={trained}", "trainer.accelerator=cpu", f"data.cache={tmp_path / 'cache'}"]
    evaluate_in_process(tmp_path / "out", *words)
    assert list((tmp_path / "cache").glob("*/records"))


def test_results_go_below_the_run(trained, tmp_path):
    run = shutil.copytree(trained, tmp_path / "run")
    evaluate_in_process(None, f"ckpt={run}", "interventions=none")
    (metrics,) = (run / "evaluations").glob("*/metrics.json")
    assert "test_flip_rate" not in json.loads(metrics.read_text())


def test_all_images_of_other_data_are_evaluated_where_no_split_is_given(trained, tmp_path, rows_of):
    manifest = make_shapes(tmp_path / "other", per_class=5, seed=1)
    rows = [{k: v for k, v in row.items() if k != "split"} for row in rows_of(manifest)]
    write_manifest(manifest, [row for row in rows if row["label"] == "disc"])
    metrics = evaluate_in_process(
        tmp_path / "out", f"ckpt={trained}", *OTHER, f"data.manifest={manifest}"
    )
    assert metrics["test_images"] == 5
    predictions = list(csv.DictReader((tmp_path / "out" / "predictions.csv").open()))
    assert {row["label"] for row in predictions} == {"disc"}
    assert "prob_square" in predictions[0]


def test_weights_of_timm_are_audited(trained, plain_weights, shapes, tmp_path):
    file, weights = plain_weights
    torch.save({"state_dict": {f"model.{k}": v for k, v in weights.items()}}, tmp_path / "w.pth")
    results = [
        evaluate_in_process(
            tmp_path / f"out{number}",
            f"ckpt={one}",
            "backbone=test_resnet",
            "classes=[disc,square]",
            *OTHER,
            f"data.manifest={shapes}",
            "data.image_size=32",
        )
        for number, one in enumerate((file, tmp_path / "w.pth"))
    ]
    assert results[0]["test_loss"] == results[1]["test_loss"]
    assert results[0]["gate_promise"] == "none"
    assert 0 <= results[0]["test_flip_rate"] <= 1
    assert {row["name"] for row in results[0]["test_interventions"]} > {"no_roi", "constant"}


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["ckpt=nowhere"], "nowhere is neither"),
        (["ckpt={run}", "split=tests"], "split is 'tests', expected train, val, test, all"),
        (["ckpt={run}", "classes=[a,b]"], "knows its own"),
        (["ckpt={run}", "seed=-1"], "seed is -1"),
        (
            ["ckpt={run}", "trainer.devices=2", "trainer.limit_test_batches=1"],
            "limit_test_batches needs one device",
        ),
        (["ckpt={run}", "trainer.limit_test_batches=0"], "nothing would be evaluated"),
        (["ckpt={run}", *OTHER, "{shapes}", "data.image_size=64"], "data.image_size cannot be"),
        (["ckpt={run}", "+gate=pixel"], "gate cannot be chosen"),
        (
            [
                "ckpt={run}/checkpoints/best.ckpt",
                "backbone=test_resnet",
                "classes=[disc,square]",
                *OTHER,
                "{shapes}",
            ],
            "a checkpoint of this project",
        ),
        (
            ["ckpt={weights}", "backbone=test_resnext", "classes=[a,b]", *OTHER, "{shapes}"],
            "labelled disc, square",
        ),
        (
            [
                "ckpt={weights}",
                "backbone=test_resnext",
                "classes=[disc,square]",
                *OTHER,
                "{shapes}",
            ],
            "^backbone=test_resnext is not a model of timm",
        ),
        (
            ["ckpt={weights}", "backbone=test_resnet", "classes=[disc,disc]", *OTHER, "{shapes}"],
            "names each class once",
        ),
        (["ckpt={weights}", "backbone=test_resnet"], "They need ckpt=<file>, data=... and classes"),
        (
            ["ckpt={weights}", "backbone=test_vit", "classes=[disc,square]", *OTHER, "{shapes}"],
            "does not hold the weights of test_vit with 2 classes",
        ),
        (
            ["ckpt={weights}", "backbone=test_resnet", "classes=[disc,cube]", *OTHER, "{shapes}"],
            "labelled square, and the model knows disc, cube",
        ),
    ],
)
def test_mistakes_are_named(words, message, trained, plain_weights, shapes, tmp_path):
    places = {"run": trained, "weights": plain_weights[0], "shapes": f"data.manifest={shapes}"}
    with pytest.raises(ValueError, match=message):
        evaluate_in_process(tmp_path / "out", *(word.format(**places) for word in words))
    assert not (tmp_path / "out" / "metrics.json").exists()


def test_all_mistakes_are_named_at_once_and_before_the_model_is_read(trained, tmp_path):
    wrong = ["split=tests", "aggregate=median", "slices=glar", "report.num_examples=-1"]
    wrong += ["interventions.rounds=0", "alarms.frames=0", "scores.at=2", "scores.resamples=1"]
    (tmp_path / "empty.ckpt").write_bytes(b"")
    with pytest.raises(ValueError, match=r"^8 problems in the configuration") as caught:
        evaluate_in_process(tmp_path / "out", f"ckpt={tmp_path / 'empty.ckpt'}", *wrong)
    for word in wrong:
        assert word.partition("=")[0] in str(caught.value)
    assert not (tmp_path / "out").exists()


def test_options_of_the_test_and_the_report_are_checked_before_training(shapes, tmp_path):
    wrong = ["report.num_examples=-1", "interventions.donors=1"]
    with pytest.raises(ValueError, match=r"(?s)interventions.donors is 1.*num_examples is -1"):
        train_in_process(shapes, tmp_path / "out", *wrong)
    assert not (tmp_path / "out").exists()


def test_a_split_that_has_changed_is_not_called_a_test(trained, shapes, tmp_path, rows_of):
    other = {"val": "test", "test": "val", "train": "train"}
    moved = [row | {"split": other[row["split"]]} for row in rows_of(shapes)]
    for row in moved:
        for column in ("image", "mask"):
            row[column] = str(shapes.parent / row[column])
    manifest = write_manifest(tmp_path / "manifest.csv", moved)
    checkpoint = torch.load(trained / "checkpoints" / "best.ckpt", weights_only=True)
    record = checkpoint["hyper_parameters"]["record"]
    record["config"]["data"] |= {"manifest": str(manifest), "root": "/", "allow_outside": True}
    torch.save(checkpoint, tmp_path / "changed.ckpt")
    with pytest.raises(ValueError, match="has changed since it was trained"):
        evaluate_in_process(tmp_path / "out", f"ckpt={tmp_path / 'changed.ckpt'}")


def test_a_folder_that_holds_anything_of_a_run_is_not_written_into(trained, tmp_path):
    for name in ("config.yaml", "checkpoints", "metrics.json"):
        folder = tmp_path / name
        folder.mkdir()
        shutil.copytree(trained / name, folder / name) if name == "checkpoints" else shutil.copy(
            trained / name, folder
        )
        with pytest.raises(ValueError, match=f"holds a run or results already .{name}"):
            evaluate_in_process(folder, f"ckpt={trained}")
    (tmp_path / "file").write_text("mine")
    with pytest.raises(ValueError, match="is no folder"):
        evaluate_in_process(tmp_path / "file", f"ckpt={trained}")


def test_backgrounds_of_other_splits_can_be_lent(trained, tmp_path):
    metrics = evaluate_in_process(
        tmp_path / "out", f"ckpt={trained}", "interventions.donor_split=train"
    )
    assert "test_flip_rate" in metrics
    none = evaluate_in_process(
        tmp_path / "all", f"ckpt={trained}", "interventions.donor_split=train", "split=all"
    )
    assert none["test_images"] == 24  # all are evaluated, no other is left to lend
    assert "the tested ones lend" in (tmp_path / "all" / "log.txt").read_text()
    assert "test_flip_rate" in none


def test_images_that_the_model_was_trained_on_are_refused_under_any_name(
    trained, shapes, tmp_path, rows_of
):
    folder = shutil.copytree(shapes.parent, tmp_path / "other")
    rows = [row for row in rows_of(shapes) if row["split"] == "train"][:4]
    for index, row in enumerate(rows):
        image = Image.open(folder / row["image"])
        row |= {"image": f"images/renamed{index}.bmp", "split": "test"}
        image.save(folder / row["image"])
    rows += [row for row in rows_of(shapes) if row["split"] == "test"]
    manifest = write_manifest(folder / "manifest.csv", rows)
    words = [f"ckpt={trained}", *OTHER, f"data.manifest={manifest}"]
    with pytest.raises(ValueError, match=r"^4 of 10 images .* trained on .*renamed0.* and 1 more"):
        evaluate_in_process(tmp_path / "out", *words)
    metrics = evaluate_in_process(tmp_path / "out", *words, "allow_trained=true")
    assert metrics["num_trained_images"] == 4
    log = (tmp_path / "out" / "log.txt").read_text()
    assert "4 of the tested images were trained on" in log


def test_weights_that_answer_nothing_are_said_aloud(plain_weights, shapes, tmp_path):
    _, weights = plain_weights
    broken = {name: value.clone() for name, value in weights.items()}
    next(iter(broken.values())).fill_(torch.nan)
    save_file(broken, tmp_path / "nan.safetensors")
    words = ["backbone=test_resnet", "classes=[disc,square]", "data.image_size=32"]
    evaluate_in_process(
        tmp_path / "out",
        f"ckpt={tmp_path / 'nan.safetensors'}",
        *words,
        *OTHER,
        f"data.manifest={shapes}",
    )
    assert "answers are NOT numbers" in (tmp_path / "out" / "log.txt").read_text()


def test_the_window_of_the_run_is_kept_for_other_data(shapes, outputs, tmp_path):
    quick = ["data.window=[5,250]", "trainer.max_epochs=1", "test=false"]
    run = train_in_process(shapes, tmp_path / "run", *quick)
    other = [f"ckpt={run}", *OTHER, f"data.manifest={shapes}", "interventions=none"]
    for name, typed, used in (("kept", [], [5, 250]), ("new", ["data.window=[0,9]"], [0, 9])):
        evaluate_in_process(tmp_path / name, *other, *typed)
        assert OmegaConf.load(tmp_path / name / "config.yaml").data.window == used


def test_the_training_split_is_evaluated_when_it_is_asked_for(trained, tmp_path):
    metrics = evaluate_in_process(tmp_path / "out", f"ckpt={trained}", "split=train")
    assert metrics["num_trained_images"] == metrics["test_images"] == 12


def test_validation_images_are_counted(trained, shapes, tmp_path):
    words = [f"ckpt={trained}", *OTHER, f"data.manifest={shapes}", "split=val"]
    assert evaluate_in_process(tmp_path / "out", *words)["num_trained_images"] == 0
    assert "6 of 6 images are validation images" in (tmp_path / "out" / "log.txt").read_text()


def test_pixels_that_have_changed_under_the_same_names_are_noticed(tmp_path, outputs):
    manifest = make_shapes(tmp_path / "data", seed=2)
    run = train_in_process(manifest, tmp_path / "run", "test=false", "trainer.max_epochs=1")
    evaluate_in_process(tmp_path / "before", f"ckpt={run}", "interventions=none")
    image = manifest.parent / "images" / "disc_003.png"
    Image.fromarray(255 - np.asarray(Image.open(image))).save(image)
    evaluate_in_process(tmp_path / "after", f"ckpt={run}", "interventions=none")
    logs = [(tmp_path / name / "log.txt").read_text() for name in ("before", "after")]
    said = "The pixels of 1 of 6 images have changed since the run was trained"
    assert [said in log for log in logs] == [False, True]
    assert "images/disc_003.png" in logs[1]
