"""Mixed precision trains every gate, and accumulation is the larger batch."""

import pytest
import torch
from in_process import train_in_process
from small_batch import GATES, make_batch, make_network
from workflow.devices.checks import check_precision

from lightning_modules.extras import Extras
from lightning_modules.losses import CrossEntropy
from lightning_modules.objective import run_network, training_loss, window_scale


@pytest.mark.parametrize("gate", GATES)
def test_every_gate_trains_in_bfloat16_and_computes_its_losses_in_float32(gate):
    network, batch = make_network(gate), make_batch()
    with torch.autocast("cpu", torch.bfloat16):
        output = run_network(network, batch)
        own = network.gate.losses(network, output, batch)
        torch.manual_seed(0)
        loss, _ = training_loss(network, batch, CrossEntropy(), Extras(swap=0.5))
    assert {value.dtype for value in [loss, *own.values()]} == {torch.float32}
    loss.backward()
    moved = [p for p in network.parameters() if p.grad is not None and p.grad.any()]
    assert moved
    assert all(p.grad.isfinite().all() and p.grad.dtype == torch.float32 for p in moved)


@pytest.mark.parametrize("gate", GATES)
def test_a_loss_in_bfloat16_is_that_of_float32_up_to_its_rounding(gate):
    losses = []
    for enabled in (False, True):
        network, batch = make_network(gate), make_batch()
        torch.manual_seed(0)
        with torch.autocast("cpu", torch.bfloat16, enabled=enabled):
            loss, _ = training_loss(network, batch, CrossEntropy(), Extras())
        losses.append(loss.item())
    assert losses[1] != losses[0]
    assert losses[1] == pytest.approx(losses[0], rel=0.03, abs=0.03)


def trained_weights(folder):
    state = torch.load(folder / "checkpoints" / "last.ckpt", weights_only=True)["state_dict"]
    return {name: value for name, value in state.items() if name.startswith("network.")}


@pytest.mark.parametrize("clip", ["null", "0.1"])
def test_two_batches_of_four_are_one_of_eight(shapes, outputs, tmp_path, clip):
    """12 images: windows of 4 + 4 and of 4 alone; a ViT, for BatchNorm sees its own batch."""
    words = ["gate=none", "optimizer=sgd", "optimizer.lr=0.1", f"trainer.gradient_clip_val={clip}"]
    words += ["model.backbone=test_vit", "test=false"]
    accumulated = train_in_process(
        shapes, tmp_path / "four", *words, "trainer.accumulate_grad_batches=2"
    )
    whole = train_in_process(shapes, tmp_path / "eight", *words, "data.batch_size=8")
    expected, found = trained_weights(whole), trained_weights(accumulated)
    for name, value in expected.items():
        assert torch.allclose(found[name], value, rtol=0, atol=1e-6), name
    start = torch.load(whole / "checkpoints" / "last.ckpt", weights_only=True)
    assert start["global_step"] == 4


@pytest.mark.parametrize(("num_batches", "accumulated"), [(7, 3), (6, 3), (2, 5), (4, 1)])
def test_every_step_is_the_mean_of_its_batches(num_batches, accumulated):
    shares = [
        window_scale(index, num_batches, accumulated) / accumulated for index in range(num_batches)
    ]
    steps = [shares[first : first + accumulated] for first in range(0, num_batches, accumulated)]
    assert [sum(step) for step in steps] == pytest.approx([1.0] * len(steps))
    assert all(len(set(step)) == 1 for step in steps)


def test_float16_on_a_cpu_is_refused_and_bfloat16_is_not():
    with pytest.raises(ValueError, match=r"16-mixed, and this run is on a CPU.*trainer=bf16"):
        check_precision("16-mixed", torch.device("cpu"))
    check_precision("bf16-mixed", torch.device("cpu"))


def test_a_gpu_without_bfloat16_is_sent_to_float16(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda including_emulation: False)
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda device: "Tesla T4")
    with pytest.raises(ValueError, match=r"Tesla T4 has no bfloat16.*trainer=fp16"):
        check_precision("bf16-mixed", torch.device("cuda"))


@pytest.mark.parametrize("word", ["trainer.precision=16-mixed", "trainer.accelerator=tpu"])
def test_what_this_machine_lacks_is_said_before_the_data_is_read(word, tmp_path):
    with pytest.raises(ValueError, match=r"16-mixed, and this run is on a CPU|Trainer refuses"):
        train_in_process(tmp_path / "no.csv", tmp_path / "run", word)
