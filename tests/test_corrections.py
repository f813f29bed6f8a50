"""data.corrections: decisions on labels change the table, and nothing else."""

import csv
import json
import shutil

import numpy as np
import pytest
from front.composition import compose_job
from front.conf_tree import ConfTree
from in_process import train_in_process
from omegaconf import OmegaConf
from small_data import make_shapes
from test_evaluate_command import evaluate_in_process
from workflow.resuming.config_hash import hash_config

from datamodules.sources import FolderData, ManifestData
from lightning_modules.evaluation.label_errors import COLUMNS


@pytest.fixture
def read(shapes, tmp_path):
    """Read the small data set with a text of corrections."""

    def read_with(text, **options):
        file = tmp_path / "corrections.csv"
        file.write_text(text, encoding="utf-8")
        return ManifestData(manifest=str(shapes), corrections=str(file), **options).read(0)

    return read_with


def labels_of(table):
    return {
        name: table.class_names[label]
        for name, label in zip(table.ids.to_pylist(), table.labels, strict=True)
    }


def test_labels_are_changed_and_images_left_out_and_nothing_else(read, shapes):
    before = ManifestData(manifest=str(shapes)).read(0)
    after = read(
        "id,label\nimages/disc_000.png,square\nimages/disc_001.png,\nimages/disc_002.png,Exclude\n"
        "images/square_003.png,square\n"
    )
    expected = labels_of(before) | {"images/disc_000.png": "square"}
    del expected["images/disc_001.png"], expected["images/disc_002.png"]
    assert labels_of(after) == expected
    splits = dict(zip(before.ids.to_pylist(), before.splits, strict=True))
    assert all(
        splits[name] == split
        for name, split in zip(after.ids.to_pylist(), after.splits, strict=True)
    )
    texts = dict(zip(after.ids.to_pylist(), after.columns["label"].to_pylist(), strict=True))
    assert texts == expected
    assert after.notes[-1] == (
        "Corrections of corrections.csv: 1 labels changed (1 disc to square), 2 images left out, "
        "1 had the right label already."
    )
    row = after.ids.to_pylist().index("images/square_001.png")
    assert after.row_name(row) == before.row_name(3)


def test_a_made_split_is_the_same_with_and_without(read, shapes, tmp_path, rows_of):
    text = "image;label\nimages\\disc_000.png;square\nimages/disc_005.png;square\n"
    options = {"num_folds": 3, "fold": 1}
    before = ManifestData(manifest=str(shapes), **options).read(0)
    assert read(text, **options).fingerprint == before.fingerprint


def test_a_list_of_doubted_labels_is_filled_in(read):
    rows = [
        ("images/disc_000.png", "disc", "square"),
        ("images/disc_001.png", "disc", ""),
        ("images/square_002.png", "square", "exclude"),
    ]
    lines = [",".join(COLUMNS)]
    lines += [f"{name},{name},{label},other,0.9,0.9,,1,{word}" for name, label, word in rows]
    table = read("\n".join(lines) + "\n")
    labels = labels_of(table)
    assert labels["images/disc_000.png"] == "square"
    assert labels["images/disc_001.png"] == "disc"
    assert "images/square_002.png" not in labels
    assert "1 rows without a decision" in table.notes[-1]


def test_all_mistakes_are_listed_by_line(read):
    text = (
        "id,label,decision\n"
        "images/nowhere.png,disc,square\n"
        "images/disc_000.png,disc,cube\n"
        "images/disc_001.png,square,exclude\n"
        "images/disc_001.png,disc,square\n"
        "images/square_002.png,disc,square\n"
        "images/square_003.png,cube,disc\n"
    )
    with pytest.raises(ValueError, match=r"4 problems in data\.corrections=") as caught:
        read(text)
    for part in (
        "line 2: id 'images/nowhere.png' is no image of manifest.csv",
        "line 3: 'cube' is no class, expected disc, square or exclude (images/disc_000.png)",
        "line 5: images/disc_001.png stands in line 4 already",
        "line 7: images/square_003.png was labelled cube when it was listed and is square now",
    ):
        assert part in str(caught.value)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("name,label\na,b\n", "expected id or image"),
        ("id,class\na,b\n", "expected id or image"),
        ("", "expected id or image|cannot be read"),
        ('id,label\n"a,b\n', "cannot be read as CSV|is no image"),
    ],
)
def test_a_file_that_corrects_nothing_is_refused(read, text, message):
    with pytest.raises(ValueError, match=message):
        read(text)


def test_no_class_and_no_split_is_left_empty(read, shapes, rows_of):
    rows = rows_of(shapes)
    for column, value in (("split", "val"), ("label", "disc")):
        names = [row["image"] for row in rows if row[column] == value]
        with pytest.raises(ValueError, match=r"is left (in|of) (val|disc)"):
            read("id,label\n" + "".join(f"{name},exclude\n" for name in names))


def test_folders_are_corrected_as_well(shapes, tmp_path):
    for name in ("disc", "square"):
        (tmp_path / "images" / name).mkdir(parents=True)
        for file in (shapes.parent / "images").glob(f"{name}_*.png"):
            shutil.copy(file, tmp_path / "images" / name)
    (tmp_path / "c.csv").write_text("image,label\ndisc/disc_000.png,square\n")
    options = {"images": str(tmp_path / "images"), "group_from": None}
    table = FolderData(corrections=str(tmp_path / "c.csv"), **options).read(0)
    assert labels_of(table)["disc/disc_000.png"] == "square"


def test_what_a_file_says_is_part_of_what_a_run_learns(shapes, tmp_path):
    def compose(file):
        words = ["data=manifest", f"data.manifest={shapes}", f"data.corrections={file}"]
        cfg = compose_job("train", words, ConfTree()).cfg
        return hash_config(OmegaConf.to_container(cfg, resolve=True))

    one, moved, other = (tmp_path / name for name in ("one.csv", "moved.csv", "other.csv"))
    one.write_text("id,label\nimages/disc_000.png,square\n")
    other.write_text("id,label\nimages/disc_001.png,square\n")
    shutil.copy(one, moved)
    assert compose(one) == compose(moved)
    assert len({compose(one), compose(other), compose("null")}) == 3


def test_a_model_is_tested_anew_by_corrected_labels(trained, tmp_path):
    before = {r["id"]: r for r in csv.DictReader((trained / "predictions.csv").open())}
    first, second = list(before)[:2]
    flipped = {"disc": "square", "square": "disc"}[before[first]["label"]]
    file = tmp_path / "corrections.csv"
    file.write_text(f"id,label\n{first},{flipped}\n{second},exclude\n")
    words = [f"ckpt={trained}", f"data.corrections={file}", "interventions=none"]
    metrics = evaluate_in_process(tmp_path / "out", *words)
    after = {r["id"]: r for r in csv.DictReader((tmp_path / "out" / "predictions.csv").open())}
    assert after.keys() == before.keys() - {second}
    assert after[first]["label"] == flipped
    assert {after[name]["predicted"] == before[name]["predicted"] for name in after} == {True}
    right = [row["label"] == row["predicted"] for row in after.values()]
    assert metrics["test_accuracy"] == pytest.approx(np.mean(right))
    log = (tmp_path / "out" / "log.txt").read_text()
    assert "Corrections of corrections.csv: 1 labels changed" in log
    assert "The labels of 1 of 5 images have changed since the run was trained" in log


def test_a_run_notices_that_its_corrections_have_changed(tmp_path, outputs):
    manifest = make_shapes(tmp_path / "data")
    file = tmp_path / "corrections.csv"
    file.write_text("id,label\nimages/disc_000.png,square\nimages/disc_001.png,exclude\n")
    out = tmp_path / "run"
    words = [f"data.corrections={file}", "trainer.max_epochs=1", "interventions=none"]
    train_in_process(manifest, out, *words)
    split = {row["id"]: row for row in csv.DictReader((out / "split.csv").open())}
    assert split["images/disc_000.png"]["label"] == "square"
    assert "images/disc_001.png" not in split
    assert "Corrections of corrections.csv: 1 labels changed" in (out / "log.txt").read_text()
    (out / "status.json").write_text(json.dumps({"state": "stopped", "epoch": 1}))
    again = [f"resume={out}", "trainer.max_epochs=2"]
    whole = file.read_text()
    file.write_text(whole.replace("disc_000", "disc_004"))
    with pytest.raises(ValueError, match="The labels of 2 images have changed"):
        train_in_process(manifest, out, *again)
    file.write_text(whole.replace("disc_001", "disc_005"))
    with pytest.raises(ValueError, match="has changed: 23 images then, 23 now"):
        train_in_process(manifest, out, *again)
    file.write_text(whole)
    train_in_process(manifest, out, *again)
    assert json.loads((out / "status.json").read_text())["state"] == "finished"
    assert np.isfinite(json.loads((out / "metrics.json").read_text())["test_loss"])
