"""A run finds what tells the class and is no part of it, quickly, and its report says so."""

import json

import numpy as np
import pytest
from in_process import train_in_process
from PIL import Image
from small_data import make_shapes
from workflow.finding.shortcut_hints import report_hints

import datamodules.checks.shortcuts as shortcuts
import lightning_modules.evaluation.report.sections.warnings as section
from datamodules.checks.examination import examine_files
from datamodules.sources import ManifestData


@pytest.fixture(scope="module")
def stamped(tmp_path_factory):
    """Shapes, 20 for training of each class; a letter is burnt into a corner of the discs."""
    folder = tmp_path_factory.mktemp("stamped")
    manifest = make_shapes(folder, per_class=40)
    for file in (folder / "images").glob("disc_*.png"):
        pixels = np.array(Image.open(file))
        pixels[1:7, 1:3] = pixels[5:7, 1:6] = 255  # an L
        Image.fromarray(pixels).save(file)
    return manifest


def look(manifest, gated, caplog, seed=0):
    table = ManifestData(manifest=str(manifest)).read(seed)
    found = examine_files(table, manifest.parent / "decoded.parquet")
    caplog.clear()
    with caplog.at_level("WARNING", logger="workflow"):
        told = report_hints(table, found, seed, gated)
    return {one["part"]: one for one in told}, caplog.text


@pytest.fixture(autouse=True)
def heard(monkeypatch):
    """Messages reach the test whoever configured the logger before."""
    import logging

    monkeypatch.setattr(logging.getLogger("workflow"), "propagate", True)


def test_burnt_in_text_warns_a_model_that_sees_it(stamped, caplog):
    told, said = look(stamped, False, caplog)
    assert told["corners"]["telling"] and not told["corners"]["hidden"]
    assert "What stands in the four corners" in said and "burnt-in text" in said
    assert said.count("balanced accuracy") == 1  # the border tells it as well: one cause


def test_a_gate_hides_it_so_nothing_is_warned_of(stamped, caplog):
    told, said = look(stamped, True, caplog)
    assert told["corners"]["telling"] and told["corners"]["hidden"] and said == ""


def test_images_without_it_say_nothing(tmp_path, caplog):
    told, said = look(make_shapes(tmp_path / "plain", per_class=40), False, caplog)
    assert told and not any(one["telling"] for one in told.values()) and said == ""


def test_it_is_bounded_whatever_the_size_of_the_images(stamped, monkeypatch, caplog):
    table = ManifestData(manifest=str(stamped)).read(0)
    found = examine_files(table, stamped.parent / "decoded.parquet")
    assert shortcuts.afford(table, found) == shortcuts.MOST_OF_A_RUN
    monkeypatch.setattr(shortcuts, "MOST_PIXELS", 24 * 40 * 48)  # 24 images of this size
    assert shortcuts.afford(table, found) == 24
    assert look(stamped, False, caplog)[0]["corners"]["num_images"] == 24
    monkeypatch.setattr(shortcuts, "MOST_PIXELS", 40 * 48)
    assert look(stamped, False, caplog) == ({}, "")


def test_the_report_of_a_run_warns_of_burnt_in_text(stamped, outputs, tmp_path):
    words = ("report=default", "gate=none", "trainer.max_epochs=1", "test=false")
    run = train_in_process(stamped, tmp_path / "run", *words, "callbacks.preview=null")
    facts = json.loads((run / "facts.json").read_text())
    assert {one["part"] for one in facts["hints"] if one["telling"]} >= {"corners"}
    text = (run / "report.html").read_text(encoding="utf-8")
    assert "What stands in the four corners" in text and ">YES</td>" in text
    assert section.FAR_POINTS == 100 * shortcuts.FAR_ABOVE_CHANCE
    assert "is more than 15 points above guessing" in text
    assert "Not looked for: images that are nearly the same" in text
