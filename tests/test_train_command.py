"""The command as a user types it: mistakes end it before training, with one message."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from small_data import make_shapes, write_manifest

ROOT = Path(__file__).parents[1]


def type_command(*words, cwd=None):
    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    return subprocess.run(
        [sys.executable, str(ROOT / "scripts" / "train.py"), *words],
        cwd=cwd, env=environment, capture_output=True, text=True, check=False, encoding="utf-8",
    )  # fmt: skip


def runs():
    return set((ROOT / "outputs" / "runs").glob("*/*"))


@pytest.fixture(scope="module")
def broken(tmp_path_factory):
    """A manifest with a fresh copy of every file, to be broken."""
    return make_shapes(tmp_path_factory.mktemp("broken") / "data")


def with_rows(manifest, name, rows):
    return f"data.manifest={write_manifest(manifest.parent / name, rows)}"


def break_image(manifest, rows):
    path = manifest.parent / "images" / "copy.png"
    path.write_bytes((manifest.parent / "images" / "disc_000.png").read_bytes()[:150])
    return [rows[0] | {"image": "images/copy.png"}, *rows[1:]]


def resize_mask(manifest, rows):
    from PIL import Image

    Image.new("1", (9, 9)).save(manifest.parent / "masks" / "small.png")
    return [rows[0] | {"mask": "masks/small.png"}, *rows[1:]]


BROKEN = {
    "no label column": (
        lambda m, rows: [{k: v for k, v in r.items() if k != "label"} for r in rows],
        "the column 'label' is missing",
    ),
    "a missing file": (
        lambda m, rows: [rows[0] | {"image": "images/gone.png"}, *rows[1:]],
        "does not exist",
    ),
    "an unreadable image": (break_image, "copy.png cannot be decoded"),
    "a mask of another size": (resize_mask, "9 x 9 pixels, its image 48 x 40"),
    "a box outside": (
        lambda m, rows: [r | {"box_eye": "0 0 100 10"} for r in rows],
        "does not lie inside its image",
    ),
    "one class only": (lambda m, rows: [r | {"label": "disc"} for r in rows], "one class only"),
    "a group on both sides": (
        lambda m, rows: [r | {"group": "anna"} for r in rows],
        "group 'anna' stands in",
    ),
    "a missing roi": (
        lambda m, rows: [rows[0] | {"mask": ""}, *rows[1:]],
        "1 of 24 images have no ROI",
    ),
}


@pytest.mark.parametrize("mistake", BROKEN)
def test_mistakes_in_the_data_end_the_run_before_it_starts(broken, rows_of, mistake):
    make, message = BROKEN[mistake]
    before = runs()
    manifest = with_rows(broken, f"{mistake.replace(' ', '_')}.csv", make(broken, rows_of(broken)))
    ended = type_command("data=manifest", manifest, "gate=pixel")
    assert ended.returncode == 2, ended.stderr
    assert message in ended.stderr
    assert "Traceback" not in ended.stdout + ended.stderr
    assert runs() == before


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["gate.fil=1"], "Did you mean 'fill'"),
        (["optimizer.lr=fast"], "optimizer.lr is 'fast', expected a number"),
        (["model.backbone=resnet5o"], "resnet50"),
        (["data=manifest"], "data.manifest is not set"),
        (["data=manifest", "data.manifest=nothing.csv"], "there is no file nothing.csv"),
        (["data=folder", "data.images=nowhere"], "there is no folder nowhere"),
        (["data.batch_size=0"], "data.batch_size is 0, expected at least 1"),
        (["resume=nothing_of_the_kind"], "neither 'latest'"),
        (["gate=crops", "gate.regions=mouht"], "Did you mean 'mouth'"),
        (
            ["gate=pixel", "data.roi_at_test=false"],
            "data.roi_at_test=false lays those of the test aside",
        ),
        (["gate=two_stage", "data.roi_fraction=0"], "no training image has a ROI"),
    ],
)
def test_mistakes_in_the_command_are_said_without_a_traceback(words, message):
    before = runs()
    ended = type_command(*words)
    assert ended.returncode == 2, ended.stderr
    assert message in ended.stderr
    assert "Traceback" not in ended.stdout + ended.stderr
    assert runs() == before


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["gate=token"], "gate=token needs a ViT"),
        (["extras.swap=1"], "expected a share from 0 to below 1"),
        (["model.pretrained=gone.safetensors"], "there is no file gone.safetensors"),
        (["gate.fill=nan", "gate=pixel"], "gate.fill is nan"),
    ],
)
def test_mistakes_that_show_beside_the_data_are_said_without_a_traceback(words, message, shapes):
    test_mistakes_in_the_command_are_said_without_a_traceback(
        ["data=manifest", f"data.manifest={shapes}", *words], message
    )


def test_the_traceback_is_there_when_asked_for():
    ended = type_command("data.batch_size=0", "debug=traceback")
    assert ended.returncode == 2
    assert "Traceback" in ended.stderr


def test_it_runs_from_another_working_directory(shapes, tmp_path):
    words = ["data=manifest", f"data.manifest={shapes}", "data.image_size=32", "out=run"]
    words += ["model.backbone=test_resnet", "debug=one_batch", "data.batch_size=4"]
    ended = type_command(*words, "data.num_workers=0", cwd=tmp_path)
    assert ended.returncode == 0, ended.stderr
    assert (tmp_path / "run" / "predictions.csv").is_file()
    assert "Test metrics" in ended.stdout
    assert "It is right in" in ended.stdout


def test_a_dry_run_checks_everything_and_writes_nothing(shapes):
    before = runs()
    words = ["data=manifest", f"data.manifest={shapes}", "data.image_size=32", "dry_run=true"]
    ended = type_command(*words, "model.backbone=test_resnet")
    assert ended.returncode == 0, ended.stderr
    assert "nothing was trained or written" in ended.stdout
    assert runs() == before


def test_a_sweep_runs_every_job_and_reports_the_one_that_failed(shapes):
    before = set((ROOT / "outputs" / "sweeps").glob("command_test/*"))
    words = ["--multirun", "name=command_test", "data=manifest", f"data.manifest={shapes}"]
    words += ["data.image_size=32", "model.backbone=test_resnet", "debug=one_batch"]
    words += ["data.batch_size=4", "data.num_workers=0", "gate=none,pixel", "model.dropout=0,0.1,2"]
    ended = type_command(*words)
    (sweep,) = set((ROOT / "outputs" / "sweeps").glob("command_test/*")) - before
    try:
        finished = {path.parent.name for path in sweep.glob("*/predictions.csv")}
        assert finished == {"0", "1", "3", "4"}, ended.stderr
        assert ended.returncode == 2
        assert "2 of 6 jobs failed" in ended.stderr
        assert "model.dropout is 2" in ended.stderr
        assert str(sweep / "study.md") in ended.stdout
        lines = (sweep / "study.md").read_text(encoding="utf-8").splitlines()
        assert sum("0 of 1" in line and "model.dropout is 2" in line for line in lines) == 2
        assert sum(line.startswith("| gate=") for line in lines) == 6
        assert (sweep / "study.png").is_file()
    finally:
        import shutil

        shutil.rmtree(sweep)
