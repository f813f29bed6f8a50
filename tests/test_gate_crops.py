"""The crops gate sees regions one by one and weighs what each says."""

import math

import pytest
import timm
import torch
from torch import nn
from torch.nn.functional import log_softmax
from torchvision.transforms.v2.functional import resize

from lightning_modules.networks import Backbone, ROINetwork
from lightning_modules.networks.gates import CropsGate, Promise
from lightning_modules.networks.mask_source import MaskOrigin

NAMES = ("eyes", "mouth", "badge")
BOXES = {"eyes": (10, 30, 8, 20), "mouth": (20, 44, 30, 40), "badge": (2, 9, 44, 61)}
SIZE, CROP = (64, 64), 32


def make_network(backbone="test_resnet", missing="error", **options):
    """A network whose fusion and region embeddings are at random."""
    torch.manual_seed(0)
    gate = CropsGate(crop_size=CROP, roi_missing=missing, **options)
    network = ROINetwork(Backbone(3, gate.backbone_size, backbone=backbone), gate, NAMES).eval()
    for parameter in [*gate.parameters(), *network.backbone.head.parameters()]:
        nn.init.normal_(parameter, std=0.3)
    return network


def make_batch(num=3):
    """All three regions; the mouth alone; eyes and a badge, the mouth unknown; then nothing."""
    roi = torch.zeros(num, len(NAMES), *SIZE, dtype=torch.bool)
    for plane, name in enumerate(NAMES):
        x0, x1, y0, y1 = BOXES[name]
        roi[:, plane, y0:y1, x0:x1] = True
    roi[1, ::2] = False
    has_roi = torch.ones(num, len(NAMES), dtype=torch.bool)
    has_roi[2, 1] = False
    has_roi[3:] = False
    return torch.randn(num, 3, *SIZE), roi, has_roi


def ask(network, *batch):
    with torch.no_grad():
        return network(*batch)


def embed(backbone, crop):
    """What the last layer of a backbone reads of one crop (3, h, w)."""
    read = []
    hook = backbone.head.register_forward_pre_hook(lambda layer, inputs: read.append(inputs[0]))
    with torch.no_grad():
        backbone(resize(crop, [CROP, CROP])[None])
    hook.remove()
    return read[0][0]


@torch.no_grad()
def test_the_answer_is_the_gated_attention_of_the_crops():
    network = make_network(crop_margin=0.25)
    image, roi, has_roi = make_batch()
    output = ask(network, image, roi, has_roi)
    fusion, head = network.gate.fusion, network.backbone.head
    hidden = torch.where(roi[0].any(dim=0), image[0], 0.0)
    embeddings, scores = [], []
    for plane, name in enumerate(NAMES):
        x0, x1, y0, y1 = BOXES[name]
        wide, high = round((x1 - x0) / 4), round((y1 - y0) / 4)
        left, top = max(x0 - wide, 0), max(y0 - high, 0)
        crop = hidden[:, top : y1 + high, left : min(x1 + wide, 64)]
        h = embed(network.backbone, crop) + fusion.names[plane]
        gate = 1 / (1 + (-(fusion.switch.weight @ h + fusion.switch.bias)).exp())
        content = torch.tanh(fusion.content.weight @ h + fusion.content.bias)
        embeddings.append(h)
        scores.append(math.exp(float(fusion.score.weight[0] @ (content * gate))))
    weights = torch.tensor(scores) / sum(scores)
    fused = sum(weight * h for weight, h in zip(weights, embeddings, strict=True))
    assert torch.allclose(output.maps["region_weights"][0], weights, atol=1e-5)
    assert torch.allclose(output.logits[0], head(fused), atol=1e-4)
    assert torch.allclose(output.maps["region_logits"][0], head(torch.stack(embeddings)), atol=1e-4)


def test_weights_sum_to_one_and_absent_regions_get_none():
    maps = ask(make_network(), *make_batch()).maps
    expected = torch.tensor([[1, 1, 1], [0, 1, 0], [1, 0, 1]], dtype=torch.bool)
    assert torch.equal(maps["region_present"], expected)
    assert torch.equal(maps["region_weights"] > 0, expected)
    assert torch.allclose(maps["region_weights"].sum(dim=1), torch.ones(3))
    assert (maps["region_logits"][~expected] == 0).all()


def test_the_fusion_starts_as_the_mean_of_the_regions():
    gate = CropsGate(crop_size=CROP)
    network = ROINetwork(Backbone(3, gate.backbone_size, backbone="test_resnet"), gate, NAMES)
    weights = ask(network, *make_batch()).maps["region_weights"]
    expected = torch.tensor([[1 / 3, 1 / 3, 1 / 3], [0, 1, 0], [0.5, 0, 0.5]])
    assert torch.allclose(weights, expected)


@pytest.mark.parametrize("dilate", [0, 3, -2])
def test_outside_pixels_cannot_change_the_answer(dilate):
    network = make_network(dilate=dilate, crop_margin=0.5)
    assert network.gate.promise is Promise.EXACT
    image, roi, has_roi = make_batch()
    expected = ask(network, image, roi, has_roi)
    for outside in (torch.randn(3, 3, *SIZE), torch.tensor(float("nan")), torch.tensor(torch.inf)):
        other = torch.where(expected.mask, image, outside)
        assert torch.equal(ask(network, other, roi, has_roi).logits, expected.logits)
    assert not torch.equal(ask(network, -image, roi, has_roi).logits, expected.logits)


def test_the_gradient_outside_the_mask_is_exactly_zero():
    network = make_network().train()
    image, roi, has_roi = make_batch()
    output = network(image.requires_grad_(), roi, has_roi)
    output.logits.sum().backward()
    inside = output.mask.expand_as(image)
    assert (image.grad[~inside] == 0).all()
    assert (image.grad[inside] != 0).float().mean() > 0.9


def test_dilation_shows_more_of_each_region():
    image, roi, has_roi = make_batch()
    widened = torch.zeros_like(roi)
    for plane, (x0, x1, y0, y1) in enumerate(BOXES.values()):
        widened[:, plane, max(0, y0 - 4) : y1 + 4, max(0, x0 - 4) : x1 + 4] = True
    shown = ask(make_network(dilate=4), image[:1], roi[:1], has_roi[:1])
    assert torch.equal(
        shown.logits, ask(make_network(), image[:1], widened[:1], has_roi[:1]).logits
    )


def test_an_image_shown_whole_is_one_crop_in_the_first_place():
    network = make_network(missing="full")
    image, roi, has_roi = make_batch(4)
    output = ask(network, image, roi, has_roi)
    assert output.origin[3] == MaskOrigin.FULL
    assert output.maps["region_weights"][3].tolist() == [1, 0, 0]
    h = embed(network.backbone, image[3]) + network.gate.fusion.names[0]
    assert torch.allclose(output.logits[3], network.backbone.head(h), atol=1e-4)


def test_an_image_whose_regions_are_dropped_in_training_is_shown_whole():
    network = make_network()
    network.mask_source.roi_dropout = 1.0
    network.mask_source.train()
    output = ask(network, *make_batch())
    assert output.maps["region_present"].tolist() == [[True, False, False]] * 3


def test_a_full_region_of_an_image_of_crop_size_gives_the_plain_logits():
    gate = CropsGate(crop_size=CROP)
    network = ROINetwork(Backbone(3, gate.backbone_size, backbone="test_resnet"), gate).eval()
    image, full = torch.randn(2, 3, CROP, CROP), torch.ones(2, 1, CROP, CROP, dtype=torch.bool)
    output = ask(network, image, full, torch.ones(2, 1, dtype=torch.bool))
    with torch.no_grad():
        assert torch.equal(output.logits, network.backbone(image))


def test_an_empty_mask_is_one_crop_that_says_nothing():
    network = make_network()
    image, roi, has_roi = make_batch()
    roi[0] = False
    output = ask(network, image, roi, has_roi)
    assert output.logits.isfinite().all()
    assert output.maps["region_present"][0].tolist() == [True, False, False]
    image[0] = torch.randn(3, *SIZE)
    assert torch.equal(ask(network, image, roi, has_roi).logits, output.logits)


@pytest.mark.parametrize("regions", ["mouth", ["mouth"]])
def test_a_single_region_can_be_chosen_and_the_others_say_nothing(regions):
    network = make_network(regions=regions)
    image, roi, has_roi = make_batch()
    output = ask(network, image, roi, has_roi)
    assert output.maps["region_weights"].tolist() == [[1], [1], [1]]
    other = torch.where(roi[:, 1:2] & has_roi[:, 1, None, None, None], image, 9.0)
    assert torch.equal(ask(network, other, roi, has_roi).logits, output.logits)


def test_chosen_regions_come_in_the_order_of_their_names():
    batch = make_batch()
    weights = ask(make_network(regions=["badge", "eyes"]), *batch).maps["region_present"]
    assert weights[2].tolist() == [True, True]
    assert weights[1].tolist() == [True, False]  # neither: a crop of fill in the first place


def test_regions_that_the_data_lacks_are_refused_together():
    with pytest.raises(ValueError, match=r"gate.regions: 'moth' .*Did you mean 'mouth'\?") as error:
        make_network(regions=["moth", "nose", "eyes"])
    assert "'nose' is not a region of the data." in str(error.value)
    assert "Regions of the data: 'eyes', 'mouth', 'badge'." in str(error.value)
    for regions in ([], ["eyes", "eyes"]):
        with pytest.raises(ValueError, match="each region is named once, and one at least"):
            make_network(regions=regions)


def test_the_auxiliary_loss_is_the_mean_over_regions_that_are_present():
    network = make_network(missing="abstain", auxiliary=0.5)
    image, roi, has_roi = make_batch(4)
    label, weight = torch.tensor([0, 1, 2, 0]), torch.tensor([1.0, 2.0, 0.5, 1.0])
    output = ask(network, image, roi, has_roi)
    logits = output.maps["region_logits"]
    places = [(0, 0), (0, 1), (0, 2), (1, 1), (2, 0), (2, 2)]  # the fourth image abstains
    losses = [-log_softmax(logits[i, r], dim=0)[label[i]].item() for i, r in places]
    (loss,) = network.gate.losses(network, output, {"label": label}).values()
    assert loss.item() == pytest.approx(0.5 * sum(losses) / 6, abs=1e-6)
    (loss,) = network.gate.losses(network, output, {"label": label, "weight": weight}).values()
    weights = [weight[i].item() for i, _ in places]
    weighted = sum(w * loss for w, loss in zip(weights, losses, strict=True)) / sum(weights)
    assert loss.item() == pytest.approx(0.5 * weighted, abs=1e-6)


@pytest.mark.parametrize("backbone", timm.list_models("test_*"))
def test_every_small_backbone_is_served(backbone):
    output = ask(make_network(backbone), *make_batch())
    assert output.logits.shape == (3, 3)
    assert output.logits.isfinite().all()


@pytest.mark.parametrize("backbone", ["efficientformerv2_s0", "dla46_c"])
def test_a_last_layer_that_reads_no_vector_is_refused(backbone):
    with pytest.raises(ValueError, match=f"gate=crops needs a backbone.*{backbone}"):
        make_network(backbone)


@pytest.mark.parametrize("option", [{"crop_size": 0}, {"crop_margin": -0.1}, {"auxiliary": -1}])
def test_options_out_of_range_are_refused(option):
    with pytest.raises(ValueError, match=f"gate.{next(iter(option))} is"):
        CropsGate(**option)
