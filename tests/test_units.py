"""Patients and clips in the place of images."""

import numpy as np
import pytest

from lightning_modules.evaluation.predictions import PredictionTable
from lightning_modules.evaluation.predictions_file import read_predictions, write_predictions
from lightning_modules.evaluation.units import to_units

PROBS = [0.9, 0.2, 0.4, 0.6, 0.1, 0.3]  # of "ill"
PATIENTS = ["p2", "p2", "p1", "p1", "p3", "p3"]
LABELS = [1, 1, 0, 0, 0, 0]


def table_of(probs=PROBS, labels=LABELS, groups=PATIENTS, origins=None, **columns):
    probs = np.array(probs)
    logits = np.log(np.stack([1 - probs, probs], axis=1)).astype(np.float32)
    count = len(probs)
    return PredictionTable(
        ids=[f"i{row}" for row in range(count)],
        labels=np.array(labels),
        logits=logits,
        class_names=["well", "ill"],
        mask_origin=origins or ["given"] * count,
        mask_share=np.full(count, 0.5),
        roi_share=np.full(count, 0.5),
        columns={name: np.array(values) for name, values in columns.items()},
        groups=None if groups is None else np.array(groups),
    )


@pytest.mark.parametrize(
    ("aggregate", "expected"), [("mean", [0.55, 0.5, 0.2]), ("max", [0.9, 0.6, 0.3])]
)
def test_a_patient_has_the_mean_or_the_highest_probability_of_its_images(aggregate, expected):
    units = to_units(table_of(), "group", aggregate, "ill")
    assert units.ids == ["p2", "p1", "p3"]
    assert units.labels.tolist() == [1, 0, 0]
    assert units.probs[:, 1] == pytest.approx(expected, abs=1e-6)
    assert units.columns["images"].tolist() == ["2", "2", "2"]


def test_the_mean_of_three_classes_is_that_of_their_probabilities():
    rng = np.random.default_rng(0)
    logits = rng.normal(size=(12, 3)).astype(np.float32)
    whole = table_of([0.5] * 12, [0] * 12, [f"p{row % 4}" for row in range(12)])
    whole.logits, whole.class_names = logits, ["a", "b", "c"]
    units = to_units(whole, "group", "mean")
    for name, probs in zip(units.ids, units.probs, strict=True):
        rows = [row for row in range(12) if whole.groups[row] == name]
        assert probs == pytest.approx(whole.probs[rows].mean(axis=0), abs=1e-6)


def test_images_without_an_answer_do_not_speak_for_their_patient():
    origins = ["abstain", "given", "given", "given", "abstain", "abstain"]
    units = to_units(table_of(origins=origins), "group", "mean")
    assert units.probs[0, 1] == pytest.approx(0.2, abs=1e-6)
    assert units.mask_origin == ["given", "given", "abstain"]
    assert units.answered.ids == ["p2", "p1"]


def test_a_patient_with_two_labels_is_named():
    with pytest.raises(ValueError, match=r"1 of 3 units .* p2 \(well, ill\)\. Choose"):
        to_units(table_of(labels=[1, 0, 0, 0, 0, 0]), "group", "mean")


def test_a_clip_is_a_column_and_keeps_the_patient_it_is_of():
    clips = ["a", "a", "b", "c", "", ""]
    units = to_units(
        table_of(sequence=clips, site=["x"] * 6, time=list("123456")), "sequence", "max", "ill"
    )
    assert units.ids == ["a", "b", "c", "i4", "i5"]  # a blank one stands for itself
    assert units.groups.tolist() == ["p2", "p1", "p1", "p3", "p3"]
    assert set(units.columns) == {"sequence", "site", "images"}


def test_units_are_written_and_read_back(tmp_path):
    units = to_units(table_of(), "group", "mean")
    write_predictions(units, tmp_path / "unit_predictions.csv")
    assert (read_predictions(tmp_path / "unit_predictions.csv").logits == units.logits).all()


def test_mistakes_are_named():
    with pytest.raises(ValueError, match=r"unit=clip: there is no such column.*sequence"):
        to_units(table_of(sequence=["a"] * 6), "clip", "mean")
    with pytest.raises(ValueError, match="no groups are known"):
        to_units(table_of(groups=None), "group", "mean")
    with pytest.raises(ValueError, match="aggregate=mean"):
        to_units(table_of(), "group", "max", None)
