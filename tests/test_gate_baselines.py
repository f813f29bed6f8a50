"""The baselines start as the plain backbone, read the ROI as they say, and leak."""

from functools import partial

import numpy as np
import pytest
import timm
import torch
from timm.layers import Conv2dSame, StdConv2dSame
from torch import nn

from lightning_modules.networks import Backbone, ROINetwork
from lightning_modules.networks.gates import AttentionGate, GuideGate, HintGate, LateGate, Promise
from lightning_modules.networks.gates.hint import HintedConv
from lightning_modules.networks.mask_source import MaskOrigin

SIZE = (64, 64)
BACKBONES = timm.list_models("test_*")
LEAKING = {
    "hint": HintGate,
    "late": LateGate,
    "attention": AttentionGate,
    "guide": GuideGate,
    "rrr": lambda: GuideGate("rrr"),
}


def make_network(gate, backbone="test_resnet", size=SIZE):
    torch.manual_seed(0)
    network = ROINetwork(Backbone(3, size, backbone=backbone), gate).eval()
    torch.manual_seed(1)  # gates draw differently often
    nn.init.normal_(network.backbone.head.weight)
    return network


def make_batch():
    """Two images with a ROI and one without, whose plane is to be ignored."""
    roi = torch.zeros(3, 1, *SIZE, dtype=torch.bool)
    roi[0, :, 10:40, 20:50] = True
    roi[1, :, :20, 40:] = True
    batch = {"image": torch.randn(3, 3, *SIZE), "roi": roi, "label": torch.tensor([0, 2, 1])}
    return batch | {"has_roi": torch.tensor([[True], [True], [False]])}


def run(network, batch):
    return network(batch["image"], batch["roi"], batch["has_roi"])


def ask(network, image, mask):
    with torch.no_grad():
        return network(image, mask, torch.ones(len(mask), 1, dtype=torch.bool)).logits


def shares_by_hand(mask):
    """Share of each of 2 x 2 cells of 32 pixels that a mask (1, 64, 64) covers."""
    return torch.tensor(mask[0].numpy().reshape(2, 32, 2, 32).mean(axis=(1, 3)), dtype=torch.float)


@pytest.mark.parametrize("gate", LEAKING)
def test_a_full_mask_starts_as_the_plain_backbone(gate):
    network, plain = make_network(LEAKING[gate]()), make_network(GuideGate())
    image, full = torch.randn(2, 3, *SIZE), torch.ones(2, 1, *SIZE, dtype=torch.bool)
    with torch.no_grad():
        assert torch.equal(ask(network, image, full), plain.backbone(image))


@pytest.mark.parametrize("gate", LEAKING)
def test_late_gate_leaks(gate):
    network = make_network(LEAKING[gate]())
    assert network.gate.promise is Promise.NONE
    mask = make_batch()["roi"][:1]
    image = torch.randn(1, 3, *SIZE)
    other = torch.where(mask, image, torch.randn_like(image))
    assert not torch.allclose(ask(network, image, mask), ask(network, other, mask), atol=1e-3)
    network(
        image.requires_grad_(), mask, torch.ones(1, 1, dtype=torch.bool)
    ).logits.sum().backward()
    assert (image.grad[~mask.expand_as(image)] != 0).float().mean() > 0.9


@pytest.mark.parametrize("gate", ["attention", "guide", "rrr"])
def test_the_roi_is_not_used_at_test(gate):
    network = make_network(LEAKING[gate]())
    if gate == "attention":
        nn.init.normal_(network.gate.look.weight)
    assert not network.gate.hides
    image, mask = torch.randn(2, 3, *SIZE), make_batch()["roi"][:2]
    assert torch.equal(ask(network, image, mask), ask(network, image, ~mask))


@pytest.mark.parametrize("backbone", [*BACKBONES, "repvgg_a0"])
def test_a_hint_starts_as_the_plain_backbone_whatever_the_mask(backbone):
    torch.manual_seed(0)
    image, mask = torch.randn(2, 3, *SIZE), make_batch()["roi"][:2]
    plain = Backbone(3, SIZE, backbone=backbone).eval()
    with torch.no_grad():
        expected = plain(image)
    network = ROINetwork(plain, HintGate()).eval()
    assert torch.equal(ask(network, image, mask), expected)
    for name, module in network.named_modules():
        if name.endswith(".mask_conv"):
            nn.init.normal_(module.weight)
    assert not torch.equal(ask(network, image, mask), ask(network, image, ~mask))


def test_a_hint_is_one_convolution_of_four_channels():
    network = make_network(HintGate(), "test_efficientnet")
    hinted = network.backbone.net.conv_stem
    nn.init.normal_(hinted.mask_conv.weight)
    image = torch.randn(2, 4, *SIZE)
    weight = torch.cat([hinted.conv.weight, hinted.mask_conv.weight], dim=1)
    same = {"stride": hinted.conv.stride, "padding": hinted.conv.padding}
    expected = nn.functional.conv2d(image, weight, hinted.conv.bias, **same)
    assert torch.allclose(hinted(image), expected, atol=1e-5)


@pytest.mark.parametrize("make", [Conv2dSame, partial(StdConv2dSame, padding="SAME")])
def test_a_hint_is_padded_as_the_image_is(make):
    hinted = HintedConv(make(3, 4, 3, stride=2, bias=False))
    assert (hinted.mask_conv.weight == 0).all()
    nn.init.ones_(hinted.mask_conv.weight)
    mask = torch.zeros(1, 1, 8, 8)
    mask[..., -1, -1] = 1
    image = torch.zeros(1, 4, 8, 8)
    image[:, 3:] = mask
    # SAME pads an even size below and right only: the corner is read by the last cell alone
    told = (hinted(image) - hinted(torch.zeros_like(image)))[0, 0]
    expected = torch.zeros(4, 4)
    expected[-1, -1] = 1
    assert torch.equal(told, expected)


def test_a_hint_learns_even_behind_a_frozen_backbone():
    torch.manual_seed(0)
    backbone = Backbone(3, SIZE, backbone="test_resnet", freeze_backbone=True)
    network = ROINetwork(backbone, HintGate()).train()
    run(network, make_batch()).logits.square().sum().backward()
    learning = {name for name, p in network.named_parameters() if p.grad is not None}
    assert learning == {
        "backbone.net.conv1.0.mask_conv.weight",
        "backbone.net.fc.weight",
        "backbone.net.fc.bias",
    }


def test_an_image_without_roi_is_hinted_by_a_full_mask():
    output = run(make_network(HintGate()), make_batch())
    assert output.origin[2] == MaskOrigin.FULL
    assert output.mask[2].all()


def test_a_hint_needs_a_first_convolution_of_the_image():
    with pytest.raises(ValueError, match="gate=hint needs a backbone whose first layer is a conv"):
        ROINetwork(Backbone(3, SIZE, backbone="tresnet_m"), HintGate())


@pytest.mark.parametrize("backbone", ["test_resnet", "test_vit2"])
def test_the_late_gate_averages_the_map_over_the_region(backbone):
    network = make_network(LateGate(), backbone)
    net, mask = network.backbone.net, make_batch()["roi"][:2]
    image = torch.randn(2, 3, *SIZE)
    logits = ask(network, image, mask)
    with torch.no_grad():
        for row in range(2):
            features = network.backbone.features(image)[row]
            if backbone == "test_vit2":  # one more token before 4 x 4 patches
                shares = mask[row, 0].float().view(4, 16, 4, 16).mean(dim=(1, 3)).flatten()
                pooled = net.fc_norm((shares[:, None] * features[1:]).sum(dim=0) / shares.sum())
            else:
                shares = shares_by_hand(mask[row])
                pooled = (shares * features).sum(dim=(1, 2)) / shares.sum()
            assert torch.allclose(logits[row], network.backbone.head(pooled), atol=1e-4)


@pytest.mark.parametrize("gate", ["late", "attention", "guide"])
@pytest.mark.parametrize("backbone", ["test_vit", "test_vit3"])
def test_a_backbone_without_an_averaged_map_is_refused(gate, backbone):
    with pytest.raises(ValueError, match=f"gate={gate} needs a backbone that averages"):
        make_network(LEAKING[gate](), backbone)


def test_attention_multiplies_the_map_and_learns_the_shares_of_the_roi():
    network = make_network(AttentionGate(supervision=0.5))
    nn.init.normal_(network.gate.look.weight)
    batch = make_batch()
    output = run(network, batch)
    attention = output.maps["attention"].detach().numpy()
    features = network.backbone.features(batch["image"]).detach().numpy()
    pooled = torch.tensor((2 * attention * features).mean(axis=(2, 3)))
    assert torch.allclose(output.logits, network.backbone.head(pooled), atol=1e-4)
    entropies = []
    for row in range(2):  # the third image has no ROI
        a, share = attention[row, 0], shares_by_hand(batch["roi"][row]).numpy()
        entropies.append(-(share * np.log(a) + (1 - share) * np.log(1 - a)).mean())
    loss = network.gate.losses(network, output, batch)["attention"]
    assert loss.item() == pytest.approx(0.5 * np.mean(entropies), rel=1e-4)


def test_the_energy_loss_is_the_share_of_grad_cam_outside_the_roi():
    network = make_network(GuideGate(weight=2.0)).train()
    network.backbone.eval()
    nn.init.uniform_(network.backbone.head.weight, -0.5, 1.0)  # or Grad-CAM may be empty
    batch = make_batch()
    output = run(network, batch)
    outside = []
    for row in range(2):
        # behind average pooling Grad-CAM is the class activation map
        weight = network.backbone.head.weight[batch["label"][row]]
        cam = torch.einsum("d,dhw->hw", weight, output.maps["features"][row]).clamp_min(0)
        share = (cam * shares_by_hand(batch["roi"][row])).sum() / cam.sum()
        outside.append(1 - share.item())
    loss = network.gate.losses(network, output, batch)["energy"]
    assert loss.item() == pytest.approx(2 * np.mean(outside), abs=1e-4)
    assert 0 < loss.item() < 2
    loss.backward()
    assert all(p.grad.abs().sum() > 0 for p in network.backbone.net.conv1.parameters())


def test_the_rrr_loss_is_the_squared_gradient_outside_the_roi():
    network = make_network(GuideGate("rrr")).train()
    network.backbone.eval()
    batch = make_batch()
    output = run(network, batch)
    loss = network.gate.losses(network, output, batch)["rrr"]

    def log_probs(image):
        return network.backbone(image[None])[0].log_softmax(dim=0)

    squares = []
    for image, roi in zip(batch["image"][:2], batch["roi"][:2], strict=True):
        gradient = torch.func.jacrev(log_probs)(image).sum(dim=0)
        squares.append(gradient[:, ~roi[0]].square().sum().item())
    assert loss.item() == pytest.approx(np.mean(squares), rel=1e-3)
    loss.backward()
    assert network.backbone.head.weight.grad.abs().sum() > 0


@pytest.mark.parametrize("backbone", ["test_convnext", "test_nfnet"])
@pytest.mark.parametrize("gate", ["attention", "guide", "rrr"])
def test_supervision_trains_backbones_of_other_kinds(gate, backbone):
    network, batch = make_network(LEAKING[gate](), backbone).train(), make_batch()
    if gate == "attention":
        nn.init.normal_(network.gate.look.weight)
    (loss,) = network.gate.losses(network, run(network, batch), batch).values()
    loss.backward()
    gradients = [p.grad.abs().sum() for p in network.parameters() if p.grad is not None]
    assert len(gradients) > 5
    assert torch.stack(gradients).isfinite().all()


@pytest.mark.parametrize("gate", ["attention", "guide", "rrr"])
def test_a_batch_without_roi_has_no_loss(gate):
    network, batch = make_network(LEAKING[gate]()).train(), make_batch()
    batch["has_roi"][:] = False
    (loss,) = network.gate.losses(network, run(network, batch), batch).values()
    assert loss.item() == 0


@pytest.mark.parametrize("kind", ["energy", "rrr"])
def test_guiding_works_behind_a_frozen_backbone(kind):
    backbone = Backbone(3, SIZE, backbone="test_resnet", freeze_backbone=True)
    network, batch = ROINetwork(backbone, GuideGate(kind)).train(), make_batch()
    (loss,) = network.gate.losses(network, run(network, batch), batch).values()
    loss.backward()
    assert backbone.head.weight.grad.abs().sum() > 0


@pytest.mark.parametrize(
    ("make", "name"),
    [
        (lambda: AttentionGate(supervision=-1), "supervision"),
        (lambda: GuideGate(weight=float("nan")), "weight"),
        (lambda: GuideGate("gradcam"), "kind"),
        (lambda: HintGate(roi_missing="guess"), "roi_missing"),
        (lambda: LateGate("auto"), "dilate"),
    ],
)
def test_options_out_of_range_are_refused(make, name):
    with pytest.raises(ValueError, match=f"gate.{name} is"):
        make()
