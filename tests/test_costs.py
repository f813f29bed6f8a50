"""Costs are ratios to the plain backbone, and measuring them leaves no trace."""

import copy
import json

import torch
from front.composition import compose_job
from front.conf_tree import ConfTree
from in_process import train_in_process
from workflow.call import Call
from workflow.costs import measure_run, typical_roi
from workflow.objects import build_objects
from workflow.plan import make_plan

from lightning_modules.evaluation.costs import Trainee, count_flops, measure_costs, synthetic_batch
from lightning_modules.extras import Extras
from lightning_modules.losses import CrossEntropy
from lightning_modules.networks import Backbone, ROINetwork
from lightning_modules.networks.gates import NoGate, PixelGate, TokenGate, TwoStageGate


def batch_of(num_images):
    """Of images whose ROI is a quarter in the middle."""
    roi = torch.zeros(1, 64, 64, dtype=torch.bool)
    roi[:, 16:48, 16:48] = True
    return synthetic_batch(num_images, roi, torch.ones(1, dtype=torch.bool))


def trainee(gate, backbone="test_resnet", extras=None, **options):
    network = ROINetwork(Backbone(2, (64, 64), backbone=backbone, **options), gate)
    return Trainee(network, Extras() if extras is None else extras, CrossEntropy())


def costs_of(gate, extras=None):
    batch = batch_of(4)
    return measure_costs(trainee(gate, extras=extras), trainee(NoGate()), batch)


def test_the_pixel_gate_costs_no_parameter_and_no_flop():
    costs = costs_of(PixelGate())
    assert costs["cost_parameters"] == 1.0
    assert costs["cost_flops"] == 1.0


def test_a_locator_costs_parameters_flops_and_time():
    costs = costs_of(TwoStageGate())
    assert min(costs.values()) > 1


def test_swapped_copies_take_time_and_nothing_else():
    costs = costs_of(NoGate(), Extras(swap=0.9))
    assert costs["cost_parameters"] == costs["cost_flops"] == 1.0
    assert costs["cost_step_time"] > 1.2


def test_flops_are_those_that_the_layer_sizes_say():
    network = ROINetwork(Backbone(2, (64, 64), backbone="test_vit"), NoGate())
    linear = [m for m in network.modules() if isinstance(m, torch.nn.Linear)]
    flops = count_flops(network, batch_of(3))
    tokens = 1 + (64 // 16) ** 2
    at_least = sum(2 * m.in_features * m.out_features for m in linear) * tokens
    assert 0.8 * at_least < flops < 1.5 * at_least


def test_a_small_roi_saves_a_vit_flops():
    batch = batch_of(2)
    token, plain = (
        count_flops(trainee(gate, "test_vit").network, batch) for gate in (TokenGate(), NoGate())
    )
    assert token < 0.8 * plain


def test_the_synthetic_batch_is_one_of_the_loaders():
    batch = batch_of(4)
    assert batch["image"].shape == (4, 3, 64, 64)
    assert batch["roi"].float().mean() == 0.25
    assert batch["has_roi"].tolist() == [[True]] * 4
    assert batch["label"].tolist() == [0, 1, 0, 1]


def objects_of(shapes, *words):
    typed = ["data=manifest", f"data.manifest={shapes}", "data.image_size=32", "data.batch_size=4"]
    typed += ["data.num_workers=0", "model.backbone=test_resnet", *words]
    plan = make_plan(compose_job("train", typed, ConfTree()).cfg, Call(typed, None, None))
    return plan, build_objects(plan, None)


def test_measuring_leaves_weights_threads_and_random_state_as_they_were(shapes, outputs):
    plan, objects = objects_of(shapes, "gate=two_stage", "extras=roi_in_training")
    weights = copy.deepcopy(objects.model.state_dict())
    state, threads = torch.get_rng_state(), torch.get_num_threads()
    costs = measure_run(plan, objects, torch.device("cpu"))
    assert costs["cost_parameters"] > 1
    assert torch.equal(torch.get_rng_state(), state)
    assert torch.get_num_threads() == threads
    for name, value in objects.model.state_dict().items():
        assert torch.equal(value, weights[name]), name
    assert all(parameter.grad is None for parameter in objects.model.parameters())


def test_the_roi_measured_with_is_a_typical_one_of_training(shapes, outputs):
    _, objects = objects_of(shapes)
    dataset = objects.data.dataset("train")
    planes = dataset.load(range(len(dataset)))["roi"]
    areas = planes.float().mean(dim=(1, 2, 3)).tolist()
    roi, has_roi = typical_roi(dataset)
    assert has_roi.tolist() == [True]
    assert roi.shape == (1, 32, 32)
    assert any(torch.equal(roi, plane) for plane in planes)
    assert min(areas) < roi.float().mean().item() < max(areas)
    _, objects = objects_of(shapes, "gate=none", "data.roi_fraction=0")
    _, has_roi = typical_roi(objects.data.dataset("train"))
    assert has_roi.tolist() == [False]


def test_costs_stand_in_the_metrics_of_a_run_but_not_in_those_of_its_control(
    shapes, outputs, tmp_path
):
    words = ["gate=pixel", "costs=true", "control=true", "debug=one_batch"]
    folder = train_in_process(shapes, tmp_path / "run", *words)
    metrics = json.loads((folder / "metrics.json").read_text())
    assert metrics["cost_flops"] == 1.0
    assert "control_cost_flops" not in metrics
