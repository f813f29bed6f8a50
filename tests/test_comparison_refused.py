"""Runs that did not answer the same question are not compared, and the message says which."""

from dataclasses import replace

import numpy as np
import pytest
from compared import as_variants, make_pair

from lightning_modules.evaluation.comparison.paired import pair


@pytest.fixture
def tables():
    return make_pair()


def refused(*tables, shared=False):
    with pytest.raises(ValueError) as caught:
        pair(as_variants(*tables), shared)
    return str(caught.value)


def test_different_images_are_counted_and_named_on_either_side(tables):
    first, second = tables
    other = replace(second, ids=[f"j{row}" if row < 2 else f"i{row}" for row in range(240)])
    said = refused(first.only(np.arange(240) != 5), other)
    assert "run A and run B were tested on different images (239 and 240)" in said
    assert "2 in run A alone (i0, i1)" in said
    assert "3 in run B alone (i5, j0, j1)" in said
    assert "237 are in all of them: shared=true" in said


def test_the_shared_images_are_compared_where_that_is_asked_and_said(tables):
    first, second = tables
    paired = pair(as_variants(first.only(np.arange(240) >= 100), second), shared=True)
    assert paired.ids == [f"i{row}" for row in range(100, 240)]
    assert "This compares the 140 that all of them have, of up to 240" in paired.notes[0]
    assert (paired.labels == second.labels[100:]).all()


def test_no_shared_image_is_said_whatever_is_asked(tables):
    first, second = tables
    other = replace(second, ids=[f"j{row}" for row in range(240)])
    assert "No image is in all of them." in refused(first, other, shared=True)


def test_different_labels_are_named(tables):
    first, second = tables
    labels = second.labels.copy()
    labels[7] = 1 - labels[7]
    names = [first.class_names[one] for one in (first.labels[7], labels[7])]
    said = refused(first, replace(second, labels=labels))
    assert f"have different labels for 1 image (i7: {names[0]} and {names[1]})" in said


def test_different_classes_are_named(tables):
    said = refused(tables[0], replace(tables[1], class_names=("cat", "horse")))
    assert "run B has the classes cat, horse, and run A has cat, dog" in said


def test_different_groups_are_named(tables):
    groups = tables[1].groups.copy()
    groups[[3, 4]] = "x"
    said = refused(tables[0], replace(tables[1], groups=groups))
    assert "have different groups for 2 images (i3, i4)" in said


def test_groups_that_one_run_knows_count_for_all(tables):
    paired = pair(as_variants(replace(tables[0], groups=None), tables[1]))
    assert paired.num_units == 20
    assert paired.notes == ["The groups are those of run B: not all of the runs know them."]


def test_without_groups_every_image_counts_and_that_is_said(tables):
    paired = pair(as_variants(*(replace(table, groups=None) for table in tables)))
    assert (paired.num_units, paired.unit_name) == (240, "images")
    assert "the intervals are too narrow" in paired.notes[0]


def test_answers_that_are_no_numbers_are_refused(tables):
    logits = tables[1].logits.copy()
    logits[:3] = np.nan
    said = refused(tables[0], replace(tables[1], logits=logits))
    assert "run B: 3 of 240 answers are not numbers" in said


def test_images_without_an_answer_are_left_out_and_counted(tables):
    origins = ["abstain"] * 5 + ["given"] * 235
    paired = pair(as_variants(tables[0], replace(tables[1], mask_origin=origins)))
    assert len(paired.ids) == 235
    assert paired.notes[0].startswith("5 of 240 images got no answer from at least one run")


def test_all_mistakes_come_together(tables):
    first, second = tables
    said = refused(
        first, replace(second, class_names=("cat", "horse")), replace(second, ids=["i0"] * 240)
    )
    assert said.startswith("2 reasons why these runs cannot be compared:")
    assert "run C has 239 images more than once" in said
