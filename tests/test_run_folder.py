"""One folder tells all about a run, and a run can be found and resumed."""

import csv
import json

import numpy as np
import pytest
import torch
import yaml
from in_process import train_in_process
from PIL import Image
from small_data import write_manifest
from workflow.places import check_out, find_checkpoint, make_run_folder

FILES = {
    "config.yaml", "command.txt", "status.json", "history.csv", "timing.csv", "metrics.json",
    "predictions.csv", "val_predictions.csv", "split.csv", "preview.png", "log.txt",
    "facts.json", "report.html",
}  # fmt: skip


def read_csv(path):
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def test_the_folder_holds_what_the_design_says(trained):
    assert {path.name for path in trained.iterdir()} == FILES | {"checkpoints", "examples"}
    kept = {"best.ckpt", "last.ckpt", "calibration.json"}
    assert {path.name for path in (trained / "checkpoints").iterdir()} == kept
    assert json.loads((trained / "status.json").read_text())["state"] == "finished"
    assert (trained / "command.txt").read_text().startswith("python scripts/train.py data=manifest")


def test_the_history_has_a_row_an_epoch_and_no_times(trained):
    rows = read_csv(trained / "history.csv")
    assert [row["epoch"] for row in rows] == ["0", "1"]
    assert {"train_loss", "train_accuracy", "val_loss", "val_macro_f1", "val_f1_disc", "lr"} <= set(
        rows[0]
    )
    assert "seconds" not in rows[0]


def test_metrics_follow_from_the_predictions(trained):
    metrics = json.loads((trained / "metrics.json").read_text())
    rows = read_csv(trained / "predictions.csv")
    correct = [row["label"] == row["predicted"] for row in rows]
    assert len(rows) == 6
    assert metrics["test_accuracy"] == pytest.approx(np.mean(correct))
    by_group = {}
    for row, right in zip(rows, correct, strict=True):
        by_group.setdefault((row["site"], row["label"]), []).append(right)
    worst = min(np.mean(group) for group in by_group.values())
    assert metrics["test_worst_group_accuracy"] == pytest.approx(worst)
    for row in rows:
        logits = np.array([float(row["logit_disc"]), float(row["logit_square"])])
        probs = np.exp(logits) / np.exp(logits).sum()
        assert float(row["prob_square"]) == pytest.approx(probs[1], abs=1e-6)


def test_the_split_that_was_used_is_written_down(trained, shapes, rows_of):
    written = {row["id"]: row["split"] for row in read_csv(trained / "split.csv")}
    assert written == {row["image"]: row["split"] for row in rows_of(shapes)}


def test_the_preview_is_a_picture_with_something_on_it(trained):
    pixels = np.asarray(Image.open(trained / "preview.png"))
    assert pixels.std() > 10


def test_the_log_tells_of_the_data_before_the_folder_was_made(trained):
    log = (trained / "log.txt").read_text()
    assert "24 images of manifest.csv" in log
    assert "Epoch 2/2" in log
    assert "It is right in" in log


def test_the_resolved_gate_and_seed_stand_in_the_config(trained):
    config = yaml.safe_load((trained / "config.yaml").read_text())
    assert config["gate"]["_target_"].endswith("PixelGate")
    assert config["seed"] == 0


@pytest.mark.parametrize(
    "word",
    [
        *[f"scheduler={name}" for name in ("onecycle", "cosine", "plateau", "none")],
        "experiment=roi_in_training_only",
        "gate=crops",
        "extras.mixup=0.4",
        "data.imbalance=balanced_sampler",
        "average=ema",
        "average=swa",
        "optimizer.layer_decay=0.6",
        "model.freeze_epochs=1",
        "model.drop_path=0.4",
        "trainer=bf16",
        pytest.param("model.compile=true", marks=pytest.mark.slow),
    ],
)
def test_a_resumed_run_goes_on_where_it_stopped(shapes, outputs, tmp_path, word, monkeypatch):
    whole = train_in_process(shapes, tmp_path / "whole", word, "trainer.max_epochs=3")
    stopped = tmp_path / "stopped"
    monkeypatch.setattr(
        "lightning_modules.callbacks.EpochLines.on_train_epoch_end", interrupt_after(2)
    )
    with pytest.raises(KeyboardInterrupt):
        train_in_process(shapes, stopped, word, "trainer.max_epochs=3")
    assert json.loads((stopped / "status.json").read_text())["state"] == "stopped"
    monkeypatch.undo()
    monkeypatch.setattr("workflow.places.OUTPUTS", outputs)
    monkeypatch.setattr("workflow.plan.OUTPUTS", outputs)
    train_in_process(shapes, stopped, f"resume={stopped}")
    assert read_csv(stopped / "history.csv") == read_csv(whole / "history.csv")
    last = [
        torch.load(f / "checkpoints" / "last.ckpt", weights_only=True) for f in (whole, stopped)
    ]
    for name, value in last[0]["state_dict"].items():
        assert torch.equal(value, last[1]["state_dict"][name]), name
    assert last[0]["callbacks"].keys() == last[1]["callbacks"].keys()


def interrupt_after(epochs):
    def hook(self, trainer, pl_module):
        if trainer.current_epoch + 1 > epochs:
            raise KeyboardInterrupt

    return hook


@pytest.mark.parametrize("scheduler", ["onecycle", "cosine"])
def test_a_finished_run_can_be_made_longer(shapes, outputs, tmp_path, scheduler):
    out = train_in_process(shapes, tmp_path / "run", f"scheduler={scheduler}")
    with pytest.raises(ValueError, match=r"is finished \(2 epochs\).*trainer.max_epochs=4"):
        train_in_process(shapes, out, f"resume={out}")
    train_in_process(shapes, out, f"resume={out}", "trainer.max_epochs=4")
    rows = read_csv(out / "history.csv")
    assert [row["epoch"] for row in rows] == ["0", "1", "2", "3"]
    assert float(rows[3]["lr"]) > 1e-5  # the curve of the longer run, not the end of the old one


def test_a_run_from_before_averages_goes_on_without_one(shapes, outputs, tmp_path):
    out = train_in_process(shapes, tmp_path / "run", "trainer.max_epochs=1")
    config = yaml.safe_load((out / "config.yaml").read_text())
    for part, key in (("optimizer", "layer_decay"), ("model", "freeze_epochs")):
        del config[part][key]
    del config["average"]
    (out / "config.yaml").write_text(yaml.safe_dump(config))
    train_in_process(shapes, out, f"resume={out}", "trainer.max_epochs=2")
    assert len(read_csv(out / "history.csv")) == 2


def test_a_resumed_run_keeps_its_own_configuration(shapes, trained):
    with pytest.raises(
        ValueError, match=r"(?s)2 problems.*model.dropout is 0.0 in that run.*seed is 0"
    ):
        train_in_process(shapes, trained, f"resume={trained}", "model.dropout=0.5", "seed=3")


def test_every_word_for_a_run_finds_its_checkpoint(trained, outputs):
    (outputs / "latest.txt").write_text(f"{trained}\n")
    last = (trained / "checkpoints" / "last.ckpt").resolve()
    for word in ("latest", "shapes", str(trained), str(last)):
        assert find_checkpoint(word).resolve() == last
    assert find_checkpoint("shapes", "best").name == "best.ckpt"


@pytest.mark.parametrize("word", ["nothing", "nothing.ckpt", "../..", "some/folder"])
def test_a_word_that_means_no_run_is_refused(trained, word):
    with pytest.raises(ValueError, match=r"neither 'latest'|There is no checkpoint file"):
        find_checkpoint(word)


def test_two_runs_of_the_same_second_do_not_collide(outputs):
    folders = {make_run_folder("twins", None) for _ in range(3)}
    assert len(folders) == 3


def test_a_folder_that_holds_a_run_is_not_overwritten(shapes, trained):
    with pytest.raises(ValueError, match="holds a run or results already"):
        train_in_process(shapes, trained)


@pytest.mark.parametrize("out", ["file", "file/below", ""])
def test_a_place_that_can_be_no_folder_is_refused_and_nothing_made(tmp_path, outputs, out):
    (tmp_path / "file").touch()
    place = tmp_path / out if out else ""
    with pytest.raises(ValueError, match="is no folder"):
        check_out(place, "Name another.")
    with pytest.raises(ValueError, match="is no folder"):
        make_run_folder("name", place)
    assert [path.name for path in tmp_path.iterdir() if path.name != "outputs"] == ["file"]


def test_a_moved_run_keeps_its_best_score(shapes, outputs, tmp_path):
    moved = train_in_process(shapes, tmp_path / "here").rename(tmp_path / "there")
    last = moved / "checkpoints" / "last.ckpt"
    # a score that no epoch can reach again: forgetting it would show
    checkpoint = torch.load(last, weights_only=True)
    (state,) = (v for k, v in checkpoint["callbacks"].items() if "BestCheckpoint" in k)
    state["best_model_score"], state["highest"] = torch.tensor(2.0), 2.0
    state["kth_value"] = torch.tensor(2.0)
    state["best_k_models"] = {path: torch.tensor(2.0) for path in state["best_k_models"]}
    torch.save(checkpoint, last)
    best = (moved / "checkpoints" / "best.ckpt").read_bytes()
    train_in_process(shapes, moved, f"resume={moved}", "trainer.max_epochs=3")
    assert (moved / "checkpoints" / "best.ckpt").read_bytes() == best
    assert json.loads((moved / "metrics.json").read_text())["best_val_macro_f1"] == 2.0


@pytest.mark.parametrize(
    ("num_images", "scores", "expected"),
    [
        (200, (0.9, 1.0, 0.985), 2),  # three images of 200 are chance
        (200, (0.9, 1.0, 0.93), 1),  # fourteen are not
        (20000, (0.9, 1.0, 0.985), 1),
        (200, (0.99, 0.98, 0.97, 0.96, 0.95, 0.94), 3),  # from the highest, not from the last kept
    ],
)
def test_the_best_epoch_is_the_latest_that_validation_cannot_tell_from_it(
    num_images, scores, expected
):
    from types import SimpleNamespace

    from lightning_modules.callbacks import BestCheckpoint

    best, kept = BestCheckpoint(), None
    loaders = SimpleNamespace(dataset=range(num_images))
    for epoch, score in enumerate(scores):
        trainer = SimpleNamespace(
            val_dataloaders=loaders, check_val_every_n_epoch=1, current_epoch=epoch
        )
        if best.check_monitor_top_k(trainer, torch.tensor(score)):
            kept = epoch
    assert kept == expected


def test_a_run_does_not_go_on_with_other_images(shapes, outputs, tmp_path, rows_of):

    manifest = write_manifest(shapes.parent / "shrinking.csv", rows_of(shapes))
    out = train_in_process(manifest, tmp_path / "run")
    write_manifest(manifest, rows_of(shapes)[:-2])
    with pytest.raises(ValueError, match="24 images then, 22 now"):
        train_in_process(manifest, out, f"resume={out}", "trainer.max_epochs=3")


@pytest.mark.parametrize(
    ("word", "message"),
    [
        ("seed=-1", "seed is -1"),
        ("name=../elsewhere", "no slash"),
        ("trainer.max_epochs=0", "expected at least 1"),
        ("trainer.devices=0", "expected a number from 1, auto, or a list"),
        ("+trainer.logger=true", "trainer.logger is the project's own"),
        ("callbacks.best.monitor=val_loss", "a loss is best at its lowest"),
        ("trainer.limit_val_batches=0", "the best checkpoint is chosen on validation images"),
        ("scheduler.peak_at=2", "scheduler.peak_at is 2"),
        ("optimizer.momentum=1.5", "optimizer.momentum is 1.5"),
        ("trainer.gradient_clip_val=abc", "Trainer refuses"),
        ("data.image_size=33 model.backbone=test_maxvit", "does not take images of 33 x 33"),
    ],
)
def test_what_cannot_be_is_refused_before_there_is_a_folder(
    shapes, outputs, tmp_path, word, message
):
    with pytest.raises(ValueError, match=message):
        train_in_process(shapes, tmp_path / "run", *word.split(" "))
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize("empty", [False, True])
def test_empty_masks_are_said_aloud(shapes, outputs, tmp_path, rows_of, empty):
    rows = rows_of(shapes)
    if empty:
        Image.new("1", (48, 40)).save(shapes.parent / "masks" / "empty.png")
        rows = [row | {"mask": "masks/empty.png"} for row in rows]
    manifest = write_manifest(shapes.parent / f"empty_{empty}.csv", rows)
    out = train_in_process(manifest, tmp_path / "run", "gate=pixel")
    log = (out / "log.txt").read_text()
    assert ("100.0% of the training masks are EMPTY" in log) == empty
    assert ("the mask is empty, so their answers are guesses" in log) == empty


def test_the_area_of_the_roi_is_counted_in_the_images_own_pixels(trained, shapes, rows_of):
    rows = {row["id"]: row for row in read_csv(trained / "predictions.csv")}
    for row in rows_of(shapes):
        if row["split"] == "test":
            mask = np.asarray(Image.open(shapes.parent / row["mask"]))
            assert float(rows[row["image"]]["roi_share"]) == pytest.approx(mask.mean(), abs=1e-5)
            assert float(rows[row["image"]]["mask_share"]) < mask.mean()


@pytest.mark.parametrize(
    ("blank", "words", "said"),
    [
        (0, ["gate=auto"], "as experiment=roi_given): every image has a ROI."),
        (24, ["gate=auto"], "as experiment=no_roi): the data has no ROI. EXPERIMENTAL"),
        (9, ["gate=auto"], "as experiment=roi_for_some): a ROI is given for"),
        (9, ["gate=auto", "gate.roi_missing=full"], "shown whole and are NOT gated"),
        (9, ["gate=pixel", "gate.roi_missing=full"], "shown whole and are NOT gated"),
    ],
)
def test_the_gate_follows_the_data_and_says_so(
    shapes, outputs, tmp_path, rows_of, blank, words, said
):
    rows = [row | {"mask": ""} if i < blank else row for i, row in enumerate(rows_of(shapes))]
    manifest = write_manifest(shapes.parent / f"blank{blank}.csv", rows)
    out = train_in_process(manifest, tmp_path / "run", *words)
    assert said in (out / "log.txt").read_text()
    origins = {row["mask_origin"] for row in read_csv(out / "predictions.csv")}
    config = yaml.safe_load((out / "config.yaml").read_text())
    if config["gate"]["_target_"].endswith("PixelGate"):
        assert origins == ({"given", "full"} if blank else {"given"})
    else:
        assert origins <= {"predicted", "full"}
