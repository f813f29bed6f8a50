"""Gates keep what they promise; lists of gates and backbones are found, never typed."""

from pathlib import Path

import numpy as np
import pytest
import timm
import torch
import yaml

from datamodules.transforms import Collate, Preprocessing, resize_together
from lightning_modules.build import build
from lightning_modules.networks import Backbone, ROINetwork
from lightning_modules.networks.gates import NoGate, PixelGate, Promise
from lightning_modules.networks.mask_source import MaskOrigin, MaskSource, dilate_mask

CONF = Path(__file__).parents[1] / "conf"
GATES = [yaml.safe_load(path.read_text()) for path in sorted(CONF.glob("gate/*.yaml"))]
GATES = [gate for gate in GATES if not gate["_target_"].endswith("choose_gate")]
EXACT_GATES = [gate for gate in GATES if build(gate).promise is Promise.EXACT]
BACKBONES = timm.list_models("test_*")


def name_of(gate):
    return gate["_target_"].rpartition(".")[2]


def make_network(gate, backbone="test_resnet", size=(64, 64)):
    torch.manual_seed(0)
    return ROINetwork(Backbone(3, size, backbone=backbone), build(gate)).eval()


def evaluate(network, image, planes):
    """From decoded uint8 to logits, through the whole evaluation transform."""
    backbone = network.backbone
    steps = Preprocessing(backbone.image_size, backbone.mean, backbone.std, backbone.interpolation)
    pixels, roi = resize_together(image, planes, steps)
    sample = {"image": pixels, "roi": roi, "has_roi": np.ones(len(planes), bool)}
    batch = Collate(steps)([sample | {"label": 0, "id": "one", "roi_share": 0.0}])
    with torch.no_grad():
        return network(batch["image"], batch["roi"], batch["has_roi"]).logits


@pytest.mark.parametrize("gate", GATES, ids=name_of)
def test_a_full_roi_changes_nothing(gate):
    network, plain = make_network(gate), make_network({"_target_": GATES[0]["_target_"]})
    image, roi = torch.randn(2, 3, 64, 64), torch.ones(2, 1, 64, 64, dtype=torch.bool)
    has_roi = torch.ones(2, 1, dtype=torch.bool)
    assert torch.equal(network(image, roi, has_roi).logits, plain(image, roi, has_roi).logits)


@pytest.mark.parametrize("source", [(64, 64), (150, 117), (37, 45)], ids=["same", "down", "up"])
@pytest.mark.parametrize("backbone", BACKBONES)
@pytest.mark.parametrize("gate", EXACT_GATES, ids=name_of)
def test_outside_pixels_cannot_change_the_answer(gate, backbone, source):
    network = make_network(gate, backbone)
    rng = np.random.default_rng(1)
    planes = np.zeros((2, *source), bool)
    planes[0, source[0] // 4 : source[0] // 2, source[1] // 4 : -source[1] // 4] = True
    planes[1, source[0] // 2 : -3, source[1] // 2 : -3] = True
    image = rng.integers(0, 256, (*source, 3), dtype=np.uint8)
    expected = evaluate(network, image, planes)
    inside = planes.any(axis=0)[..., None]
    for outside in (0, 255, rng.integers(0, 256, image.shape), image[::-1, ::-1]):
        other = np.where(inside, image, outside).astype(np.uint8)
        assert torch.equal(evaluate(network, other, planes), expected)
    # the test can fail: what stands inside does change the answer
    assert not torch.equal(evaluate(network, 255 - image, planes), expected)


@pytest.mark.parametrize("gate", EXACT_GATES, ids=name_of)
def test_not_even_nan_or_infinity_outside_gets_in(gate):
    network = make_network(gate)
    image = torch.randn(1, 3, 64, 64)
    roi = torch.zeros(1, 1, 64, 64, dtype=torch.bool)
    roi[..., 20:40, 20:40] = True
    has_roi = torch.ones(1, 1, dtype=torch.bool)
    expected = network(image, roi, has_roi).logits
    for value in (float("nan"), float("inf"), -float("inf")):
        other = torch.where(roi, image, torch.tensor(value))
        assert torch.equal(network(other, roi, has_roi).logits, expected)


@pytest.mark.parametrize("gate", EXACT_GATES, ids=name_of)
def test_the_gradient_outside_the_mask_is_exactly_zero(gate):
    network = make_network(gate)
    image = torch.randn(1, 3, 64, 64, requires_grad=True)
    roi = torch.zeros(1, 1, 64, 64, dtype=torch.bool)
    roi[..., 20:40, 20:40] = True
    network(image, roi, torch.ones(1, 1, dtype=torch.bool)).logits.sum().backward()
    assert (image.grad[~roi.expand_as(image)] == 0).all()
    assert (image.grad[roi.expand_as(image)] != 0).any()


def test_the_plain_backbone_reads_the_background():
    network = make_network({"_target_": "lightning_modules.networks.gates.NoGate"})
    image = torch.randn(1, 3, 64, 64)
    roi = torch.zeros(1, 1, 64, 64, dtype=torch.bool)
    has_roi = torch.ones(1, 1, dtype=torch.bool)
    assert NoGate().promise is Promise.NONE
    changed = network(image + 1, roi, has_roi).logits
    assert not torch.equal(network(image, roi, has_roi).logits, changed)


@pytest.mark.parametrize("gate", GATES, ids=name_of)
@pytest.mark.parametrize(
    "mask",
    [
        torch.ones(2, 3, 8, 8, dtype=torch.bool),
        torch.ones(2, 1, 4, 4, dtype=torch.bool),
        torch.ones(1, 1, 8, 8, dtype=torch.bool),
        torch.ones(2, 1, 8, 8),
    ],
    ids=["three regions", "another size", "another batch", "soft"],
)
def test_a_mask_of_another_shape_is_refused(gate, mask):
    with pytest.raises(ValueError, match=r"expected torch.bool of \(2, 1, 8, 8\)"):
        build(gate)(torch.nn.Identity(), torch.zeros(2, 3, 8, 8), mask)


def test_three_regions_are_joined_and_never_meet_the_three_colours():
    roi = torch.zeros(1, 3, 16, 16, dtype=torch.bool)
    for region in range(3):
        roi[0, region, 5 * region : 5 * region + 3, :8] = True
    mask, _ = MaskSource(0, "error")(roi, torch.ones(1, 3, dtype=torch.bool))
    seen = PixelGate(fill=-9.0).hide(torch.ones(1, 3, 16, 16), mask)
    for colour in range(3):
        assert torch.equal(seen[:, colour] == 1, roi.any(1))


def test_a_region_that_is_not_annotated_adds_nothing():
    roi = torch.ones(1, 2, 4, 4, dtype=torch.bool)
    roi[0, 0, :, 2:] = False
    mask, origin = MaskSource(0, "error")(roi, torch.tensor([[True, False]]))
    assert torch.equal(mask[0], roi[0, :1])
    assert origin.tolist() == [MaskOrigin.GIVEN]


def test_each_image_of_a_batch_gets_its_own_policy():
    roi = torch.zeros(2, 1, 4, 4, dtype=torch.bool)
    has_roi = torch.tensor([[True], [False]])
    mask, origin = MaskSource(0, "full")(roi, has_roi)
    assert not mask[0].any()
    assert mask[1].all()
    assert origin.tolist() == [MaskOrigin.GIVEN, MaskOrigin.FULL]
    with pytest.raises(ValueError, match="1 images of a batch have no ROI"):
        MaskSource(0, "error")(roi, has_roi)


def test_dilation_counts_pixels_and_negative_erodes():
    mask = torch.zeros(1, 1, 21, 21, dtype=torch.bool)
    mask[..., 8:13, 8:13] = True
    assert dilate_mask(mask, 2).sum() == 9 * 9
    assert dilate_mask(mask, -2).sum() == 1
    assert torch.equal(dilate_mask(mask, 0), mask)


def test_the_border_of_the_image_does_not_eat_a_mask():
    full = torch.ones(1, 1, 9, 9, dtype=torch.bool)
    assert dilate_mask(full, -3).all()
    assert dilate_mask(~full, 3).sum() == 0


def test_hidden_pixels_take_the_fill():
    mask = torch.zeros(1, 1, 2, 2, dtype=torch.bool)
    assert (PixelGate(fill=0.25).hide(torch.randn(1, 3, 2, 2), mask) == 0.25).all()


@pytest.mark.parametrize("options", [{"fill": float("nan")}, {"roi_missing": "guess"}])
def test_a_pixel_gate_out_of_range_is_refused(options):
    with pytest.raises(ValueError, match=f"gate.{next(iter(options))}"):
        PixelGate(**options)
