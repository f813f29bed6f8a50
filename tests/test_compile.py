"""A backbone that trains through torch.compile is the same network in every other way."""

import copy
from functools import partial

import pytest
import torch
from in_process import train_in_process
from small_batch import GATES, make_batch, make_network
from workflow.devices.checks import check_compiler

from lightning_modules import ROIClassifier
from lightning_modules.extras import Extras
from lightning_modules.losses import CrossEntropy
from lightning_modules.networks import Backbone, ROINetwork
from lightning_modules.networks.gates import GuideGate
from lightning_modules.objective import training_loss


@pytest.fixture
def compile_eagerly(monkeypatch):
    """torch.compile records the graph and runs it as it is: no compiler, little time."""
    recorded = []

    def backend(graph, inputs):
        recorded.append(graph)
        return graph.forward

    monkeypatch.setattr(torch, "compile", partial(torch.compile, backend=backend))
    return recorded


def test_compiling_changes_neither_names_nor_weights_nor_gradients(compile_eagerly):
    plain = Backbone(2, backbone="test_resnet").train()
    compiled = Backbone(2, backbone="test_resnet", compile=True).train()
    assert compiled.state_dict().keys() == plain.state_dict().keys()
    compiled.load_state_dict(plain.state_dict())
    image = torch.randn(4, 3, 64, 64)
    for backbone in (plain, compiled):
        backbone(image).sum().backward()
    assert compile_eagerly
    for one, other in zip(plain.parameters(), compiled.parameters(), strict=True):
        assert torch.equal(one.grad, other.grad)


def test_answers_outside_of_training_are_not_compiled(compile_eagerly):
    backbone = Backbone(2, backbone="test_resnet", compile=True).eval()
    backbone(torch.randn(4, 3, 64, 64))
    assert not compile_eagerly


def test_a_copy_of_a_compiled_backbone_runs_its_own_weights(compile_eagerly):
    backbone = Backbone(2, backbone="test_resnet", compile=True).train()
    image = torch.randn(4, 3, 64, 64)
    backbone(image)
    other = copy.deepcopy(backbone)
    with torch.no_grad():
        for weight in other.parameters():
            weight.zero_()
    assert not other(image).any()
    assert backbone(image).any()
    assert backbone.compiles and not other.compiles


def test_a_gate_that_a_compiled_backbone_cannot_serve_refuses_it(compile_eagerly):
    backbone = Backbone(2, backbone="test_resnet", compile=True)
    with pytest.raises(ValueError, match=r"model\.compile=true: GuideGate"):
        ROINetwork(backbone, GuideGate("rrr"))
    ROINetwork(backbone, GuideGate("energy"))


@pytest.mark.parametrize("gate", [name for name in GATES if name != "token"])
def test_every_gate_learns_the_same_through_a_compiled_backbone(gate, compile_eagerly):
    gradients = []
    for options in ({}, {"compile": True}):
        network = make_network(gate, **options)
        torch.manual_seed(0)
        loss, _ = training_loss(network, make_batch(), CrossEntropy(), Extras(swap=0.5))
        loss.backward()
        gradients.append([p.grad for p in network.parameters() if p.grad is not None])
    assert compile_eagerly
    for one, other in zip(*gradients, strict=True):
        assert torch.allclose(one, other, rtol=1e-4, atol=1e-6)


def test_a_compiled_run_is_the_same_run(compile_eagerly, shapes, outputs, tmp_path):
    """With an average, which is a copy, and the estimate of its duration, which is made on one."""
    states = []
    for word in ("false", "true"):
        words = [f"model.compile={word}", "average=ema", "model.freeze_epochs=1"]
        out = train_in_process(shapes, tmp_path / word, *words)
        saved = torch.load(out / "checkpoints" / "last.ckpt", weights_only=True)
        states.append(saved["state_dict"])
    assert compile_eagerly
    assert states[0].keys() == states[1].keys()
    for name, value in states[0].items():
        assert torch.equal(states[1][name], value), name
    ROIClassifier.load_from_checkpoint(out / "checkpoints" / "last.ckpt")


def test_a_missing_compiler_is_said_before_the_run(monkeypatch):
    def compile_nothing(function):
        def fail(value):
            raise RuntimeError("InvalidCxxCompiler: No working C++ compiler found\nlong trace")

        return fail

    monkeypatch.setattr(torch, "compile", compile_nothing)
    with pytest.raises(ValueError, match=r"No working C\+\+ compiler found\).*C\+\+ compiler"):
        check_compiler(torch.device("cpu"))
