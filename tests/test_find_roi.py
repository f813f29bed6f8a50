"""find_roi.py: from images without ROI to a manifest and its misses; a checkpoint knows how."""

import csv
import json
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from front.composition import compose_job, job_problems
from front.conf_tree import CHECKOUT, ConfTree
from in_process import train_in_process
from omegaconf import OmegaConf
from PIL import Image
from small_data import make_shapes, write_manifest
from workflow.finding.finder_record import describe_finder, load_finder

from datamodules.roi_finders import FaceFinder, FixedFinder

BOX = "roi.boxes={roi: [8, 6, 40, 36]}"


def find_in_process(manifest: Path, out: Path | None, *overrides: str, cameras=None) -> Path | None:
    """Search as scripts/find_roi.py does; returns the folder of the results."""
    from workflow.call import Call
    from workflow.finding.roi_search import find_roi
    from workflow.journal import Journal

    typed = [f"data.manifest={manifest}", "roi=fixed", *overrides]
    typed += [] if out is None else [f"out={out}"]
    cfg = compose_job("find_roi", typed, ConfTree()).cfg
    if cameras is not None:  # expressions with brackets come from a file
        OmegaConf.update(cfg, "roi.cameras", cameras, force_add=True)
    find_roi(cfg, Call(typed, None, None), Journal())
    return out


@pytest.fixture
def bare(tmp_path, rows_of):
    """Manifest of the shapes without their masks, 8 images a class in training."""
    manifest = make_shapes(tmp_path / "shapes", per_class=16)
    rows = [{key: row[key] for key in row if key != "mask"} for row in rows_of(manifest)]
    return write_manifest(manifest.with_name("bare.csv"), rows)


def read_rows(path):
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def test_what_is_found_is_trained_on_and_the_checkpoint_knows_how(bare, outputs, tmp_path, capsys):
    out = find_in_process(bare, tmp_path / "found", BOX)
    said = capsys.readouterr().out
    assert "Found in 32 of 32 images (100.0%)." in said
    rows = read_rows(out / "manifest.csv")
    assert {row["roi_source"] for row in rows} == {"detected"}
    assert {row["box_roi"] for row in rows} == {"8 6 40 36"}
    assert [row["site"] for row in rows] == [row["site"] for row in read_rows(bare)]
    assert read_rows(out / "misses.csv") == []
    assert Image.open(out / "contact_sheet.png").size[0] > 0
    for name in ("config.yaml", "command.txt", "log.txt"):
        assert (out / name).is_file()

    run = train_in_process(
        out / "manifest.csv", tmp_path / "run", f"data.root={bare.parent}", "gate=pixel"
    )
    checkpoint = torch.load(run / "checkpoints" / "best.ckpt", weights_only=True)
    record = checkpoint["hyper_parameters"]["record"]["roi_finder"]
    assert record == json.loads((out / "finder.json").read_text())
    again = load_finder(record)
    assert isinstance(again, FixedFinder) and again.boxes == {"roi": [8, 6, 40, 36]}
    assert {row["mask_origin"] for row in read_rows(run / "predictions.csv")} == {"detected"}


def test_the_command_that_comes_next_is_one_that_the_program_accepts(
    bare, outputs, tmp_path, capsys
):
    folder = tmp_path / "with a space"
    bare = Path(bare.parent.rename(folder)) / bare.name
    find_in_process(
        bare, tmp_path / "found", BOX, "data.slice_by=[site,pair]", "data.classes=[square,disc]"
    )
    line = capsys.readouterr().out.splitlines()[-1]
    python, script, *words = shlex.split(line.removeprefix("Next: "))
    assert (python, script) == ("python", "scripts/train.py")
    assert job_problems("train", words, ConfTree()) == []
    data = compose_job("train", words, ConfTree()).cfg.data
    assert data.root == str(folder) and data.manifest == str(tmp_path / "found" / "manifest.csv")
    assert (data.slice_by, data.classes) == (["site", "pair"], ["square", "disc"])


def test_masks_below_the_root_need_no_leave_to_lie_outside(outputs, tmp_path, rows_of, capsys):
    manifest = make_shapes(tmp_path / "shapes", per_class=16)
    rows = [row | ({"mask": ""} if n % 2 else {}) for n, row in enumerate(rows_of(manifest))]
    find_in_process(write_manifest(manifest, rows), tmp_path / "found", BOX)
    assert "allow_outside" not in capsys.readouterr().out.splitlines()[-1]


def test_given_shares_of_images_that_cannot_be_read_are_said_before_the_search(
    bare, outputs, tmp_path, rows_of
):
    rows = rows_of(bare)
    for row in rows[:4]:
        row["box_roi"] = "0.1 0.1 0.5 0.5"
    bare = write_manifest(bare, [{"box_roi": ""} | row for row in rows])
    for row in rows[1:3]:
        (bare.parent / row["image"]).write_bytes(b"none")
    with pytest.raises(ValueError, match=r"2 problems in the images of bare\.csv, whose boxes"):
        find_in_process(bare, tmp_path / "found", BOX, "data.box_format=xyxy_normalized")
    assert not (tmp_path / "found").exists()


def test_misses_are_written_and_those_that_tell_the_label_are_said(bare, outputs, tmp_path, capsys):
    cameras = {"square_": {"roi": [8, 6, 40, 36]}}
    out = find_in_process(bare, tmp_path / "found", cameras=cameras)
    said = capsys.readouterr().out
    assert "Found in 16 of 32 images (50.0%); missed: 16 no camera's expression" in said
    assert (
        "Having a ROI goes with the label: in the train split 0 of 8 (0%) images of 'disc'" in said
    )
    misses = read_rows(out / "misses.csv")
    assert len(misses) == 16 and {row["label"] for row in misses} == {"disc"}
    rows = read_rows(out / "manifest.csv")
    assert all((row["box_roi"] == "") == (row["label"] == "disc") for row in rows)
    assert all((row["roi_source"] == "") == (row["label"] == "disc") for row in rows)


def test_misses_that_may_be_chance_are_not_made_an_alarm(bare, outputs, tmp_path, capsys):
    (bare.parent / "images" / "disc_003.png").write_bytes(b"none")
    out = find_in_process(bare, tmp_path / "found", BOX)
    said = capsys.readouterr().out
    assert "That classes are missed unequally may be chance (p = 1)." in said
    assert "goes with the label" not in said
    (miss,) = read_rows(out / "misses.csv")
    assert miss["id"] == "images/disc_003.png" and miss["reason"].startswith("cannot be decoded")


def test_nothing_found_at_all_is_an_error_and_the_misses_are_written(bare, outputs, tmp_path):
    with pytest.raises(ValueError, match="No ROI was found in any of the 32 images: no camera's"):
        find_in_process(bare, tmp_path / "found", cameras={"nobody": {"roi": [0, 0, 9, 9]}})
    assert len(read_rows(tmp_path / "found" / "misses.csv")) == 32


def test_given_rois_are_kept_and_only_the_others_searched(bare, outputs, tmp_path, rows_of, capsys):
    rows = rows_of(bare)
    for number, row in enumerate(rows):
        row["mask"] = f"masks/{Path(row['image']).name}" if number % 2 else ""
    write_manifest(bare, rows)
    out = find_in_process(bare, tmp_path / "found", BOX)
    assert "Found in 16 of 16 images" in capsys.readouterr().out
    for number, row in enumerate(read_rows(out / "manifest.csv")):
        assert row["roi_source"] == ("given" if number % 2 else "detected")
        assert bool(row["mask"]) == bool(number % 2) and bool(row["box_roi"]) != bool(number % 2)
    with pytest.raises(ValueError, match="of the regions roi, and roi=fixed finds mouth"):
        find_in_process(bare, tmp_path / "other", "roi.boxes={mouth: [0, 0, 9, 9]}")


def test_data_whose_rois_are_all_given_is_searched_on_demand_and_compared(
    shapes, outputs, tmp_path, capsys
):
    with pytest.raises(ValueError, match=r"All 24 images of .* have a ROI\. replace=true looks"):
        find_in_process(shapes, tmp_path / "found", BOX)
    out = find_in_process(shapes, tmp_path / "found", BOX, "replace=true")
    assert "Beside the given roi of 24 images: IoU 0." in capsys.readouterr().out
    assert "mask" not in read_rows(out / "manifest.csv")[0]


def test_results_go_below_outputs_and_never_over_others(bare, outputs, tmp_path, monkeypatch):
    import workflow.finding.roi_search

    monkeypatch.setattr(workflow.finding.roi_search, "OUTPUTS", tmp_path / "outputs")
    find_in_process(bare, None, BOX)
    (manifest,) = (tmp_path / "outputs" / "find_roi" / "fixed").glob("*/manifest.csv")
    with pytest.raises(ValueError, match="holds a run or results already"):
        find_in_process(bare, manifest.parent, BOX)


def test_a_record_of_no_finder_of_this_project_is_refused(bare, outputs, tmp_path):
    out = find_in_process(bare, tmp_path / "found", BOX)
    (out / "finder.json").write_text('{"finder": "os.system", "options": {}}')
    with pytest.raises(ValueError, match="is no record of a finder: expected"):
        train_in_process(out / "manifest.csv", tmp_path / "run", f"data.root={bare.parent}")
    for text in ("{", "[" * 100_000, "9" * 5000):
        (out / "finder.json").write_text(text)
        with pytest.raises(ValueError, match=r"finder.json cannot be read"):
            train_in_process(out / "manifest.csv", tmp_path / "run", f"data.root={bare.parent}")


def test_a_finder_is_built_again_from_its_record_alone(tmp_path):
    record = json.loads(json.dumps(describe_finder(FaceFinder(sizes=[96], mouth_size=[1, 2]))))
    again = load_finder(record)
    assert describe_finder(again) == describe_finder(FaceFinder(sizes=[96], mouth_size=[1, 2]))
    with pytest.raises(ValueError, match="has no option nose_size"):
        load_finder(record | {"options": {"nose_size": 3}})


def test_a_model_file_that_is_another_one_by_now_is_refused(tmp_path):
    model = tmp_path / "yunet.onnx"
    model.write_bytes(b"one")
    record = describe_finder(FaceFinder(model=str(model)))
    assert load_finder(record).model == str(model)
    model.write_bytes(b"two")
    with pytest.raises(ValueError, match=r"not the file that the ROIs were found with.*yunet.onnx"):
        load_finder(record)


def test_mistakes_come_from_the_command_with_status_2_and_without_traceback(tmp_path):
    command = [sys.executable, str(CHECKOUT / "scripts" / "find_roi.py")]
    done = subprocess.run(
        [*command, "roi=fixed", "roi.size=3", "data.manifest=none.csv"],
        cwd=tmp_path, capture_output=True, text=True, check=False, timeout=60,
    )  # fmt: skip
    assert done.returncode == 2 and "Traceback" not in done.stderr
    assert "roi.size is not an option of FixedFinder. It belongs to roi=saliency." in done.stderr
    assert list(tmp_path.iterdir()) == []
