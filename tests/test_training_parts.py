"""Losses, optimizers, schedules and metrics, against numbers worked out another way."""

import math

import numpy as np
import pytest
import torch
from in_process import train_in_process
from torch import nn

from lightning_modules.losses import CrossEntropy
from lightning_modules.metrics import PhaseMetrics
from lightning_modules.optimizers import build_optimizer
from lightning_modules.schedulers import constant, cosine, onecycle, plateau


def test_cross_entropy_is_minus_the_log_probability():
    logits = torch.tensor([[2.0, 0.0], [0.0, 1.0]])
    expected = [-math.log(math.e**2 / (math.e**2 + 1)), -math.log(1 / (1 + math.e))]
    loss = CrossEntropy()(logits, torch.tensor([0, 0]))
    assert loss.item() == pytest.approx(sum(expected) / 2)


def test_weights_of_class_and_sample_multiply_and_are_divided_out():
    logits, label = torch.randn(4, 2), torch.tensor([0, 0, 1, 1])
    single = torch.stack([CrossEntropy()(logits[i : i + 1], label[i : i + 1]) for i in range(4)])
    weight = torch.tensor([1.0, 2.0, 3.0, 0.0])
    total = weight * torch.tensor([0.5, 0.5, 4.0, 4.0])
    loss = CrossEntropy([0.5, 4.0])(logits, label, weight)
    assert loss.item() == pytest.approx(((single * total).sum() / total.sum()).item())


def test_a_batch_of_no_weight_costs_nothing():
    loss = CrossEntropy()(torch.randn(2, 3), torch.tensor([0, 1]), torch.zeros(2))
    assert loss.item() == 0


def test_label_smoothing_spreads_the_target():
    logits = torch.tensor([[3.0, 0.0, 0.0]])
    log_probs = logits.log_softmax(1)[0]
    target = torch.tensor([0.9 + 0.1 / 3, 0.1 / 3, 0.1 / 3])
    loss = CrossEntropy(label_smoothing=0.1)(logits, torch.tensor([0]))
    assert loss.item() == pytest.approx(-(target * log_probs).sum().item(), abs=1e-6)


def test_biases_and_norms_are_not_decayed():
    network = nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4))
    optimizer = build_optimizer(network, name="adamw", weight_decay=0.1)
    decays = {id(p): g["weight_decay"] for g in optimizer.param_groups for p in g["params"]}
    assert [decays[id(p)] for p in network.parameters()] == [0.1, 0, 0, 0]


@pytest.mark.parametrize("name", ["sgd", "adamw", "lamb", "lion", "rmsprop"])
def test_optimizers_go_by_timms_names(name):
    network = nn.Linear(2, 2)
    before = network.weight.clone()
    optimizer = build_optimizer(network, name=name, lr=0.1)
    network(torch.ones(1, 2)).sum().backward()
    optimizer.step()
    assert not torch.equal(network.weight, before)


@pytest.mark.parametrize("options", [{"lr": 0.0}, {"lr": -1.0}, {"weight_decay": -0.1}])
def test_optimizer_options_out_of_range_are_refused(options):
    with pytest.raises(ValueError, match=f"optimizer.{next(iter(options))}"):
        build_optimizer(nn.Linear(2, 2), **options)


def rates(schedule, steps=100, **options):
    optimizer = torch.optim.AdamW(nn.Linear(2, 2).parameters(), lr=1.0)
    scheduler = schedule(optimizer, steps, steps // 5, **options)["scheduler"]
    values = []
    for _ in range(steps):
        values.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        scheduler.step()
    return np.array(values)


def test_cosine_rises_for_its_warm_up_and_ends_at_its_floor():
    values = rates(cosine, warmup_epochs=1, min_lr=0.01)
    assert (np.diff(values[:20]) > 0).all()
    assert values.argmax() == 20
    assert (np.diff(values[20:]) < 0).all()
    assert values[60] == pytest.approx(0.01 + 0.99 * 0.5)
    assert values[-1] == pytest.approx(0.01, abs=0.01)


def test_onecycle_peaks_where_it_is_told():
    values = rates(onecycle, peak_at=0.3)
    assert values.argmax() == pytest.approx(29, abs=1)
    assert values.max() == pytest.approx(1.0)
    assert values[-1] < 1e-4


def test_no_schedule_keeps_the_rate():
    assert (rates(constant) == 1).all()


@pytest.mark.parametrize("steps", [1, 2, 3, 5])
@pytest.mark.parametrize("schedule", [cosine, onecycle, constant])
def test_runs_of_a_step_or_two_have_a_schedule(schedule, steps):
    optimizer = torch.optim.SGD(nn.Linear(2, 2).parameters(), lr=1.0, momentum=0.9)
    scheduler = schedule(optimizer, steps, steps)["scheduler"]
    for _ in range(steps):
        optimizer.step()
        scheduler.step()


def test_plateau_falls_when_the_score_stands_still():
    optimizer = torch.optim.SGD(nn.Linear(2, 2).parameters(), lr=1.0)
    built = plateau(optimizer, 10, 1, factor=0.5, patience_epochs=1)
    for score in (0.5, 0.6, 0.6, 0.6):
        built["scheduler"].step(score)
    assert optimizer.param_groups[0]["lr"] == 0.5
    assert built["monitor"] == "val_macro_f1"


@pytest.mark.parametrize(
    ("schedule", "options"),
    [(cosine, {"warmup_epochs": -1}), (onecycle, {"peak_at": 1.0}), (plateau, {"factor": 2.0})],
)
def test_schedule_options_out_of_range_are_refused(schedule, options):
    optimizer = torch.optim.SGD(nn.Linear(2, 2).parameters(), lr=1.0)
    with pytest.raises(ValueError, match=f"scheduler.{next(iter(options))}"):
        schedule(optimizer, 10, 1, **options)


def test_metrics_agree_with_scikit_learn():
    from sklearn import metrics as reference

    rng = np.random.default_rng(0)
    label = rng.integers(0, 3, 60)
    probs = rng.dirichlet([1, 1, 1], 60) + 0.7 * np.eye(3)[label]
    probs /= probs.sum(1, keepdims=True)
    phase = PhaseMetrics(["a", "b", "c"], full=True)
    for rows in np.array_split(np.arange(60), 7):
        phase.update(torch.from_numpy(probs[rows]), torch.from_numpy(label[rows]))
    values = {name: float(value) for name, value in phase.compute().items()}
    predicted = probs.argmax(1)
    expected = {
        "accuracy": (predicted == label).mean(),
        "balanced_accuracy": reference.balanced_accuracy_score(label, predicted),
        "macro_f1": reference.f1_score(label, predicted, average="macro"),
        "auroc": reference.roc_auc_score(label, probs, multi_class="ovr"),
        "precision_b": reference.precision_score(label, predicted, average=None)[1],
        "recall_c": reference.recall_score(label, predicted, average=None)[2],
        "f1_a": reference.f1_score(label, predicted, average=None)[0],
    }
    for name, value in expected.items():
        assert values[name] == pytest.approx(value, abs=1e-5), name


def test_a_class_without_images_does_not_spoil_the_scores():
    from sklearn import metrics as reference

    rng = np.random.default_rng(0)
    label = rng.integers(0, 2, 60)
    probs = rng.dirichlet([1, 1, 1], 60) + 0.5 * np.eye(3)[label]
    probs /= probs.sum(1, keepdims=True)
    phase = PhaseMetrics(["a", "b", "never"], full=True)
    phase.update(torch.from_numpy(probs), torch.from_numpy(label))
    values = phase.compute()
    recall = [(probs.argmax(1)[label == c] == c).mean() for c in (0, 1)]
    auroc = [reference.roc_auc_score(label == c, probs[:, c]) for c in (0, 1)]
    assert float(values["balanced_accuracy"]) == pytest.approx(np.mean(recall), abs=1e-5)
    assert float(values["auroc"]) == pytest.approx(np.mean(auroc), abs=1e-5)


def test_without_any_answer_every_score_is_zero_and_has_its_name():
    phase = PhaseMetrics(["a", "b"], full=True)
    nothing = phase.compute()
    phase.update(torch.tensor([[0.9, 0.1], [0.2, 0.8]]), torch.tensor([0, 1]))
    assert nothing.keys() == phase.compute().keys()
    assert not any(nothing.values())
    phase.reset()
    assert not any(phase.compute().values())


def test_position_embeddings_are_not_decayed():
    from lightning_modules.networks import Backbone, ROINetwork
    from lightning_modules.networks.gates import NoGate

    network = ROINetwork(Backbone(2, backbone="test_vit"), NoGate())
    optimizer = build_optimizer(network, weight_decay=0.1)
    decays = {id(p): g["weight_decay"] for g in optimizer.param_groups for p in g["params"]}
    assert decays[id(network.backbone.net.pos_embed)] == 0
    assert decays[id(network.backbone.net.blocks[0].mlp.fc1.weight)] == 0.1


LAYERED = ["test_resnet", "test_vit", "test_efficientnet", "test_convnext", "pit_ti_224"]
SWIN = "swin_tiny_patch4_window7_224"


def rates_by_name(backbone, gate, **options):
    from lightning_modules.networks import Backbone, ROINetwork

    network = ROINetwork(Backbone(2, backbone=backbone), gate)
    optimizer = build_optimizer(network, lr=1.0, **options)
    rates = {id(p): group["lr"] for group in optimizer.param_groups for p in group["params"]}
    return network, {name: rates[id(p)] for name, p in network.named_parameters()}


@pytest.mark.parametrize("backbone", [*LAYERED, pytest.param(SWIN, marks=pytest.mark.slow)])
def test_layers_learn_the_slower_the_earlier_and_the_new_parts_at_the_full_rate(backbone):
    from lightning_modules.networks.gates import TwoStageGate

    network, rates = rates_by_name(backbone, TwoStageGate(), layer_decay=0.5)
    trunk = {v for k, v in rates.items() if k.startswith("backbone.net.")}
    depths = sorted(-math.log2(rate) for rate in trunk)
    assert depths == pytest.approx(range(len(depths)))  # 1, 1/2, 1/4, ... without a gap
    assert len(depths) > 3
    new = {id(p) for p in network.backbone.head.parameters()}
    head = [n for n, p in network.named_parameters() if id(p) in new]
    gate = [name for name in rates if name.startswith("gate.")]
    assert head and gate
    assert {rates[name] for name in head + gate} == {1.0}
    first = next(n for n, _ in network.named_parameters() if n.endswith("weight"))
    assert rates[first] == min(rates.values())


@pytest.mark.parametrize("factor", [0.0, -0.5, 1.5])
def test_a_layer_decay_out_of_range_is_refused(factor):
    with pytest.raises(ValueError, match=r"optimizer\.layer_decay"):
        build_optimizer(nn.Linear(2, 2), layer_decay=factor)


@pytest.mark.parametrize("schedule", [constant, cosine, onecycle, plateau])
def test_every_schedule_keeps_the_ratio_between_the_layers(schedule):
    from lightning_modules.networks import Backbone, ROINetwork
    from lightning_modules.networks.gates import NoGate

    network = ROINetwork(Backbone(2, backbone="test_resnet"), NoGate())
    optimizer = build_optimizer(network, lr=1e-5, layer_decay=0.5)
    scheduler = schedule(optimizer, 20, 4)["scheduler"]
    ratios = [group["lr_scale"] for group in optimizer.param_groups]
    seen = set()
    for _ in range(19):
        rates = [group["lr"] for group in optimizer.param_groups]
        seen.add(max(rates))
        assert np.array(rates) / max(rates) == pytest.approx(np.array(ratios))
        optimizer.step()
        scheduler.step(*([0.5] if schedule is plateau else []))
    assert len(seen) > 1 or schedule is constant


def test_without_layer_decay_all_have_one_rate():
    from lightning_modules.networks.gates import NoGate

    _, rates = rates_by_name("test_resnet", NoGate())
    assert set(rates.values()) == {1.0}


def test_the_history_shows_the_highest_rate(shapes, outputs, tmp_path):
    words = ["optimizer.layer_decay=0.5", "optimizer.lr=0.002", "scheduler=none", "test=false"]
    out = train_in_process(shapes, tmp_path / "run", *words, "trainer.max_epochs=1")
    assert (out / "history.csv").read_text().splitlines()[1].split(",")[2] == "0.002"


def test_the_backbone_rests_in_its_first_epochs_while_head_and_locator_train(
    shapes, outputs, tmp_path
):
    words = ["gate=two_stage", "model.freeze_epochs=2", "trainer.max_epochs=3", "test=false"]
    out = train_in_process(shapes, tmp_path / "run", *words)
    checkpoint = torch.load(out / "checkpoints" / "last.ckpt", weights_only=True)
    (optimizer,) = checkpoint["optimizer_states"]
    steps = [int(state["step"]) for state in optimizer["state"].values()]
    names = [n for n in checkpoint["state_dict"] if n.startswith("network.")]
    assert set(steps) == {3, 9}  # three batches an epoch
    trunk = [n for n in names if n.startswith("network.backbone.net.") and ".fc." not in n]
    statistics = ("running_mean", "running_var", "num_batches_tracked")
    assert steps.count(3) == len([n for n in trunk if not n.endswith(statistics)])
    counted = [n for n in trunk if n.endswith("num_batches_tracked")]
    assert {int(checkpoint["state_dict"][name]) for name in counted} == {3}


def test_means_count_images_and_a_loss_that_is_no_number_stays_one():
    phase = PhaseMetrics(["a", "b"], full=False, means=["loss"])
    phase.update(torch.eye(2), torch.tensor([0, 1]))
    phase.average("loss", torch.tensor(1.0), 4)
    phase.average("loss", torch.tensor(4.0), 2)
    assert float(phase.compute()["loss"]) == 2.0
    kept = phase.state()
    phase.average("loss", torch.tensor(torch.nan), 1)
    assert phase.compute()["loss"].isnan()
    phase.restore(kept)
    assert float(phase.compute()["loss"]) == 2.0
