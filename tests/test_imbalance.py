"""Rare classes: weights, balanced epochs, focal loss, logit adjustment, by hand-worked numbers."""

import math
from collections import Counter

import numpy as np
import pytest
import torch
from in_process import train_in_process
from small_data import write_manifest

from datamodules.loading.imbalance import describe_imbalance, settle_imbalance, weigh_classes
from datamodules.loading.sampler import EpochSampler
from lightning_modules import ROIClassifier
from lightning_modules.losses import CrossEntropy

WORDS = ["none", "class_weights", "balanced_sampler", "focal", "logit_adjustment"]


@pytest.fixture
def rare_squares(shapes, tmp_path, rows_of):
    """The shapes with one training square in six discs."""
    rows, squares = [], 0
    for row in rows_of(shapes):
        training = row["split"] == "train" and row["label"] == "square"
        squares += training
        if not training or squares == 1:
            rows.append(row | {name: str(shapes.parent / row[name]) for name in ("image", "mask")})
    return write_manifest(tmp_path / "rare.csv", rows)


def test_focal_loss_of_a_probability_of_a_quarter():
    logits = torch.tensor([[0.0, math.log(3.0)]])  # p = 1/4, 3/4
    loss = CrossEntropy(gamma=2.0)
    assert loss(logits, torch.tensor([0])).item() == pytest.approx((3 / 4) ** 2 * math.log(4))
    assert loss(logits, torch.tensor([1])).item() == pytest.approx(
        (1 / 4) ** 2 * math.log(4 / 3), abs=1e-6
    )


def test_focal_loss_without_gamma_is_cross_entropy():
    logits, label = torch.randn(5, 3), torch.tensor([0, 1, 2, 0, 1])
    soft = torch.eye(3)[label]
    for smoothing in (0.0, 0.2):
        expected = CrossEntropy(label_smoothing=smoothing)(logits, label)
        assert torch.equal(
            CrossEntropy(label_smoothing=smoothing, gamma=0)(logits, label), expected
        )
        assert CrossEntropy(label_smoothing=smoothing)(logits, soft).item() == pytest.approx(
            expected.item(), abs=1e-6
        )


def test_smoothing_spreads_the_focal_loss_over_the_classes():
    logits = torch.tensor([[0.0, math.log(3.0)]])
    each = [(3 / 4) ** 2 * math.log(4), (1 / 4) ** 2 * math.log(4 / 3)]
    loss = CrossEntropy(gamma=2.0, label_smoothing=0.1)(logits, torch.tensor([0]))
    assert loss.item() == pytest.approx(0.9 * each[0] + 0.1 * sum(each) / 2)


@pytest.mark.parametrize("gamma", [0.5, 1.0, 2.0])
def test_the_gradient_of_a_sure_answer_is_finite(gamma):
    logits = torch.tensor([[60.0, -60.0], [0.0, 0.0]], requires_grad=True)
    CrossEntropy(gamma=gamma)(logits, torch.tensor([0, 1])).backward()
    assert torch.isfinite(logits.grad).all()


def test_logit_adjustment_adds_the_log_of_the_shares_in_training_alone():
    logits, label = torch.tensor([[1.0, 0.0]]), torch.tensor([1])
    loss = CrossEntropy(None, [90, 10], tau=1.0)
    odds = 0.9 * math.e / 0.1  # of class 0 over class 1 once adjusted
    assert loss(logits, label).item() == pytest.approx(math.log(1 + odds))
    assert loss.eval()(logits, label).item() == pytest.approx(math.log(1 + math.e))
    half = CrossEntropy(None, [90, 10], tau=0.5)
    assert half(logits, label).item() == pytest.approx(math.log(1 + math.e * 3))


def test_soft_targets_count_each_label_by_its_share_and_weights():
    logits = torch.randn(2, 3)
    weights = [1.0, 2.0, 4.0]
    target = torch.tensor([[0.7, 0.3, 0.0], [0.0, 0.0, 1.0]])
    weight = torch.tensor([3.0, 0.5])
    for options in ({}, {"gamma": 2.0}, {"label_smoothing": 0.1}):
        alone = [
            [CrossEntropy(**options)(logits[i : i + 1], torch.tensor([c])).item() for c in range(3)]
            for i in range(2)
        ]
        parts = [(3 * 0.7 * 1, alone[0][0]), (3 * 0.3 * 2, alone[0][1]), (0.5 * 4, alone[1][2])]
        expected = sum(w * one for w, one in parts) / sum(w for w, _ in parts)
        loss = CrossEntropy(weights, **options)(logits, target, weight)
        assert loss.item() == pytest.approx(expected, abs=1e-6), options


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"gamma": -1.0}, "loss.gamma is -1.0"),
        ({"tau": math.inf}, "loss.tau is inf"),
        ({"tau": 1.0}, "needs some of every class"),
    ],
)
def test_loss_options_out_of_range_are_refused(options, message):
    with pytest.raises(ValueError, match=message):
        CrossEntropy(**options)


def test_a_balanced_epoch_has_as_many_of_each_class_and_its_old_length():
    labels = np.array([0] * 70 + [1] * 20 + [2] * 11)
    sampler = EpochSampler(101, seed=3, labels=labels)
    assert len(sampler) == len(list(sampler)) == 101
    counts = Counter(labels[key[1]] for key in sampler)
    assert sorted(counts.values()) == [33, 34, 34]
    shown = Counter(key[1] for key in sampler)
    assert max(shown[i] for i in range(70)) == 1  # of many none comes twice
    assert {shown[i] for i in range(90, 101)} <= {3, 4}  # of few all come alike


def test_a_repeated_image_has_the_number_of_its_repeat_and_others_the_plain_key():
    sampler = EpochSampler(6, seed=0, labels=np.array([0, 0, 0, 0, 0, 1]))
    sampler.set_epoch(2)
    keys = list(sampler)
    assert sorted(key for key in keys if key[1] == 5) == [(2, 5), (2, 5, 1), (2, 5, 2)]
    assert all(len(key) == 2 for key in keys if key[1] != 5)
    assert keys == list(sampler)
    sampler.set_epoch(3)
    assert [key[1:] for key in sampler] != [key[1:] for key in keys]


def test_over_many_epochs_every_image_of_a_class_comes_alike():
    sampler = EpochSampler(40, seed=0, labels=np.repeat([0, 1], [30, 10]))
    drawn = np.concatenate([sampler.draw(epoch)[0] for epoch in range(300)])
    counts = np.bincount(drawn, minlength=40) / 300
    assert counts[:30] == pytest.approx(np.full(30, 20 / 30), abs=0.12)
    assert counts[30:] == pytest.approx(np.full(10, 2.0))


def test_a_repeat_is_augmented_otherwise(shapes):
    from test_dataset import datamodule

    dataset = datamodule(shapes).dataset("train", augmented=True)
    images = [dataset[key]["image"] for key in [(1, 0), (1, 0, 1), (1, 0, 2)]]
    assert not torch.equal(images[0], images[1])
    assert not torch.equal(images[1], images[2])
    assert torch.equal(dataset[(1, 0, 1)]["image"], images[1])


def test_workers_do_not_change_a_bit_of_a_balanced_epoch(rare_squares):
    from test_dataset import datamodule, epoch_of

    words = {"imbalance": "balanced_sampler", "allow_outside": True}
    alone, together = (epoch_of(datamodule(rare_squares, n, **words), 2) for n in (0, 2))
    assert sorted(label for batch in alone for label in batch["label"].tolist()) in (
        [0] * 3 + [1] * 4,
        [0] * 4 + [1] * 3,
    )
    for first, second in zip(alone, together, strict=True):
        assert first["id"] == second["id"]
        assert torch.equal(first["image"], second["image"])


@pytest.mark.parametrize("word", WORDS)
def test_every_word_trains_says_what_it_did_and_its_checkpoint_stands_alone(
    word, rare_squares, outputs, tmp_path
):
    folder = train_in_process(
        rare_squares,
        tmp_path / "run",
        f"data.imbalance={word}",
        "data.allow_outside=true",
        "gate=pixel",
        "test=false",
    )
    log = (folder / "log.txt").read_text()
    assert "square 1 (14.3%), disc 6 (85.7%)" in log
    assert f"data.imbalance={word}: " in log
    model = ROIClassifier.load_from_checkpoint(folder / "checkpoints" / "last.ckpt")
    weighted = word == "class_weights"
    assert model.hparams.class_weights == (pytest.approx([7 / 12, 7 / 2]) if weighted else None)
    assert model.hparams.class_counts == ([6.0, 1.0] if word == "logit_adjustment" else None)
    assert model.loss.gamma == (2.0 if word == "focal" else 0.0)
    assert (model.loss.offsets is None) == (word != "logit_adjustment")


@pytest.mark.parametrize(
    ("loss", "word", "message"),
    [
        ({"gamma": 1.0}, "none", "data.imbalance=focal, but data.imbalance is none"),
        ({"tau": 1.0}, "class_weights", "choose data.imbalance=logit_adjustment, or leave"),
        ({"gamma": 0.0}, "focal", "loss.gamma is 0.0, expected above 0 with"),
        ({"tau": -1.0}, "logit_adjustment", "leave it out for 1, or take data.imbalance=none"),
    ],
)
def test_a_loss_and_a_word_that_contradict_each_other_are_refused(loss, word, message):
    with pytest.raises(ValueError, match=message):
        settle_imbalance(loss, word)


def test_class_weights_are_one_on_average_over_the_images():
    weights = weigh_classes([80, 15, 5])
    assert np.dot(weights, [80, 15, 5]) == pytest.approx(100)
    assert weights[2] / weights[0] == pytest.approx(16)


def test_a_large_difference_without_a_word_is_said_with_what_could_be_done():
    loss = {}
    settle_imbalance(loss, "none")
    line = describe_imbalance([90, 10], ["sound", "crack"], "none", loss)
    assert line.startswith(
        "Training images of each class, rarest first: crack 10 (10.0%), sound 90"
    )
    assert "is 9 times the smallest" in line and "balanced_sampler" in line
    assert "would" not in describe_imbalance([90, 80], ["sound", "crack"], "none", loss)
