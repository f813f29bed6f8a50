"""data.class_map: data whose classes have other names than the model's."""

import json

import pytest
from in_process import evaluate_in_process
from small_data import write_manifest

from datamodules.sources import ManifestData

NAMES = {"disc": "round", "square": "angular"}
MEANT = {name: model for model, name in NAMES.items()}


@pytest.fixture
def other(shapes, tmp_path, rows_of):
    """The test images under other class names, and two of a class that nobody knows."""
    rows = [row | {"label": NAMES[row["label"]]} for row in rows_of(shapes)]
    rows = [row for row in rows if row["split"] == "test"]
    rows[1]["label"] = rows[4]["label"] = "blurred"
    return write_manifest(tmp_path / "other.csv", rows)


def read(manifest, shapes, classes=("disc", "square"), **options):
    return ManifestData(manifest=str(manifest), root=str(shapes.parent), **options).read(0, classes)


def test_names_are_mapped_and_a_class_is_left_out_and_counted(other, shapes, rows_of):
    table = read(other, shapes, class_map=MEANT | {"blurred": None})
    rows = rows_of(other)
    kept = [row for row in rows if row["label"] != "blurred"]
    assert table.ids.to_pylist() == [row["image"] for row in kept]
    labels = [table.class_names[label] for label in table.labels]
    assert labels == [MEANT[row["label"]] for row in kept]
    assert table.left_out == {"blurred": 2}
    assert any("LEFT OUT by data.class_map: 2 of 6 images" in note for note in table.notes)
    assert "row 4 " in table.row_name(1)  # line 3 was left out
    assert table.mask_paths["roi"].to_pylist() == [row["mask"] for row in kept]


def test_names_that_the_model_does_not_know_come_with_the_key_and_a_guess(other, shapes):
    with pytest.raises(ValueError) as raised:
        read(other, shapes, classes=("rounds", "angulars"))
    text = str(raised.value)
    assert "labelled angular, blurred, round, and the model knows rounds, angulars" in text
    assert "'data.class_map={angular: angulars, blurred: <one of the model, or null>, " in text
    assert "round: rounds}'" in text


def test_what_no_image_has_is_said(other, shapes):
    table = read(other, shapes, class_map=MEANT | {"blurred": None, "blured": None})
    assert any("names blured, which no image" in note for note in table.notes)


def test_everything_left_out_is_refused(other, shapes):
    with pytest.raises(ValueError, match="leaves out every image"):
        read(other, shapes, class_map=dict.fromkeys([*MEANT, "blurred"]))


def test_classes_can_be_united_for_training(other, shapes):
    table = ManifestData(
        manifest=str(shapes), class_map={"disc": "thing", "square": "thing"}, classes=None
    )
    with pytest.raises(ValueError, match=r"one class only .'thing'"):
        table.read(0)


def test_the_command_takes_a_map(trained, other, shapes, tmp_path):
    words = [f"ckpt={trained}", "data=manifest", f"data.manifest={other}", "data.num_workers=0"]
    words += [f"data.root={shapes.parent}", "trainer.accelerator=cpu", "interventions=none"]
    told = "data.class_map={round: disc, angular: square, blurred: null}"
    metrics = evaluate_in_process(tmp_path / "out", *words, told)
    assert (metrics["test_images"], metrics["num_left_out_images"]) == (4, 2)
    own = json.loads((trained / "metrics.json").read_text())
    assert own["test_images"] == 6
