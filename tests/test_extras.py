"""Swapped backgrounds keep the object and its label, and nothing of where it stood."""

import math

import pytest
import torch

from lightning_modules.extras import Extras, jensen_shannon
from lightning_modules.swap import choose_donors, fill_hole, paste


def make_batch(num=6, size=24, **changes):
    """Each image is one colour outside of its ROI and another inside."""
    image = torch.arange(num).float().view(num, 1, 1, 1).expand(num, 3, size, size).clone()
    roi = torch.zeros(num, 1, size, size, dtype=torch.bool)
    for row in range(num):
        roi[row, :, 4 + row : 14 + row, 6:16] = True
    image = torch.where(roi, 100.0 + image, image)
    batch = {"image": image, "roi": roi, "has_roi": torch.ones(num, 1, dtype=torch.bool)}
    return batch | {"label": torch.arange(num), "id": [str(row) for row in range(num)]} | changes


def test_copies_show_the_object_on_another_images_background():
    torch.manual_seed(0)
    batch = make_batch()
    longer, copied = Extras(swap=0.9).extend(batch, margin=0, background_seen=False)
    num = len(batch["image"])
    assert 0 < len(copied) <= num
    assert len(longer["image"]) == num + len(copied)
    assert torch.equal(longer["image"][:num], batch["image"])
    assert torch.equal(longer["label"][num:], batch["label"][copied])
    for copy, row in zip(longer["image"][num:], copied.tolist(), strict=True):
        roi = batch["roi"][row, 0]
        inner = roi & ~torch.nn.functional.max_pool2d((~roi)[None].float(), 3, 1, 1)[0].bool()
        assert torch.allclose(copy[:, inner], torch.tensor(100.0 + row), atol=1e-4)
        # beyond the ROI stands one other background, and neither the own one nor any object
        background = copy[0][~roi].unique()
        assert len(background) == 1
        assert background.item() in set(range(num)) - {row}


def test_only_images_with_a_roi_take_part():
    batch = make_batch(has_roi=torch.tensor([[True], [False], [True], [True], [False], [True]]))
    batch["roi"][3] = False  # annotated as absent
    torch.manual_seed(1)
    longer, copied = Extras(swap=0.99).extend(batch, margin=0, background_seen=False)
    assert set(copied.tolist()) <= {0, 2, 5}
    assert longer["image"][6:].max() >= 100
    donors = {int(copy[0, 0, 0]) for copy in longer["image"][6:]}
    assert donors <= {0, 2, 5}


def test_donors_are_of_another_class_and_their_roi_lies_about_where_the_object_goes():
    mask = torch.zeros(5, 1, 32, 32, dtype=torch.bool)
    for row, left in enumerate((0, 0, 2, 22, 22)):
        mask[row, :, 8:18, left : left + 10] = True
    for _ in range(20):
        donors = choose_donors(mask, torch.tensor([0, 0, 1, 1, 0])).tolist()
        assert donors[0] == 2
        assert donors[4] == 3
    # of one class alone everybody else may serve, nobody is its own donor
    donors = choose_donors(mask, torch.zeros(5)).tolist()
    assert all(row != donor for row, donor in enumerate(donors))


def test_a_classifier_that_sees_the_background_cannot_tell_copies_by_their_seams():
    """Images and copies alike: only a filled rim and filled holes stand around the object."""
    torch.manual_seed(0)
    batch = make_batch()
    batch["image"] += torch.rand_like(batch["image"]) * 0.01
    longer, _ = Extras(swap=0.5).extend(batch, margin=0, background_seen=True)
    changed = (longer["image"][:6] != batch["image"]).any(dim=1)
    for row in range(6):
        roi = batch["roi"][row, 0]
        around = torch.nn.functional.max_pool2d(roi[None].float(), 5, 1, 2)[0].bool() & ~roi
        assert changed[row][around].float().mean() > 0.9
        # its own background all the same, and its own object
        assert longer["image"][row][0][~roi].round().unique().tolist() == [row]
        assert torch.allclose(
            longer["image"][row][:, 10:13, 9:13], batch["image"][row][:, 10:13, 9:13]
        )
    assert torch.equal(longer["roi"][:6], batch["roi"])


@pytest.mark.parametrize("known", [0, 1])
def test_without_a_donor_the_batch_stays_as_it_is(known):
    has_roi = torch.zeros(6, 1, dtype=torch.bool)
    has_roi[:known] = True
    batch = make_batch(has_roi=has_roi)
    longer, copied = Extras(swap=0.99).extend(batch, margin=0, background_seen=False)
    assert longer is batch
    assert len(copied) == 0


def test_the_share_of_copies_is_the_one_asked_for_and_no_image_is_its_own_donor():
    torch.manual_seed(0)
    copies, self_donors = 0, 0
    for _ in range(60):
        batch = make_batch()
        longer, copied = Extras(swap=0.3).extend(batch, margin=0, background_seen=False)
        copies += len(copied)
        for copy, row in zip(longer["image"][6:], copied.tolist(), strict=True):
            self_donors += int(copy[0, 0, 0]) == row
    assert copies / 360 == pytest.approx(0.3, abs=0.07)
    assert self_donors == 0


def test_a_hole_is_filled_with_the_images_own_background():
    image = torch.rand(2, 3, 32, 32)
    hole = torch.zeros(2, 1, 32, 32, dtype=torch.bool)
    hole[..., 10:20, 10:20] = True
    marked = torch.where(hole, 50.0, image)
    filled = fill_hole(marked, hole)
    assert torch.equal(filled[~hole.expand_as(image)], image[~hole.expand_as(image)])
    assert filled.max() <= 1
    # each pixel filled is one that stands elsewhere in the same image
    assert torch.isin(filled[0, 0, 10:20, 10:20], image[0, 0]).all()


def test_a_hole_without_any_background_is_filled_with_nothing_of_the_object():
    image, hole = torch.full((1, 3, 8, 8), 9.0), torch.ones(1, 1, 8, 8, dtype=torch.bool)
    assert (fill_hole(image, hole) == 0).all()


def test_nothing_of_the_donors_object_is_pasted():
    object_, donor = torch.full((1, 3, 24, 24), 5.0), torch.zeros(1, 3, 24, 24)
    mask, donor_mask = (torch.zeros(1, 1, 24, 24, dtype=torch.bool) for _ in range(2))
    mask[..., 2:8, 2:8], donor_mask[..., 12:18, 12:18] = True, True
    donor[..., 11:19, 11:19] = 99.0  # its rim is wider than its mask
    assert paste(object_, mask, donor, donor_mask).max() <= 5.0


def test_the_divergence_is_that_of_the_definition():
    logits, others = torch.tensor([[1.0, 0.0], [3.0, 3.0]]), torch.tensor([[0.0, 2.0], [3.0, 3.0]])
    p, q = logits.softmax(1), others.softmax(1)
    middle = (p + q) / 2
    expected = ((p * (p / middle).log()).sum(1) + (q * (q / middle).log()).sum(1)) / 2
    assert jensen_shannon(logits, others).item() == pytest.approx(expected.mean().item(), abs=1e-6)
    apart = jensen_shannon(torch.tensor([[99.0, 0.0]]), torch.tensor([[0.0, 99.0]]))
    assert apart.item() == pytest.approx(math.log(2), abs=1e-5)


@pytest.mark.parametrize(
    "options",
    [{"swap": 1.0}, {"swap": -0.1}, {"mask_jitter": -1}, {"roi_dropout": 1.0}, {"consistency": -1}],
)
def test_extras_out_of_range_are_refused(options):
    with pytest.raises(ValueError, match=f"extras.{next(iter(options))}"):
        Extras(**options)
