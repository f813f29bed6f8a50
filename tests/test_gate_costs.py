"""What gates cost beside the plain backbone, as ratios of one run."""

import statistics
import time

import pytest
import torch

from lightning_modules.networks import Backbone, ROINetwork
from lightning_modules.networks.gates import CropsGate, NoGate, PixelGate, TokenGate


def time_interleaved(calls, rounds):
    """Median seconds of each call; they take turns, so that a busy machine is busy for all."""
    for call in calls:
        call()
    times = [[] for _ in calls]
    for _ in range(rounds):
        for one, call in zip(times, calls, strict=True):
            start = time.process_time()
            call()
            one.append(time.process_time() - start)
    return [statistics.median(one) for one in times]


@pytest.fixture(autouse=True)
def one_thread():
    """Threads that wait for each other would count as work."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def evaluate(network, image, roi):
    has_roi = roi.flatten(2).any(dim=2)
    with torch.no_grad():
        return network.eval()(image, roi, has_roi)


def a_quarter(num, size):
    roi = torch.zeros(num, 1, size, size, dtype=torch.bool)
    roi[..., size // 4 : -(size // 4), size // 4 : -(size // 4)] = True
    return roi


def test_the_pixel_gate_has_no_parameters():
    count = [
        sum(p.numel() for p in ROINetwork(Backbone(2, backbone="test_resnet"), gate).parameters())
        for gate in (NoGate(), PixelGate())
    ]
    assert count[0] == count[1]


@pytest.mark.slow
@pytest.mark.parametrize("backbone", ["resnet18", "tf_efficientnet_lite0"])
def test_a_step_behind_the_pixel_gate_takes_hardly_longer(backbone):
    """Expected at most 2 % on a quiet machine; the bound leaves room for a noisy one."""
    image, roi = torch.randn(8, 3, 128, 128), a_quarter(8, 128)
    networks = [
        ROINetwork(Backbone(2, (128, 128), backbone=backbone), gate).train()
        for gate in (NoGate(), PixelGate())
    ]

    def step(network):
        network.zero_grad()
        has_roi = torch.ones(len(image), 1, dtype=torch.bool)
        network(image, roi, has_roi).logits.logsumexp(dim=1).sum().backward()

    plain, gated = time_interleaved([lambda n=n: step(n) for n in networks], 15)
    print(f"{backbone}: a step behind the pixel gate takes {gated / plain:.3f} of a plain one")
    assert gated < 1.1 * plain


@pytest.mark.slow
def test_a_small_roi_costs_a_vit_at_most_six_tenths():
    backbone = Backbone(2, (224, 224), backbone="vit_tiny_patch16_224")
    image, roi = torch.randn(8, 3, 224, 224), a_quarter(8, 224)
    networks = [ROINetwork(backbone, gate) for gate in (NoGate(), TokenGate())]
    calls = [lambda n=n: evaluate(n, image, roi) for n in networks]
    plain, gated = time_interleaved(calls, 9)
    print(f"token gate at a quarter: {gated / plain:.3f} of the plain ViT")
    assert gated < 0.6 * plain


@pytest.mark.slow
@pytest.mark.parametrize("backbone", ["resnet18", "tf_efficientnet_lite0"])
def test_three_crops_cost_at_most_four_tenths_of_the_whole_image(backbone):
    image = torch.randn(8, 3, 224, 224)
    roi = torch.zeros(8, 3, 224, 224, dtype=torch.bool)
    roi[:, 0, 60:90, 40:90] = roi[:, 1, 60:90, 120:180] = roi[:, 2, 130:190, 80:150] = True
    plain = ROINetwork(Backbone(2, (224, 224), backbone=backbone), NoGate())
    crops = ROINetwork(
        Backbone(2, (64, 64), backbone=backbone), CropsGate(), ("left", "right", "mouth")
    )
    calls = [lambda n=n: evaluate(n, image, roi) for n in (plain, crops)]
    whole, cut = time_interleaved(calls, 9)
    print(f"{backbone}: three crops take {cut / whole:.3f} of the whole image")
    assert cut < 0.4 * whole
