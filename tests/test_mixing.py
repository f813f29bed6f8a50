"""mixup and CutMix behind the gates: timm's numbers, nothing hidden gets in, soft labels add up."""

import copy
import csv
from pathlib import Path

import numpy as np
import pytest
import timm.data.mixup
import torch
from front.composition import compose_job
from front.conf_tree import ConfTree
from in_process import train_in_process
from timm.data import Mixup

from lightning_modules.build import build
from lightning_modules.extras import Extras
from lightning_modules.losses import CrossEntropy
from lightning_modules.networks import Backbone, ROINetwork
from lightning_modules.networks.gates import NoGate, PixelGate, TokenGate, TwoStageGate
from lightning_modules.networks.gates.base import NetworkOutput
from lightning_modules.networks.mask_source import MaskOrigin
from lightning_modules.networks.mixing import Mixing, draw_mixing, mix
from lightning_modules.objective import classification_loss, dominant_label, mix_targets
from lightning_modules.objective import training_loss as training_loss_of

GATES = sorted(path.stem for path in (Path(__file__).parents[1] / "conf" / "gate").glob("*.yaml"))
FLIPPED = torch.tensor([3, 2, 1, 0])
SIZE = 32


def make_batch(num=4, size=SIZE):
    generator = torch.Generator().manual_seed(0)
    roi = torch.zeros(num, 1, size, size, dtype=torch.bool)
    for row in range(num):
        roi[row, :, 4 + 2 * row : 18 + 2 * row, 6:20] = True
    return {
        "image": torch.randn(num, 3, size, size, generator=generator),
        "roi": roi,
        "has_roi": torch.ones(num, 1, dtype=torch.bool),
        "label": torch.arange(num) % 2,
    }


def output_of(share, logits=None, origin=None):
    share = torch.tensor(share)
    logits = torch.zeros(len(share), 2) if logits is None else logits
    origin = torch.zeros(len(share), dtype=torch.long) if origin is None else origin
    maps = {"partner": torch.arange(len(share)).flip(0), "own_share": share}
    return NetworkOutput(logits, None, origin, None, maps)


def test_means_of_whole_images_are_those_of_timm(monkeypatch):
    batch, timms = make_batch(), Mixup(mixup_alpha=1.0, num_classes=2, label_smoothing=0.0)
    monkeypatch.setattr(timms, "_params_per_batch", lambda: (0.3, False))
    image, target = timms(batch["image"].clone(), batch["label"])
    whole = torch.ones_like(batch["roi"])
    mixed = mix(batch["image"], whole, Mixing(FLIPPED, 0.3, None))
    assert torch.equal(mixed.image, image)
    shares, weight = mix_targets(output_of(mixed.own_share.tolist()), batch["label"], None)
    assert torch.allclose(shares, target)
    assert weight.tolist() == pytest.approx([1, 1, 1, 1])


def test_boxes_of_whole_images_are_those_of_timm(monkeypatch):
    batch, timms = make_batch(), Mixup(cutmix_alpha=1.0, num_classes=2, label_smoothing=0.0)
    mixing = draw_mixing(FLIPPED, (SIZE, SIZE), mixup=0.0, cutmix=1.0, seed=3)
    monkeypatch.setattr(timms, "_params_per_batch", lambda: (mixing.share, True))
    monkeypatch.setattr(timm.data.mixup, "rand_bbox", lambda *_, **__: mixing.box)
    image, target = timms(batch["image"].clone(), batch["label"])
    mixed = mix(batch["image"], torch.ones_like(batch["roi"]), mixing)
    assert torch.equal(mixed.image, image)
    assert 0 < mixed.own_share[0] < 1
    shares, _ = mix_targets(output_of(mixed.own_share.tolist()), batch["label"], None)
    assert torch.allclose(shares, target)


def test_boxes_have_the_area_of_the_share_where_the_border_cuts_nothing_off():
    for seed in range(200):
        share, (top, bottom, left, right) = draw_mixing(FLIPPED, (64, 96), 0, 1.0, seed)[1:]
        assert 0 <= top <= bottom <= 64 and 0 <= left <= right <= 96
        if 0 < top and bottom < 64 and 0 < left and right < 96:
            sides = [int(side * (1 - share) ** 0.5) for side in (64, 96)]
            assert [bottom - top, right - left] == sides


def test_where_both_are_on_half_of_the_batches_are_cut():
    drawn = [draw_mixing(FLIPPED, (SIZE, SIZE), 0.2, 1.0, seed) for seed in range(400)]
    assert np.mean([one.box is not None for one in drawn]) == pytest.approx(0.5, abs=0.08)
    means = [one.share for one in drawn if one.box is None]
    # Beta(0.2, 0.2): mean 1/2, variance 1 / (4 (2 alpha + 1))
    assert np.mean(means) == pytest.approx(0.5, abs=0.1)
    assert np.var(means) == pytest.approx(1 / 5.6, abs=0.03)


def test_the_label_of_a_cut_goes_by_what_is_visible():
    mask = torch.zeros(2, 1, 8, 8, dtype=torch.bool)
    mask[0, :, :, :4], mask[1, :, :, 2:] = True, True  # 32 and 48 pixels
    image = torch.arange(2.0).view(2, 1, 1, 1).expand(2, 3, 8, 8)
    mixed = mix(image, mask, Mixing(torch.tensor([1, 0]), 0.5, (0, 8, 3, 8)))
    # of the first three columns remain, of the second the box shows five
    assert mixed.own_share.tolist() == pytest.approx([24 / (24 + 40), 8 / (8 + 8)])
    assert mixed.mask[0].sum() == 24 + 40
    assert mixed.image[0, 0, 0].tolist() == [0, 0, 0, 1, 1, 1, 1, 1]


def test_an_image_of_which_nothing_would_be_left_stays():
    mask = torch.zeros(2, 1, 8, 8, dtype=torch.bool)
    mask[0, :, :4, :4], mask[1, :, 4:, 4:] = True, True
    image = torch.arange(2.0).view(2, 1, 1, 1).expand(2, 3, 8, 8)
    mixed = mix(image, mask, Mixing(torch.tensor([1, 0]), 0.5, (0, 4, 0, 4)))
    assert torch.equal(mixed.image[0], image[0]) and torch.equal(mixed.mask[0], mask[0])
    assert mixed.own_share.tolist() == pytest.approx([1, 16 / 32])
    assert (mixed.image[1, :, :4, :4] == 0).all() and mixed.mask[1].sum() == 32


@pytest.mark.parametrize("box", [None, (8, 24, 4, 20)])
@pytest.mark.parametrize(
    ("gate", "backbone"),
    [
        (PixelGate(fill=0.3), "test_resnet"),
        (PixelGate(remask=True), "test_resnet"),
        (TokenGate(), "test_vit"),
        (TwoStageGate(teacher_forcing=1.0), "test_resnet"),
    ],
)
def test_what_is_hidden_is_in_no_mixture(gate, backbone, box):
    torch.manual_seed(0)
    network = ROINetwork(Backbone(2, (SIZE, SIZE), backbone=backbone), gate).train()
    batch, mixing = make_batch(), Mixing(FLIPPED, 0.4, box)
    twin = copy.deepcopy(network)
    first = network(batch["image"], batch["roi"], batch["has_roi"], None, mixing)
    noise = torch.where(batch["roi"], batch["image"], torch.full_like(batch["image"], torch.nan))
    if gate.locator is not None:  # it reads the whole image, and its mask is not used here
        noise = torch.where(batch["roi"], batch["image"], torch.randn_like(batch["image"]))
    second = twin(noise, batch["roi"], batch["has_roi"], None, mixing)
    assert torch.equal(first.logits, second.logits)
    union = batch["roi"] | batch["roi"].flip(0)
    assert not first.mask[~union].any()
    assert box is not None or torch.equal(first.mask, union)


def test_weights_of_both_images_count_by_their_share():
    logits = torch.randn(2, 2)
    output = output_of([0.75, 0.75], logits)
    batch = {"label": torch.tensor([0, 1]), "weight": torch.tensor([2.0, 6.0])}
    alone = [
        [CrossEntropy()(logits[i : i + 1], torch.tensor([c])).item() for c in range(2)]
        for i in range(2)
    ]
    total = [(0.75 * 2, alone[0][0]), (0.25 * 6, alone[0][1])]
    total += [(0.75 * 6, alone[1][1]), (0.25 * 2, alone[1][0])]
    expected = sum(w * one for w, one in total) / sum(w for w, _ in total)
    loss = classification_loss(output, batch, CrossEntropy())
    assert loss.item() == pytest.approx(expected, abs=1e-6)


def test_an_image_without_an_answer_lends_no_label():
    origin = torch.tensor([MaskOrigin.ABSTAIN, MaskOrigin.GIVEN])
    output = output_of([0.75, 0.75], torch.tensor([[2.0, 0.0], [2.0, 0.0]]), origin)
    loss = classification_loss(output, {"label": torch.tensor([0, 1])}, CrossEntropy())
    # the only label that counts is 1, in both
    assert loss.item() == pytest.approx(np.log(1 + np.e**2), abs=1e-6)


def test_training_is_scored_by_the_label_of_the_larger_part():
    label = torch.tensor([0, 0, 1, 1])
    assert dominant_label(output_of([0.6, 0.4, 0.5, 0.1]), label).tolist() == [0, 1, 1, 0]
    plain = output_of([0.6])._replace(maps={})
    assert dominant_label(plain, label[:1]).tolist() == [0]


def test_a_swapped_copy_is_mixed_as_its_original():
    extras = Extras(swap=0.9, mixup=1.0, cutmix=1.0)
    torch.manual_seed(0)
    batch, copied = extras.extend(make_batch(), margin=0, background_seen=False)
    mixing = extras.draw_mixing(batch["image"], copied)
    assert len(copied)
    assert mixing.partner[:4].tolist() == [3, 2, 1, 0]
    assert torch.equal(mixing.partner[4:], mixing.partner[copied])
    network = ROINetwork(Backbone(2, (SIZE, SIZE), backbone="test_resnet"), PixelGate())
    loss, output = training_loss_of(network.train(), make_batch(), CrossEntropy(), extras)
    loss.backward()
    assert torch.isfinite(loss)
    assert len(output.maps["own_share"]) == len(output.logits) > 4


def test_a_copy_behind_a_pixel_gate_is_the_very_mixture_of_its_original():
    """Swap changes the background alone, which the gate hides: both mixtures are the same image."""
    batch = make_batch()
    inner = torch.nn.functional.max_pool2d((~batch["roi"]).float(), 3, 1, 1) == 0
    batch["roi"] = inner
    gate = PixelGate()
    copy = torch.where(inner, batch["image"], torch.randn_like(batch["image"]))
    both = torch.cat([batch["image"], copy])
    mask = torch.cat([inner, inner])
    partner = torch.cat([FLIPPED, FLIPPED])
    for box in (None, (8, 24, 4, 20)):
        mixed = mix(gate.hide(both, mask), mask, Mixing(partner, 0.4, box)).image
        assert torch.equal(mixed[:4], mixed[4:])


def test_the_draw_is_a_function_of_seed_epoch_and_batch_and_leaves_numpy_alone(trained):
    from lightning_modules import ROIClassifier

    model = ROIClassifier.load_from_checkpoint(trained / "checkpoints" / "best.ckpt")
    extras, batch = Extras(mixup=0.4, cutmix=1.0), make_batch()

    def draw(number):
        model.on_train_batch_start(batch, number)
        before = np.random.get_state()[1].copy()
        mixing = extras.draw_mixing(batch["image"], torch.zeros(0, dtype=torch.long))
        assert (np.random.get_state()[1] == before).all()
        return mixing.share, mixing.box

    assert draw(3) == draw(3)
    assert len({draw(number)[0] for number in range(20)}) == 20


def test_without_mixing_nothing_is_drawn():
    torch.manual_seed(5)
    state = torch.get_rng_state()
    assert Extras().draw_mixing(make_batch()["image"], torch.zeros(0, dtype=torch.long)) is None
    assert torch.equal(torch.get_rng_state(), state)


@pytest.mark.parametrize("name", [name for name in GATES if name != "auto"])
def test_gates_that_cannot_read_a_mixture_refuse(name):
    config = dict(compose_job("train", [f"gate={name}"], ConfTree()).cfg.gate)
    gate = build(config | ({"dilate": 0} if "dilate" in config else {}))
    Extras().check_gate(gate)
    if name in ("none", "pixel", "token", "two_stage"):
        Extras(mixup=0.2, cutmix=1.0).check_gate(gate)
    else:
        with pytest.raises(ValueError, match=r"extras.mixup and extras.cutmix mix images behind"):
            Extras(cutmix=1.0).check_gate(gate)


@pytest.mark.parametrize("name", ["mixup", "cutmix"])
def test_mixing_out_of_range_is_refused(name):
    with pytest.raises(ValueError, match=rf"extras.{name} is -0.1"):
        Extras(**{name: -0.1})


@pytest.mark.parametrize("word", ["none", "class_weights", "focal", "logit_adjustment"])
def test_mixtures_train_the_same_twice_under_every_loss(word, shapes, outputs, tmp_path):
    words = ["extras.mixup=0.4", "extras.cutmix=1.0", "extras.swap=0.5", f"data.imbalance={word}"]
    words += ["loss.label_smoothing=0.1", "gate=two_stage", "test=false", "trainer.max_epochs=1"]
    histories = []
    for name in ("one", "two"):
        folder = train_in_process(shapes, tmp_path / name, *words)
        histories.append((folder / "history.csv").read_text())
    assert histories[0] == histories[1]
    (row,) = csv.DictReader((tmp_path / "one" / "history.csv").open())
    assert 0 < float(row["train_loss"]) < 10


def test_whole_images_can_be_mixed_without_a_gate():
    network = ROINetwork(Backbone(2, (SIZE, SIZE), backbone="test_resnet"), NoGate()).eval()
    batch = make_batch()
    output = network(
        batch["image"], batch["roi"], batch["has_roi"], None, Mixing(FLIPPED, 0.3, None)
    )
    mean = 0.3 * batch["image"] + 0.7 * batch["image"].flip(0)
    assert torch.allclose(output.logits, network.backbone(mean), atol=1e-5)


def test_the_control_beside_a_gated_run_is_mixed_alike():
    from workflow.call import Call
    from workflow.plan import Plan, control_of

    extras = {"swap": 0.5, "mask_jitter": 1, "roi_dropout": 0.0, "mixup": 0.2, "cutmix": 1.0}
    config = {"gate": {"_target_": "PixelGate"}, "extras": extras, "control": True, "costs": True}
    control = control_of(Plan(config, None, None, Call([], None, None))).config
    assert control["gate"]["_target_"].endswith("NoGate")
    assert [control["extras"][name] for name in extras] == [0, 0, 0.0, 0.2, 1.0]
