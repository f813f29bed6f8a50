"""A loss that is no number ends the run before its step, and that step can be done again."""

import math

import pytest
import torch
from front.composition import compose_job
from front.conf_tree import ConfTree
from in_process import train_in_process
from workflow.call import Call
from workflow.journal import Journal
from workflow.replay import replay

from lightning_modules.callbacks import StopAtNonFinite
from lightning_modules.checkpoint import open_checkpoint
from lightning_modules.non_finite.message import NonFinite
from lightning_modules.non_finite.step_file import Step, broken_rows, read_step, write_step
from lightning_modules.roi_classifier import ROIClassifier


def spoil(monkeypatch, batch_idx, how):
    """Change the loss of one batch of the second epoch."""
    training_step = ROIClassifier.training_step

    def step(self, batch, index):
        loss = training_step(self, batch, index)
        at = getattr(self.trainer, "current_epoch", 0) == 1 and index == batch_idx
        return how(loss) if at else loss

    monkeypatch.setattr(ROIClassifier, "training_step", step)


def ask_again(folder, *words):
    typed = ["debug=replay", f"debug.batch={folder / 'non_finite' / 'batch.pt'}", *words]
    Journal()  # as the command does: the log of the run is no longer written to
    return replay(compose_job("train", typed, ConfTree()).cfg, Call(typed, None, None))


@pytest.mark.parametrize("how", [lambda x: x * math.nan, lambda x: x / 0], ids=["nan", "inf"])
def test_the_weights_are_those_before_the_step(shapes, outputs, tmp_path, monkeypatch, how):
    before = {}
    start = ROIClassifier.on_train_batch_start

    def note(self, batch, index):
        before.update({name: value.clone() for name, value in self.state_dict().items()})
        start(self, batch, index)

    monkeypatch.setattr(ROIClassifier, "on_train_batch_start", note)
    spoil(monkeypatch, 1, how)
    out = tmp_path / "run"
    with pytest.raises(NonFinite, match=r"The loss is (nan|inf) in epoch 2, batch 2 of 3 \(step 5"):
        train_in_process(shapes, out, "scheduler=none")
    kept = open_checkpoint(out / "non_finite" / "weights.ckpt")["state_dict"]
    assert kept.keys() == before.keys()
    assert all(torch.equal(value, before[name]) for name, value in kept.items())
    step, batch = read_step(out / "non_finite" / "batch.pt")
    assert (step.epoch, step.batch, step.step) == (1, 1, 4)
    assert len(batch["id"]) == len(batch["image"]) == 4
    assert len(step.previous) == 4


def test_an_infinite_gradient_of_a_finite_loss_stops_as_well(
    shapes, outputs, tmp_path, monkeypatch
):
    spoil(monkeypatch, 0, lambda loss: loss + (loss - loss.detach()).sqrt())  # 0, of infinite slope
    with pytest.raises(NonFinite, match=r"The gradient norm is (nan|inf) in epoch 2.*loss 0\."):
        train_in_process(shapes, tmp_path / "run", "gate=none")


def test_the_message_names_the_images_whose_values_are_no_numbers(
    shapes, outputs, tmp_path, monkeypatch
):
    from datamodules.loading.dataset import ROIDataset

    load = ROIDataset.load

    def spoiled(self, keys):
        batch = load(self, keys)
        for row, name in enumerate(batch["id"]):
            if "disc_005" in name:
                batch["image"][row, 0, 0, 0] = math.nan
        return batch

    monkeypatch.setattr(ROIDataset, "load", spoiled)
    with pytest.raises(NonFinite, match=r"image is not finite in 1 of 4 images: images/disc_005"):
        train_in_process(shapes, tmp_path / "run", "gate=none", "callbacks.duration=null")


def test_a_lower_rate_clipping_and_another_precision_are_proposed(
    shapes, outputs, tmp_path, monkeypatch
):
    spoil(monkeypatch, 0, lambda loss: loss * math.nan)
    options = ["optimizer.lr=0.5", "trainer.gradient_clip_val=null", "trainer.precision=bf16-mixed"]
    with pytest.raises(NonFinite) as caught:
        train_in_process(shapes, tmp_path / "run", *options)
    assert "optimizer.lr=0.001   (it is 0.5)" in str(caught.value)
    assert "trainer.gradient_clip_val=1.0" in str(caught.value)
    assert "bf16-mixed   (" not in str(caught.value)


MIXED = ["gate=none", "extras.mixup=0.4", "model.dropout=0.3", "trainer.accumulate_grad_batches=3"]


@pytest.mark.parametrize("words", [[], MIXED, ["gate=two_stage"]], ids=["auto", "mixed", "stages"])
def test_a_step_that_is_kept_on_demand_is_done_again_bit_for_bit(
    shapes, outputs, tmp_path, monkeypatch, words
):
    losses = []
    check = StopAtNonFinite.on_after_backward

    def keep(self, trainer, pl_module):
        if trainer.current_epoch == 1 and trainer.fit_loop.batch_idx == 2:
            losses.append(float(self._loss))
            self.keep(trainer, pl_module, losses[0], None)
        check(self, trainer, pl_module)

    monkeypatch.setattr(StopAtNonFinite, "on_after_backward", keep)
    out = train_in_process(shapes, tmp_path / "run", "test=false", *words)
    monkeypatch.undo()
    before = {path: path.stat().st_mtime_ns for path in out.rglob("*")}
    result = ask_again(out)
    assert result.loss == losses[0]
    assert result.forward is result.backward is result.operation is None
    assert result.gradients == []
    assert len(result.sample_losses) == 4
    assert {path: path.stat().st_mtime_ns for path in out.rglob("*")} == before


def test_sample_losses_are_those_the_batch_is_the_mean_of(shapes, outputs, tmp_path, monkeypatch):
    keep_at_end(monkeypatch)
    out = train_in_process(shapes, tmp_path / "run", "test=false", "gate=none", "extras=default")
    result = ask_again(out)
    assert sum(result.sample_losses) / 4 == pytest.approx(result.loss, rel=1e-5)


def keep_at_end(monkeypatch):
    check = StopAtNonFinite.on_after_backward

    def keep(self, trainer, pl_module):
        self.keep(trainer, pl_module, float(self._loss), None)
        check(self, trainer, pl_module)

    monkeypatch.setattr(StopAtNonFinite, "on_after_backward", keep)


def test_the_replay_names_the_module_where_it_begins(shapes, outputs, tmp_path, caplog):
    out = tmp_path / "run"
    with pytest.raises(NonFinite):
        train_in_process(shapes, out, "optimizer.lr=1e30", "gate=none", "optimizer.weight_decay=0")
    result = ask_again(out)
    assert math.isnan(result.loss)
    assert result.forward.startswith("network.backbone.net.")
    assert "input goes up to" in result.forward
    assert result.operation is not None


@pytest.mark.parametrize(
    ("word", "message"),
    [
        ("seed=3", r"leave out seed\. What can be tried: trainer.accelerator, trainer.precision"),
        ("trainer.precision=banana", "Trainer refuses"),
    ],
)
def test_a_replay_of_another_step_is_refused(shapes, outputs, tmp_path, monkeypatch, word, message):
    keep_at_end(monkeypatch)
    out = train_in_process(shapes, tmp_path / "run", "test=false", "trainer.max_epochs=1")
    with pytest.raises(ValueError, match=message):
        ask_again(out, word)


@pytest.mark.parametrize("key", ["trainer", "strategy"])
def test_a_replay_runs_nothing_that_its_files_name(shapes, outputs, tmp_path, monkeypatch, key):
    keep_at_end(monkeypatch)
    out, made = tmp_path / "run", tmp_path / "made"
    train_in_process(shapes, out, "test=false", "trainer.max_epochs=1")
    weights = out / "non_finite" / "weights.ckpt"
    checkpoint = torch.load(weights, weights_only=True)
    options = checkpoint["hyper_parameters"]["record"]["config"]["trainer"]
    code = {"_target_": "os.mkdir", "_args_": [str(made)]}
    options |= code if key == "trainer" else {"strategy": code, "devices": 2}
    torch.save(checkpoint, weights)
    assert math.isfinite(ask_again(out).loss)
    assert not made.exists()


def write_foreign(path):
    torch.save({"state_dict": {}}, path)


def write_code(path):
    torch.save({"step_of_roi_classifier": {"format": 1}, "step": pytest.raises}, path)


def write_cut(path):
    write_step(path, Step(0, 0, 0, 0, 0.1, "32-true", 1, 1, 0.5, None, [], 9), {"id": ["a"] * 999})
    path.write_bytes(path.read_bytes()[:-200])


def write_newer(path):
    torch.save({"step_of_roi_classifier": {"format": 99}, "step": {}}, path)


REFUSED = {
    "foreign": (write_foreign, "no batch that a run of this project has saved"),
    "code": (write_code, "carries code, which is never run"),
    "cut": (write_cut, "it was cut"),
    "newer": (write_newer, "format 99"),
    "none": (lambda path: None, "there is no such file"),
    "text": (lambda path: path.write_text("hello"), "cannot be opened"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_a_file_that_is_no_step_is_refused(tmp_path, case):
    write, message = REFUSED[case]
    (tmp_path / "non_finite").mkdir()
    write(tmp_path / "non_finite" / "batch.pt")
    with pytest.raises(ValueError, match=message):
        ask_again(tmp_path)


def test_a_checkpoint_of_broken_weights_is_not_written(shapes, outputs, tmp_path, monkeypatch):
    """The last step of an epoch may break what no later loss tells of."""

    def break_one(self, outputs, batch, index):
        if index == 2 and self.current_epoch == 1:
            self.network.backbone.net.fc.weight.data[0, 0] = math.inf

    monkeypatch.setattr(ROIClassifier, "on_train_batch_end", break_one)
    out = tmp_path / "run"
    with pytest.raises(NonFinite, match=r"1 weights are NaN or infinite in epoch 2 .*fc.weight"):
        train_in_process(shapes, out, "gate=none")
    weights = open_checkpoint(out / "checkpoints" / "last.ckpt")["state_dict"]
    assert all(value.isfinite().all() for value in weights.values() if value.is_floating_point())


def test_broken_rows_are_found_in_any_part_of_a_batch():
    batch = {"image": torch.zeros(3, 3, 2, 2), "weight": torch.ones(3), "id": ["a", "b", "c"]}
    assert broken_rows(batch) == {}
    batch["image"][1, 2, 0, 1], batch["weight"][2] = math.inf, math.nan
    assert broken_rows(batch) == {"image": ["b"], "weight": ["c"]}


class Scaled:
    """A GradScaler's part in this, without a GPU."""

    def __init__(self, scale):
        self.factor = scale

    def scale(self, value):
        return value * self.factor


def test_infinite_gradients_are_the_business_of_a_scaler_where_there_is_one():
    class Plugin:
        scaler = Scaled(2.0**16)

    class Stub:
        precision_plugin = Plugin
        accumulate_grad_batches = 1
        world_size = 1

    network = torch.nn.Linear(1, 1)
    network.weight.grad = torch.tensor([[math.inf]])
    callback = StopAtNonFinite()
    callback.on_before_backward(Stub, network, torch.tensor(0.5) * 2.0**16)
    callback.on_after_backward(Stub, network)
    assert list(callback._previous) == [0.5]
