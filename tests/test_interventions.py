"""Networks whose answers are known get the numbers that they deserve."""

import numpy as np
import pytest
import torch
from readers import (
    AROUND,
    CENTRE,
    SIZE,
    TEXT,
    Reader,
    ShapeReader,
    make_batch,
    make_sample,
    read_by,
)

from lightning_modules.evaluation.interventions.attribution import energy_share
from lightning_modules.evaluation.interventions.changes import add_border
from lightning_modules.evaluation.interventions.donors import gather_donors
from lightning_modules.evaluation.interventions.evidence import gather_evidence
from lightning_modules.evaluation.interventions.filling import fill_smoothly
from lightning_modules.evaluation.interventions.flips import share_ends
from lightning_modules.evaluation.interventions.measures import Row
from lightning_modules.evaluation.interventions.table import _say_covered, describe, tabulate
from lightning_modules.evaluation.mask_quality import dice, iou, recall
from lightning_modules.evaluation.statistics.wilson import wilson_interval
from lightning_modules.networks.gates import PixelGate


def evidence_of(backbone, num_classes, gate=None, **options):
    sample = make_sample(96, num_classes, **options)
    return gather_evidence(read_by(backbone, gate), sample, rounds=1, seed=0)


@pytest.mark.parametrize("num_classes", [2, 3])
def test_a_reader_of_the_background_is_found_out_by_every_intervention(num_classes):
    found = evidence_of(Reader(AROUND, num_classes), num_classes)
    metrics = found.metrics
    assert metrics["test_sample_accuracy"] == 1
    assert metrics["test_same_background_accuracy"] == 1
    assert metrics["test_same_background_flip_rate"] == 0
    assert metrics["test_next_background_accuracy"] == 0
    assert metrics["test_next_background_flip_rate"] == 1
    # on a random background it is right when that is by chance of the own class
    assert metrics["test_background_gap"] == pytest.approx(1 - 1 / num_classes)
    assert metrics["test_flip_rate"] == pytest.approx(1 - 1 / num_classes)
    assert metrics["test_bit_exact_share"] < 0.1
    assert metrics["test_no_roi_accuracy"] == 1
    assert metrics["test_mask_only_accuracy"] < 0.8
    assert metrics["test_gradient_outside_roi"] == 1
    assert "With the ROI covered it is right in 100.0 %" in " ".join(describe(found))


def test_a_flip_rate_is_as_sure_as_its_images_and_their_groups_make_it():
    rng = np.random.default_rng(0)
    flipped, ones = rng.random(60) < 0.3, np.ones(60)
    alone = share_ends("flip_rate", np.arange(60), flipped, ones)
    assert tuple(alone.values()) == wilson_interval(int(flipped.sum()), 60)
    # answers of one image, or to images of one subject, do not count as so many
    alike = share_ends("flip_rate", np.arange(60) // 10, np.repeat(flipped[::10], 10), ones)
    assert np.ptp(list(alike.values())) > 2 * np.ptp(list(alone.values()))
    assert share_ends(
        "flip_rate", np.arange(3), np.zeros(3, bool), np.full(3, 0.5)
    ) == pytest.approx({"flip_rate_low": 0.0, "flip_rate_high": wilson_interval(0, 3)[1]})
    assert share_ends("flip_rate", np.zeros(60), flipped, ones) == {}


def test_the_interval_of_random_backgrounds_holds_their_flip_rate_and_says_of_how_many():
    found = evidence_of(Reader(AROUND, 3), 3)
    metrics, row = found.metrics, found.rows["random_background"]
    ends = [metrics[f"test_flip_rate_{end}"] for end in ("low", "high")]
    assert 0 < ends[0] < metrics["test_flip_rate"] < ends[1] < 1
    assert metrics["test_flip_rate_images"] == row.images
    assert f"({row.images} asked about, 95 % interval" in " ".join(describe(found))


def test_a_constant_answer_never_changes_by_a_bit():
    row = evidence_of(Reader(AROUND, 3), 3).constant
    assert (row.flip_rate, row.bit_exact_share, row.logit_change) == (0, 1, 0)
    assert row.accuracy_low < row.accuracy < row.accuracy_high
    assert row.flip_rate_low is None and row.flip_rate_high is None


@pytest.mark.parametrize("num_classes", [2, 3])
def test_a_reader_of_the_roi_never_changes_its_answer(num_classes):
    metrics = evidence_of(Reader(CENTRE, num_classes), num_classes).metrics
    for name in ("same_background", "next_background"):
        assert metrics[f"test_{name}_flip_rate"] == 0
        assert metrics[f"test_{name}_accuracy"] == 1
    assert metrics["test_flip_rate"] == metrics["test_background_gap"] == 0
    assert metrics["test_bit_exact_share"] == 1
    assert metrics["test_logit_change"] == 0
    assert metrics["test_distractor_text_erased_flip_rate"] == 0
    assert metrics["test_distractor_text_transplanted_flip_rate"] == 0
    assert metrics["test_gradient_outside_roi"] == 0


def test_a_reader_of_the_masks_shape_is_caught_by_the_mask_alone():
    found = evidence_of(ShapeReader(CENTRE, 2), 2, PixelGate(pooling="mean"), shaped=True)
    assert found.metrics["test_mask_only_accuracy"] == 1
    assert found.metrics["test_flip_rate"] == 0
    assert "From the mask's shape alone" in " ".join(describe(found))
    assert "that alone tells it the class" in " ".join(describe(found))


@pytest.mark.parametrize("named", [True, False])
def test_a_reader_of_burnt_in_text_is_caught_by_the_distractors(named):
    place = TEXT if named else (slice(0, 2), slice(0, SIZE))
    metrics = evidence_of(Reader(place, 2), 2, named=named).metrics
    name = "text" if named else "border"
    assert metrics[f"test_distractor_{name}_transplanted_flip_rate"] == 1
    assert metrics[f"test_distractor_{name}_transplanted_accuracy"] == 0
    # the background that stands in its stead shows the class too, and less brightly
    assert metrics[f"test_distractor_{name}_erased_flip_rate"] == 0


def test_what_a_gate_hides_changes_no_bit():
    gated = evidence_of(Reader(AROUND, 2), 2, PixelGate(pooling="mean"))
    assert gated.metrics["test_bit_exact_share"] == 1
    assert gated.metrics["test_gradient_outside_mask"] == 0
    # with a full mask the same network reads the background
    assert gated.metrics["test_full_mask_next_background_accuracy"] == 0
    assert gated.metrics["test_full_mask_next_background_flip_rate"] == 1


def test_the_constant_predictor_stands_beside():
    found = evidence_of(Reader(AROUND, 3), 3)
    assert found.metrics["test_constant_accuracy"] == pytest.approx(1 / 3, abs=0.05)
    table = tabulate(found, {})
    assert any(line.startswith("constant answer") for line in table)
    assert found.metrics["test_interventions"][-1]["flip_rate"] == 0


def test_every_image_gets_its_share_of_the_changes_and_no_flip_rate_stands_alone():
    found = evidence_of(Reader(AROUND, 2), 2)
    images = {row["name"]: row["images"] for row in found.metrics["test_interventions"]}
    assert images["same_background"] == pytest.approx(58, abs=3)
    assert images["no_roi"] == pytest.approx(19, abs=3)
    # second changes are left out of one batch in three: here of two in six
    assert images["next_background"] == pytest.approx(38, abs=4)
    assert images["mask_only"] == pytest.approx(13, abs=3)
    assert sum(images[n] for n in ("same_background", "no_roi", "distractor_text_erased")) == 96
    for row in found.metrics["test_interventions"]:
        assert 0 <= row["accuracy"] <= 1


def test_donors_are_of_another_group_and_their_roi_is_gone():
    batch = add_border(make_batch(16, 2, seed=3))
    unit_of = {str(row): row // 4 for row in range(16)}
    donors = gather_donors([batch], unit_of, [0, 1], torch.device("cpu"))
    # objects are brighter than any background
    assert batch["image"][:, :, *CENTRE].amax() > 2.5 > donors.background[:, :, *CENTRE].amax()
    own = torch.arange(16) // 4
    for kind, same in (("same", True), ("next", False), ("other", False)):
        chosen = donors.choose(kind, batch["label"], own, torch.Generator().manual_seed(0))
        assert (donors.unit[chosen] != own).all()
        assert ((donors.place[chosen] == batch["label"]) == same).all()
    nobody = donors.choose("far", batch["label"], own, torch.Generator())
    assert (nobody == -1).all()


def test_the_same_seed_asks_the_same():
    first, second = (evidence_of(Reader(TEXT, 3), 3).metrics for _ in range(2))
    assert first == second


def test_masks_agree_by_the_book():
    a, b = torch.zeros(4, 1, 4, 4, dtype=torch.bool), torch.zeros(4, 1, 4, 4, dtype=torch.bool)
    a[0, 0, :2] = True  # 8 pixels, 4 of them in both
    b[0, 0, 1:4] = True  # 12 pixels
    a[1, 0, 0] = True  # found where nothing is
    b[2, 0, 0] = True  # missed
    assert dice(a, b).tolist() == pytest.approx([2 * 4 / 20, 0, 0, 1])
    assert iou(a, b).tolist() == pytest.approx([4 / 16, 0, 0, 1])
    assert recall(a, b).tolist() == pytest.approx([4 / 12, 1, 0, 1])


def test_energy_share_by_the_book():
    heat = torch.tensor([[[[1.0, 3.0], [0.0, 4.0]]]])
    mask = torch.zeros(1, 1, 4, 4, dtype=torch.bool)
    mask[..., 2:] = True  # the right half: 3 + 4 of 8
    assert energy_share(heat, mask).item() == pytest.approx(7 / 8)
    mask[..., 0, 0] = True  # a quarter of the first cell
    assert energy_share(heat, mask).item() == pytest.approx(7.25 / 8)
    assert energy_share(torch.zeros(1, 1, 2, 2), mask).isnan().all()


def test_a_hole_is_filled_from_around_it_and_never_from_inside():
    image = torch.full((2, 3, 21, 17), 0.25)
    hole = torch.zeros(2, 1, 21, 17, dtype=torch.bool)
    hole[:, :, 5:15, 3:9] = True
    assert fill_smoothly(torch.where(hole, torch.nan, image), hole).allclose(image)
    image[..., :9] = 1.0  # bright on the left, where the hole is
    filled = fill_smoothly(torch.where(hole, -9.0, image), hole)
    assert (filled[:, :, 5:15, 3:5] > 0.6).all()
    assert torch.equal(filled[~hole.expand_as(filled)], image[~hole.expand_as(image)])
    assert (fill_smoothly(image, torch.ones_like(hole)) == 0).all()


def test_all_is_asked_in_fewer_than_three_times_the_answers_of_a_plain_test():
    network, asked = read_by(Reader(AROUND, 2), PixelGate(pooling="mean")), []
    network.register_forward_pre_hook(lambda _, inputs: asked.append(len(inputs[0])))
    gather_evidence(network, make_sample(640, 2), rounds=1, seed=0)
    assert 2.3 * 640 < sum(asked) < 2.75 * 640


def test_an_answer_that_is_lost_is_an_answer_that_changed():
    """A locator that finds bright things, which a gate without them gives no answer for."""
    gate = PixelGate(pooling="mean", roi_missing="abstain")
    network = read_by(Reader(CENTRE, 2), gate)
    gate.locator = Reader(CENTRE, 1)
    gate.locator.forward = lambda image: 1 - (image.amax(dim=1, keepdim=True) - 3.5).abs()
    sample = make_sample(96, 2)
    load = sample.load
    sample.load = lambda rows: (b | {"has_roi": b["has_roi"] & False} for b in load(rows))
    found = gather_evidence(network, sample, rounds=1, seed=0)
    covered = found.rows["no_roi"]
    assert covered.flip_rate == covered.unanswered == 1
    assert covered.accuracy == 0
    assert found.rows["same_background"].unanswered == 0


def test_classes_that_are_not_there_change_nothing():
    """A model of five classes on images of two of them: the next class is the other one."""
    found = evidence_of(Reader(AROUND, 3), 2)
    assert found.metrics["test_flip_rate"] == pytest.approx(0.5)
    assert found.metrics["test_background_gap"] == pytest.approx(0.5)


def test_no_word_of_praise_for_few_images_and_none_for_a_reader_of_the_background():
    few = gather_evidence(read_by(Reader(AROUND, 2)), make_sample(12, 2), rounds=1, seed=0)
    assert "too few images to tell" in " ".join(describe(few))
    row = Row("no_roi", 200, 0.5, 0.5, 0.45, 0.55, flip_rate=0.02)
    constant = Row("constant", 200, 0.5, 0.5, 0.45, 0.55)
    assert "it hardly reads the ROI" in " ".join(_say_covered({"no_roi": row}, constant))
    row = Row("no_roi", 200, 0.5, 0.5, 0.45, 0.55, flip_rate=0.5)
    assert "as it should be" in " ".join(_say_covered({"no_roi": row}, constant))


def test_a_distractor_in_the_roi_or_nowhere_is_not_counted():
    sample = make_sample(96, 2)
    load = sample.load
    sample.load = lambda rows: (b | {"distractors": b["roi"]} for b in load(rows))
    found = gather_evidence(read_by(Reader(AROUND, 2)), sample, rounds=1, seed=0)
    assert not any(name.startswith("distractor") for name in found.rows)


def test_images_without_a_donor_of_their_class_still_say_how_many_answers_change():
    sample = make_sample(96, 2)
    sample.unit_of = {name: int(name) % 2 for name in sample.unit_of}  # one group a class
    found = gather_evidence(read_by(Reader(AROUND, 2)), sample, rounds=1, seed=0)
    assert "test_background_gap" not in found.metrics
    assert found.metrics["test_flip_rate"] == 1
