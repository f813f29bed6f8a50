"""Annotations through the command, as a user types it."""

import csv
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from annotated import coco, write_json
from front.composition import compose_job
from front.conf_tree import ConfTree
from workflow.call import Call
from workflow.plan import make_plan

ROOT = Path(__file__).parents[1]
BOX = (10, 8, 36, 32)


@pytest.fixture
def folders(shapes, tmp_path):
    """The shapes as class folders below split folders, and COCO that names their files."""
    with shapes.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    boxes, more = {}, {}
    for row in rows:
        target = tmp_path / "folders" / row["split"] / row["label"]
        target.mkdir(parents=True, exist_ok=True)
        shutil.copy(shapes.parent / row["image"], target)
        name = Path(row["image"]).name
        boxes[name] = [("shape", BOX)]
        more[name] = {key: row[key] for key in ("label", "split", "group", "site")}
    write_json(tmp_path / "coco.json", coco(boxes, **more))
    return tmp_path


def plan(*typed):
    cfg = compose_job("train", list(typed), ConfTree()).cfg
    return make_plan(cfg, Call(list(typed), None, None))


def test_boxes_beside_folders_need_no_manifest(folders, outputs):
    words = ["data=folder", f"data.images={folders / 'folders'}", "data.image_size=32"]
    made = plan(*words, f"data.boxes={folders / 'coco.json'}", "data.box_source=detected")
    assert made.gate == "pixel", "gate=auto sees that there are ROIs"
    assert made.table.detected.all()


def test_a_run_on_annotations_can_be_gone_back_to_from_any_folder(folders, outputs, monkeypatch):
    monkeypatch.chdir(folders)
    words = ["data=coco", "data.annotations=coco.json", "data.images=folders", "data.slice_by=site"]
    made = plan(*words, "data.image_size=32")
    assert made.table.class_names == ("disc", "square")
    assert made.table.counts() == {"train": [6, 6], "val": [3, 3], "test": [3, 3]}
    assert made.config["data"]["annotations"] == str(folders / "coco.json")
    assert made.name == "annotated_pixel"


@pytest.mark.parametrize(
    ("words", "content", "message"),
    [
        (["data=coco", "data.annotations={}"], "{", "cannot be read as JSON"),
        (["data=coco", "data.annotations={}"], '{"images": []}', "has no annotations"),
        (["data=folder", "data.images=.", "data.boxes={}"], "a,b\n1,2", "holds no images"),
        (["data=drivers", "data.box_join=best"], "", "set data.boxes, too"),
        (["data=oxford_pets", "data.folder=nowhere"], "", "data.download=true fetches them"),
    ],
)
def test_mistakes_end_the_command_with_one_message(tmp_path, words, content, message):
    path = tmp_path / "annotations.json"
    path.write_text(content)
    typed = [word.format(path) for word in words]
    command = [sys.executable, str(ROOT / "scripts" / "train.py"), *typed]
    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    done = subprocess.run(
        command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 2
    assert message in done.stderr
    assert "Traceback" not in done.stderr
