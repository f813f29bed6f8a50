"""The locator learns from ROIs and from nothing else; without any from the classifier."""

import pytest
import torch

from lightning_modules.networks import Backbone, ROINetwork
from lightning_modules.networks.gates import PixelGate, TwoStageGate
from lightning_modules.networks.gates.two_stage import _cross_entropy_and_dice
from lightning_modules.networks.locator import Locator
from lightning_modules.networks.mask_source import MaskOrigin


def make_network(backbone="test_resnet", **options):
    torch.manual_seed(0)
    network = ROINetwork(Backbone(2, (64, 64), backbone=backbone), TwoStageGate(**options))
    # half of the masks are found, so that gradients have something to pass through
    torch.nn.init.zeros_(network.gate.locator.outline[-1].bias)
    return network


def make_batch(has_roi=(True, True, True, True)):
    generator = torch.Generator().manual_seed(1)
    roi = torch.zeros(4, 1, 64, 64, dtype=torch.bool)
    roi[..., 16:48, 16:48] = True
    return {
        "image": torch.randn(4, 3, 64, 64, generator=generator),
        "roi": roi,
        "has_roi": torch.tensor(has_roi)[:, None],
        "label": torch.tensor([0, 1, 0, 1]),
    }


def locator_gradient(network, loss):
    network.zero_grad()
    loss.backward()
    grads = [p.grad for p in network.gate.locator.parameters() if p.grad is not None]
    return sum(float(grad.abs().sum()) for grad in grads)


def run(network, batch):
    return network(batch["image"], batch["roi"], batch["has_roi"])


@pytest.mark.parametrize("has_roi", [(True,) * 4, (True, True, False, False)])
def test_the_classifier_cannot_write_the_label_into_the_mask(has_roi):
    network, batch = make_network(teacher_forcing=0.0).train(), make_batch(has_roi)
    output = run(network, batch)
    assert (output.origin == MaskOrigin.PREDICTED).any()
    loss = torch.nn.functional.cross_entropy(output.logits, batch["label"])
    assert locator_gradient(network, loss) == 0
    output = run(network, batch)
    assert locator_gradient(network, network.gate.losses(network, output, batch)["mask"]) > 0


def test_without_any_roi_the_classifier_shapes_the_mask():
    network = make_network(unsupervised=True).train()
    batch = make_batch((False,) * 4)
    output = run(network, batch)
    loss = torch.nn.functional.cross_entropy(output.logits, batch["label"])
    assert locator_gradient(network, loss) > 0


def test_the_straight_through_mask_is_hard():
    network = make_network(unsupervised=True).train()
    batch = make_batch((False,) * 4)
    assert network.backbone.averages
    seen = []
    features = network.backbone.features
    network.backbone.features = lambda image: seen.append(image) or features(image)
    mask = run(network, batch).mask
    assert torch.equal(seen[0], PixelGate().hide(batch["image"], mask))


def test_what_is_hidden_must_tell_nothing_and_the_backbone_does_not_learn_to_say_so():
    network = make_network(unsupervised=True).train()
    batch = make_batch((False,) * 4)
    losses = network.gate.losses(network, run(network, batch), batch)
    assert set(losses) == {"area", "variation", "complement"}
    network.zero_grad()
    losses["complement"].backward()
    assert all(p.grad is None or not p.grad.any() for p in network.backbone.parameters())
    assert any(p.grad is not None and p.grad.any() for p in network.gate.locator.parameters())


def test_only_images_with_a_roi_teach_the_locator():
    network, batch = make_network().train(), make_batch((True, False, False, True))
    output = run(network, batch)
    loss = network.gate.losses(network, output, batch)["mask"]
    chosen = [0, 3]
    expected = _cross_entropy_and_dice(output.mask_logits[chosen], batch["roi"][chosen].float())
    assert loss.item() == pytest.approx(expected.item())
    none = make_batch((False,) * 4)
    assert network.gate.losses(network, run(network, none), none)["mask"].item() == 0


def test_the_mask_loss_is_cross_entropy_plus_dice_by_hand():
    logits = torch.tensor([[[[2.0, -1.0]]]])
    target = torch.tensor([[[[1.0, 0.0]]]])
    p, q = torch.sigmoid(torch.tensor(2.0)), torch.sigmoid(torch.tensor(-1.0))
    entropy = -(p.log() + (1 - q).log()) / 2
    dice = 1 - (2 * p + 1) / (p + q + 1 + 1)
    assert _cross_entropy_and_dice(logits, target).item() == pytest.approx((entropy + dice).item())


def test_nothing_found_shows_the_image_whole_or_gives_no_answer():
    batch = make_batch((False,) * 4)
    for policy, origin in (("predict", MaskOrigin.FULL), ("abstain", MaskOrigin.ABSTAIN)):
        network = make_network(roi_missing=policy).eval()
        torch.nn.init.constant_(network.gate.locator.outline[-1].bias, -99.0)
        assert (run(network, batch).origin == origin).all()


def test_the_locator_learns_a_bright_square():
    torch.manual_seed(0)
    locator = Locator(Backbone(2, (64, 64), backbone="test_efficientnet"))
    optimizer = torch.optim.Adam(locator.parameters(), lr=3e-3)
    generator = torch.Generator().manual_seed(0)

    def draw(num):
        image = torch.randn(num, 3, 64, 64, generator=generator) * 0.3
        mask = torch.zeros(num, 1, 64, 64)
        for row in range(num):
            y, x = torch.randint(4, 40, (2,), generator=generator).tolist()
            mask[row, :, y : y + 20, x : x + 20] = 1
        return image + 2 * mask, mask

    for _ in range(40):
        image, mask = draw(8)
        optimizer.zero_grad()
        _cross_entropy_and_dice(locator(image), mask).backward()
        optimizer.step()
    image, mask = draw(8)
    found = locator.eval()(image) > 0
    overlap = 2 * (found & mask.bool()).sum() / (found.sum() + mask.sum())
    assert overlap > 0.9


@pytest.mark.parametrize("backbone", ["test_vit", "test_maxvit", "test_convnext", "test_nfnet"])
@pytest.mark.parametrize("size", [(64, 64), (75, 61)])
def test_the_locator_serves_any_backbone_and_size(backbone, size):
    locator = Locator(Backbone(2, (64, 64), backbone=backbone)).eval()
    with torch.no_grad():
        assert locator(torch.randn(1, 3, *size)).shape == (1, 1, *size)


@pytest.mark.parametrize("backbone", ["resnet18", "tf_efficientnet_lite0", "convnext_atto"])
def test_the_locator_costs_at_most_thirty_percent_of_the_classifier(backbone):
    from torch.utils.flop_counter import FlopCounterMode

    net = Backbone(2, (128, 128), backbone=backbone).eval().requires_grad_(False)
    locator = Locator(net).eval().requires_grad_(False)
    counts = []
    for part in (net, locator):
        counter = FlopCounterMode(display=False)
        with counter:
            part(torch.zeros(1, 3, 128, 128))
        counts.append(counter.get_total_flops())
    assert counts[1] < 0.3 * counts[0]


@pytest.mark.parametrize(
    "options",
    [{"teacher_forcing": 1.1}, {"area": -1.0}, {"roi_missing": "error"}, {"mask_weight": -0.1}],
)
def test_a_two_stage_gate_out_of_range_is_refused(options):
    with pytest.raises(ValueError, match=f"gate.{next(iter(options))}"):
        TwoStageGate(**options)


def test_a_run_shows_its_predicted_masks_and_how_well_they_fit(shapes, outputs, tmp_path):
    import csv
    import json

    import numpy as np
    from in_process import train_in_process
    from PIL import Image

    words = ["experiment=roi_in_training_only", "trainer.max_epochs=1", "gate.dilate=0"]
    folder = train_in_process(shapes, tmp_path / "run", *words)
    metrics = json.loads((folder / "metrics.json").read_text())
    with (folder / "predictions.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert set(metrics["test_mask_origins"]) <= {"predicted", "full"}
    dice = [float(row["mask_dice"]) for row in rows]
    assert metrics["test_mask_dice"] == pytest.approx(np.mean(dice), abs=1e-5)
    assert np.asarray(Image.open(folder / "masks.png")).std() > 10


def test_whatever_stands_outside_a_predicted_mask_says_nothing_while_the_mask_stays():
    network, batch = make_network().eval(), make_batch((False,) * 4)
    with torch.no_grad():
        first = run(network, batch)
        assert (first.origin == MaskOrigin.PREDICTED).all()
        assert 0 < first.mask.float().mean() < 1
        network.gate.locator.forward = lambda image: first.mask_logits
        other = torch.where(first.mask, batch["image"], torch.tensor(float("nan")))
        changed = run(network, batch | {"image": other})
    assert torch.equal(changed.logits, first.logits)


def test_a_region_that_is_unknown_does_not_teach_that_nothing_is_there():
    network = make_network().train()
    batch = make_batch()
    roi = torch.cat([batch["roi"], torch.zeros_like(batch["roi"])], dim=1)
    has_roi = torch.tensor([[True, True], [True, False], [True, False], [True, False]])
    batch |= {"roi": roi, "has_roi": has_roi}
    output = run(network, batch)
    expected = _cross_entropy_and_dice(output.mask_logits[:1], roi[:1, :1].float())
    loss = network.gate.losses(network, output, batch)["mask"]
    assert loss.item() == pytest.approx(expected.item())
