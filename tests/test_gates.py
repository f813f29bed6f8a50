"""Gates keep what they promise; lists of gates and backbones are found, never typed."""

import numpy as np
import pytest
import timm
import torch
from small_batch import read_gates

from datamodules.loading.transforms import Preprocessing, resize_together
from lightning_modules.build import build
from lightning_modules.networks import Backbone, ROINetwork
from lightning_modules.networks.gates import NoGate, PixelGate, Promise
from lightning_modules.networks.mask_source import MaskSource

GATES = read_gates()
PROMISES = {name: build(gate).promise for name, gate in GATES.items()}
EXACT_GATES = [name for name, promise in PROMISES.items() if promise is Promise.EXACT]
HELD_GATES = [name for name, promise in PROMISES.items() if promise is not Promise.NONE]
# with a full mask these see something else than the whole image at its own size
CUTTING = ("crops",)
BACKBONES = timm.list_models("test_*")


def serves(gate, backbone):
    """Whether a gate takes a backbone; it refuses others by a message of its own."""
    try:
        build(GATES[gate]).attach(Backbone(3, (64, 64), backbone=backbone), ("roi",))
    except ValueError as refusal:
        assert f"gate={gate} needs" in str(refusal)
        return False
    return True


# the gates that do not take every backbone
SERVED = {"token": [name for name in BACKBONES if serves("token", name)]}
NO_ROI = torch.ones(1, 1, dtype=torch.bool)


def make_network(gate, backbone="test_resnet", size=(64, 64), regions=("roi",)):
    torch.manual_seed(0)
    config = GATES[gate] if isinstance(gate, str) else gate
    built = build(config)
    network = ROINetwork(
        Backbone(3, built.backbone_size or size, backbone=backbone), built, regions
    )
    # a locator starts by finding nothing; let it find about half
    if network.gate.locator is not None:
        torch.nn.init.zeros_(network.gate.locator.outline[-1].bias)
    return network.eval()


def backbone_for(gate):
    return SERVED.get(gate, ["test_resnet"])[0]


def evaluate(network, image, planes, size=(64, 64)):
    """From decoded uint8 to logits, through the whole evaluation transform."""
    backbone = network.backbone
    steps = Preprocessing(size, backbone.mean, backbone.std, backbone.interpolation)
    pixels, roi = resize_together(image, planes, steps)
    known = torch.ones(1, len(planes), dtype=torch.bool)
    with torch.no_grad():
        return network(steps.normalise(pixels[None]), roi[None], known).logits


@pytest.mark.parametrize("gate", [name for name in GATES if name not in CUTTING])
def test_a_full_roi_changes_nothing(gate):
    """At the start of training, and whatever the gate has learned where it hides."""
    network, plain = (make_network(g, backbone_for(gate)) for g in (gate, "none"))
    image, roi = torch.randn(2, 3, 64, 64), torch.ones(2, 1, 64, 64, dtype=torch.bool)
    has_roi = torch.ones(2, 1, dtype=torch.bool)
    assert torch.equal(network(image, roi, has_roi).logits, plain(image, roi, has_roi).logits)


@pytest.mark.parametrize("source", [(64, 64), (150, 117), (37, 45)], ids=["same", "down", "up"])
@pytest.mark.parametrize(
    ("gate", "backbone"), [(g, b) for g in HELD_GATES for b in SERVED.get(g, BACKBONES)]
)
def test_outside_pixels_cannot_change_the_answer(gate, backbone, source):
    network = make_network(gate, backbone, regions=("one", "two"))
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


@pytest.mark.parametrize("gate", HELD_GATES)
def test_not_even_nan_or_infinity_outside_gets_in(gate):
    network = make_network(gate, backbone_for(gate))
    image = torch.randn(1, 3, 64, 64)
    roi = torch.zeros(1, 1, 64, 64, dtype=torch.bool)
    roi[..., 20:40, 20:40] = True
    has_roi = torch.ones(1, 1, dtype=torch.bool)
    expected = network(image, roi, has_roi).logits
    for value in (float("nan"), float("inf"), -float("inf")):
        other = torch.where(roi, image, torch.tensor(value))
        assert torch.equal(network(other, roi, has_roi).logits, expected)


@pytest.mark.parametrize("gate", HELD_GATES)
def test_the_promise_holds_in_mixed_precision_and_beside_ungated_images(gate):
    network = make_network(gate, backbone_for(gate))
    network.mask_source.roi_missing = "full"
    image, roi = torch.randn(4, 3, 64, 64), torch.zeros(4, 1, 64, 64, dtype=torch.bool)
    roi[..., 20:40, 20:40] = True
    has_roi = torch.tensor([[True], [True], [True], [network.gate.locator is not None]])
    other = torch.where(roi | ~has_roi[..., None, None], image, torch.randn_like(image) * 9)
    with torch.no_grad(), torch.autocast("cpu", torch.bfloat16):
        logits = [network(x, roi, has_roi).logits for x in (image, other)]
    assert torch.equal(*logits)


@pytest.mark.parametrize("gate", HELD_GATES)
def test_the_gradient_outside_the_mask_is_exactly_zero(gate):
    network = make_network(gate, backbone_for(gate))
    image = torch.randn(1, 3, 64, 64, requires_grad=True)
    roi = torch.zeros(1, 1, 64, 64, dtype=torch.bool)
    roi[..., 20:40, 20:40] = True
    network(image, roi, torch.ones(1, 1, dtype=torch.bool)).logits.sum().backward()
    assert (image.grad[~roi.expand_as(image)] == 0).all()
    assert (image.grad[roi.expand_as(image)] != 0).any()


def test_every_gate_serves_backbones_enough():
    assert len(SERVED["token"]) >= 3
    assert len(BACKBONES) >= 10


def test_the_plain_backbone_reads_the_background():
    network = make_network("none")
    image = torch.randn(1, 3, 64, 64)
    roi = torch.zeros(1, 1, 64, 64, dtype=torch.bool)
    has_roi = torch.ones(1, 1, dtype=torch.bool)
    assert NoGate().promise is Promise.NONE
    changed = network(image + 1, roi, has_roi).logits
    assert not torch.equal(network(image, roi, has_roi).logits, changed)


@pytest.mark.parametrize("gate", GATES)
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
        build(GATES[gate])(torch.nn.Identity(), torch.zeros(2, 3, 8, 8), mask)


def test_three_regions_are_joined_and_never_meet_the_three_colours():
    roi = torch.zeros(1, 3, 16, 16, dtype=torch.bool)
    for region in range(3):
        roi[0, region, 5 * region : 5 * region + 3, :8] = True
    image = torch.ones(1, 3, 16, 16)
    mask = MaskSource(0, "error")(image, roi, torch.ones(1, 3, dtype=torch.bool)).mask
    seen = PixelGate(fill=-9.0).hide(image, mask)
    for colour in range(3):
        assert torch.equal(seen[:, colour] == 1, roi.any(1))


def test_hidden_pixels_take_the_fill():
    mask = torch.zeros(1, 1, 2, 2, dtype=torch.bool)
    assert (PixelGate(fill=0.25).hide(torch.randn(1, 3, 2, 2), mask) == 0.25).all()


@pytest.mark.parametrize(
    "options",
    [{"fill": float("nan")}, {"roi_missing": "guess"}, {"pooling": "max"}, {"dilate": "auto"}],
)
def test_a_pixel_gate_out_of_range_is_refused(options):
    with pytest.raises(ValueError, match=f"gate.{next(iter(options))}"):
        PixelGate(**options)


def test_cells_count_by_the_share_of_them_that_is_inside():
    backbone = make_network("none").backbone
    mask = torch.zeros(1, 1, 64, 64, dtype=torch.bool)
    mask[..., :32, :] = True
    mask[..., 32:48, :32] = True
    image = torch.randn(1, 3, 64, 64)
    gate = PixelGate()
    with torch.no_grad():
        logits = gate(backbone, image, mask).logits
        features = backbone.features(gate.hide(image, mask))
        # a map of 2 x 2 cells: full, full, half, empty
        shares = torch.tensor([[1.0, 1.0], [0.5, 0.0]])
        pooled = (features * shares).sum((2, 3)) / shares.sum()
        expected = backbone.head(pooled)
    assert features.shape[2:] == (2, 2)
    assert torch.allclose(logits, expected, atol=1e-5)
    alike = PixelGate(pooling="mean")(backbone, image, mask).logits
    assert torch.equal(alike, backbone(gate.hide(image, mask)))


def test_an_empty_mask_weighs_all_cells_alike_and_is_never_nan():
    backbone = make_network("none").backbone
    image, mask = torch.randn(2, 3, 64, 64), torch.zeros(2, 1, 64, 64, dtype=torch.bool)
    logits = PixelGate()(backbone, image, mask).logits
    assert torch.equal(logits, backbone(torch.zeros_like(image)))


@pytest.mark.parametrize(
    "backbone", [name for name in BACKBONES if "vit" not in name or "maxvit" in name]
)
def test_remask_silences_the_stages_outside_the_mask(backbone):
    gate = PixelGate(remask=True)
    network = ROINetwork(Backbone(3, (64, 64), backbone=backbone), gate).eval()
    image, roi = torch.randn(1, 3, 64, 64), torch.zeros(1, 1, 64, 64, dtype=torch.bool)
    roi[..., :32, :32] = True
    features = []
    last = network.backbone.net.feature_info[-1]
    module = network.backbone.net.get_submodule(last["module"])
    module.register_forward_hook(lambda *call: features.append(call[2]))
    with torch.no_grad():
        network(image, roi, NO_ROI)
        masked = features.pop()
        network(image, torch.ones_like(roi), NO_ROI)
    whole = features.pop()
    if masked.shape[1] != last["num_chs"]:
        masked, whole = masked.permute(0, 3, 1, 2), whole.permute(0, 3, 1, 2)
    assert (masked[..., 1, :] == 0).all()
    assert (masked[..., 1] == 0).all()
    assert (masked[..., 0, 0] != 0).any()
    assert (whole[..., 1, 1] != 0).any()


def test_remask_refuses_a_vit():
    with pytest.raises(ValueError, match=r"gate\.remask needs a CNN.*gate=token"):
        ROINetwork(Backbone(3, (64, 64), backbone="test_vit"), PixelGate(remask=True))


@pytest.mark.slow
@pytest.mark.parametrize(
    ("gate", "backbone"), [(g, b) for g in EXACT_GATES for b in SERVED.get(g, BACKBONES)]
)
def test_a_thousand_changes_of_everything_outside_change_no_bit(gate, backbone):
    """Through the whole evaluation path from uint8; at least ten backbones of eight families."""
    network = make_network(gate, backbone)
    rng = np.random.default_rng(2)
    for scene in range(20):
        height, width = rng.integers(40, 130, 2)
        y, x = np.mgrid[:height, :width]
        radius = rng.uniform(0.15, 0.4) * min(height, width)
        planes = (np.hypot(y - height / 2, x - width / 2) < radius)[None]
        image = rng.integers(0, 256, (height, width, 3), dtype=np.uint8)
        expected = evaluate(network, image, planes)
        for change in range(50):
            noise = rng.integers(0, 256, image.shape, dtype=np.uint8)
            flat = np.full_like(image, rng.integers(0, 256, 3))
            other = np.where(planes[0][..., None], image, noise if change % 2 else flat)
            assert torch.equal(evaluate(network, other, planes), expected), scene
