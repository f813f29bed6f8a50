"""The mask source decides image by image, and what it does in training stays in training."""

import pytest
import torch
from torch import nn

from lightning_modules.networks.mask_source import MaskOrigin, MaskSource
from lightning_modules.networks.masks import dilate_mask, move_rim

SIZE = 20


class Finds(nn.Module):
    """A locator that finds a given mask (B, 1, H, W)."""

    def __init__(self, mask):
        super().__init__()
        self.mask = mask

    def forward(self, image):
        return torch.where(self.mask, 5.0, -5.0)


def square(start, stop):
    mask = torch.zeros(1, 1, SIZE, SIZE, dtype=torch.bool)
    mask[..., start:stop, start:stop] = True
    return mask


def test_given_then_detected_then_predicted_then_the_policy_inside_one_batch():
    drawn, found = square(2, 8), square(10, 16)
    roi = torch.cat([drawn, drawn, drawn, drawn])
    has_roi = torch.tensor([[True], [True], [False], [False]])
    detected = torch.tensor([False, True, True, False])
    locator = Finds(torch.cat([found, found, found, torch.zeros_like(found)]))
    source = MaskSource(0, "full").eval()
    mask, origin, _ = source(torch.zeros(4, 3, SIZE, SIZE), roi, has_roi, detected, locator)
    kinds = [MaskOrigin.GIVEN, MaskOrigin.DETECTED, MaskOrigin.PREDICTED, MaskOrigin.FULL]
    assert origin.tolist() == kinds
    assert torch.equal(mask, torch.cat([drawn, drawn, found, torch.ones_like(found)]))


@pytest.mark.parametrize("training", [True, False])
def test_where_nobody_knows_the_policy_decides(training):
    image = torch.zeros(2, 3, SIZE, SIZE)
    roi, has_roi = torch.zeros(2, 1, SIZE, SIZE, dtype=torch.bool), torch.tensor([[True], [False]])
    full = MaskSource(0, "full").train(training)(image, roi, has_roi)
    assert not full.mask[0].any()
    assert full.mask[1].all()
    assert full.origin.tolist() == [MaskOrigin.GIVEN, MaskOrigin.FULL]
    abstain = MaskSource(0, "abstain").train(training)(image, roi, has_roi)
    assert not abstain.mask.any()
    assert abstain.origin.tolist() == [MaskOrigin.GIVEN, MaskOrigin.ABSTAIN]
    with pytest.raises(ValueError, match="1 images of a batch have no ROI"):
        MaskSource(0, "error").train(training)(image, roi, has_roi)


def test_a_region_that_is_not_annotated_adds_nothing():
    roi = torch.ones(1, 2, 4, 4, dtype=torch.bool)
    roi[0, 0, :, 2:] = False
    found = MaskSource(0, "error")(torch.zeros(1, 3, 4, 4), roi, torch.tensor([[True, False]]))
    assert torch.equal(found.mask[0], roi[0, :1])
    assert found.origin.tolist() == [MaskOrigin.GIVEN]


def test_a_prediction_that_nobody_needs_is_not_made():
    def explode(image):
        raise AssertionError("asked in vain")

    locator = nn.Module()
    locator.forward = explode
    source = MaskSource(0, "full").eval()
    has_roi = torch.ones(1, 1, dtype=torch.bool)
    found = source(torch.zeros(1, 3, SIZE, SIZE), square(2, 8), has_roi, None, locator)
    assert found.logits is None


def test_teacher_forcing_is_the_share_gated_by_the_given_mask():
    num = 400
    drawn, found = square(2, 8), square(10, 16)
    roi, has_roi = drawn.expand(num, 1, SIZE, SIZE), torch.ones(num, 1, dtype=torch.bool)
    locator = Finds(found.expand(num, 1, SIZE, SIZE))
    image = torch.zeros(num, 3, SIZE, SIZE)
    for share in (0.0, 0.25, 1.0):
        torch.manual_seed(0)
        source = MaskSource(0, "full", teacher_forcing=share).train()
        mask, origin, _ = source(image, roi, has_roi, None, locator)
        given = origin == MaskOrigin.GIVEN
        assert float(given.float().mean()) == pytest.approx(share, abs=0.06)
        assert (mask[given] == drawn).all()
        assert (mask[~given] == found).all()


def test_a_locator_that_finds_nothing_leaves_a_given_mask_in_force():
    nothing = Finds(torch.zeros(1, 1, SIZE, SIZE, dtype=torch.bool))
    source = MaskSource(0, "full", teacher_forcing=1e-9).train()
    has_roi = torch.ones(1, 1, dtype=torch.bool)
    mask, origin, _ = source(torch.zeros(1, 3, SIZE, SIZE), square(2, 8), has_roi, None, nothing)
    assert torch.equal(mask, square(2, 8))
    assert origin.tolist() == [MaskOrigin.GIVEN]


def test_without_teacher_forcing_images_with_and_without_roi_are_treated_alike():
    """Having one may tell the label; then the kind of mask must not."""
    num = 2
    nothing = Finds(torch.zeros(num, 1, SIZE, SIZE, dtype=torch.bool))
    source = MaskSource(0, "full", teacher_forcing=0.0).train()
    roi = square(2, 8).expand(num, 1, SIZE, SIZE)
    has_roi = torch.tensor([[True], [False]])
    found = source(torch.zeros(num, 3, SIZE, SIZE), roi, has_roi, None, nothing)
    assert found.origin.tolist() == [MaskOrigin.FULL] * num
    assert torch.equal(found.mask[0], found.mask[1])


def test_dropout_does_not_answer_for_an_image_that_abstains():
    image = torch.zeros(64, 3, SIZE, SIZE)
    roi = torch.zeros(64, 1, SIZE, SIZE, dtype=torch.bool)
    source = MaskSource(0, "abstain", roi_dropout=0.5).train()
    found = source(image, roi, torch.zeros(64, 1, dtype=torch.bool))
    assert (found.origin == MaskOrigin.ABSTAIN).all()


def test_jitter_and_dropout_act_in_training_only():
    num = 300
    roi, has_roi = square(6, 14).expand(num, 1, SIZE, SIZE), torch.ones(num, 1, dtype=torch.bool)
    image = torch.zeros(num, 3, SIZE, SIZE)
    torch.manual_seed(0)
    source = MaskSource(0, "error", mask_jitter=1, roi_dropout=0.2).train()
    mask, origin, _ = source(image, roi, has_roi)
    sides = mask.flatten(1).sum(1).sqrt()
    full = origin == MaskOrigin.FULL
    assert set(sides[~full].tolist()) == {6.0, 8.0, 10.0}
    assert float(full.float().mean()) == pytest.approx(0.2, abs=0.06)
    source.eval()
    quiet = source(image, roi, has_roi)
    assert torch.equal(quiet.mask, roi)
    assert (quiet.origin == MaskOrigin.GIVEN).all()


def test_dilation_counts_pixels_and_negative_erodes():
    mask = torch.zeros(1, 1, 21, 21, dtype=torch.bool)
    mask[..., 8:13, 8:13] = True
    assert dilate_mask(mask, 2).sum() == 9 * 9
    assert dilate_mask(mask, -2).sum() == 1
    assert torch.equal(dilate_mask(mask, 0), mask)


def test_dilation_agrees_with_scipys():
    from scipy.ndimage import binary_dilation, binary_erosion

    mask = torch.rand(2, 1, 23, 31, generator=torch.Generator().manual_seed(0)) > 0.7
    square_of = torch.ones(5, 5).numpy()
    for row in mask:
        image = row[0].numpy()
        grown = binary_dilation(image, square_of)
        shrunk = binary_erosion(image, square_of, border_value=1)
        assert (dilate_mask(row[None], 2)[0, 0].numpy() == grown).all()
        assert (dilate_mask(row[None], -2)[0, 0].numpy() == shrunk).all()


def test_the_border_of_the_image_does_not_eat_a_mask():
    full = torch.ones(1, 1, 9, 9, dtype=torch.bool)
    assert dilate_mask(full, -3).all()
    assert dilate_mask(~full, 3).sum() == 0


def test_small_masks_are_eroded_less_and_never_away():
    masks = torch.cat([square(2, 16), square(8, 12), square(9, 11)])
    eroded = move_rim(masks, -2)
    # 14 x 14 keeps 100 of 196; 4 x 4 keeps 4 of 16 after one step; 2 x 2 would keep nothing
    assert eroded.flatten(1).sum(1).tolist() == [100, 4, 4]
    assert torch.equal(move_rim(masks, 1), dilate_mask(masks, 1))
