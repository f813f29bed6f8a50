"""A run that was ended anywhere and goes on ends like one that was left alone, to the bit."""

import json
import os
import signal
from types import SimpleNamespace
from unittest.mock import Mock

import pytest
import torch
from in_process import train_in_process
from lightning.pytorch.callbacks.early_stopping import EarlyStoppingReason
from same_run import find_differences
from workflow.resuming.slurm import requeue

from datamodules.loading.sampler import EpochSampler
from lightning_modules.callbacks import EarlyStopping, LastCheckpoint
from lightning_modules.roi_classifier import ROIClassifier

# where something fails, and the calls at which it does: in the first batch, inside an epoch, ...
PLACES = {
    "on_train_batch_start": (1, 10),
    "training_step": (1, 4, 15),
    "on_after_backward": (4, 15),
    "on_before_optimizer_step": (2, 6),
    "on_train_batch_end": (1, 6, 15),
    "validation_step": (1, 4, 12),
    "on_train_epoch_end": (3,),
}
# 6 batches of 2 images an epoch, of a locator that is trained with swapped backgrounds and dropout
RUN = [
    "experiment=roi_in_training_only", "trainer.max_epochs=4", "data.batch_size=2",
    "model.dropout=0.1", "interventions=none",
]  # fmt: skip
SETTINGS = {
    "every epoch": [],
    "accumulation": ["trainer.accumulate_grad_batches=2"],
    "every step": ["callbacks.last.every_n_steps=1"],
    "validation inside": ["+trainer.val_check_interval=2", "callbacks.last.every_n_steps=1"],
    "plateau": ["scheduler=plateau", "scheduler.patience_epochs=0"],
}


class Failure(Exception):
    pass


def fail_at(hook, call, act):
    """The hook, which does something else at one of its calls."""
    original, calls = getattr(ROIClassifier, hook), []

    def counted(self, *args, **kwargs):
        calls.append(1)
        if len(calls) == call:
            act()
        return original(self, *args, **kwargs)

    return counted


def fail():
    raise Failure


def check_every_call(shapes, tmp_path, monkeypatch, hook, calls, words):
    whole = train_in_process(shapes, tmp_path / "whole", *words)
    for call in calls:
        out = tmp_path / f"failed_{call}"
        with monkeypatch.context() as patch:
            patch.setattr(ROIClassifier, hook, fail_at(hook, call, fail))
            with pytest.raises(Failure):
                train_in_process(shapes, out, *words)
        status = json.loads((out / "status.json").read_text())
        assert status["state"] == "failed" and status["reason"].startswith("Failure: ")
        train_in_process(shapes, out, f"resume={out}")
        assert find_differences(whole, out) == [], call


def test_a_failure_inside_an_epoch_costs_no_step(shapes, outputs, tmp_path, monkeypatch):
    words = [*RUN, *SETTINGS["accumulation"]]
    check_every_call(shapes, tmp_path, monkeypatch, "on_after_backward", (16,), words)


@pytest.mark.slow
@pytest.mark.parametrize("setting", SETTINGS)
@pytest.mark.parametrize("hook", PLACES)
def test_a_failure_anywhere_costs_nothing(shapes, outputs, tmp_path, monkeypatch, hook, setting):
    words = [*RUN, *SETTINGS[setting]]
    check_every_call(shapes, tmp_path, monkeypatch, hook, PLACES[hook], words)


def place(out):
    checkpoint = torch.load(out / "checkpoints" / "last.ckpt", weights_only=True)
    return checkpoint["ROIDataModule"]


@pytest.mark.parametrize(
    ("name", "hook", "call", "where"),
    [
        # at the end of its window of two batches
        ("SIGTERM", "training_step", 9, {"epoch": 1, "batch": 4}),
        ("SIGINT", "validation_step", 4, {"epoch": 2, "batch": 0}),
        # of the last epoch: nothing is left to train, and the test is not begun
        ("SIGINT", "validation_step", 11, {"epoch": 4, "batch": 0}),
    ],
)
def test_a_signal_is_met_at_the_next_boundary_after_saving(
    shapes, outputs, tmp_path, monkeypatch, name, hook, call, where
):
    words = [*RUN, *SETTINGS["accumulation"]]
    whole, out = train_in_process(shapes, tmp_path / "whole", *words), tmp_path / "stopped"
    before = signal.getsignal(signal.SIGTERM)
    with monkeypatch.context() as patch:
        send = lambda: os.kill(os.getpid(), getattr(signal, name))  # noqa: E731
        patch.setattr(ROIClassifier, hook, fail_at(hook, call, send))
        with pytest.raises(KeyboardInterrupt, match=name):
            train_in_process(shapes, out, *words)
    assert signal.getsignal(signal.SIGTERM) is before
    status = json.loads((out / "status.json").read_text())
    assert status["state"] == "stopped" and name in status["reason"]
    assert place(out) == where
    assert f"resume={out}" in (out / "log.txt").read_text()
    train_in_process(shapes, out, f"resume={out}")
    assert find_differences(whole, out) == []


def test_a_second_signal_does_not_wait(shapes, outputs, tmp_path, monkeypatch):
    def send():
        for _ in range(2):
            os.kill(os.getpid(), signal.SIGTERM)

    patched = fail_at("validation_step", 4, send)
    monkeypatch.setattr(ROIClassifier, "validation_step", patched)
    with pytest.raises(KeyboardInterrupt, match="SIGTERM"):
        train_in_process(shapes, tmp_path / "stopped", *RUN)
    assert place(tmp_path / "stopped") == {"epoch": 1, "batch": 0}


@pytest.mark.parametrize(
    ("name", "environment", "asked"),
    [
        ("SIGUSR1", {"SLURM_JOB_ID": "17"}, "requeue 17\n"),
        (
            "SIGUSR1",
            {"SLURM_JOB_ID": "19", "SLURM_ARRAY_JOB_ID": "18", "SLURM_ARRAY_TASK_ID": "3"},
            "requeue 18_3\n",
        ),
        ("SIGUSR1", {}, None),
        ("SIGTERM", {"SLURM_JOB_ID": "17"}, None),
    ],
)
def test_a_job_of_slurm_whose_time_is_over_is_queued_again(
    tmp_path, monkeypatch, name, environment, asked
):
    fake = tmp_path / "bin" / "scontrol"
    fake.parent.mkdir()
    fake.write_text(f'#!/bin/sh\necho "$@" >> {tmp_path}/asked\n')
    fake.chmod(0o755)
    monkeypatch.setenv("PATH", f"{fake.parent}:{os.environ['PATH']}")
    for key, value in environment.items():
        monkeypatch.setenv(key, value)
    told = tmp_path / "asked"
    assert requeue(name) == (asked is not None)
    assert (told.read_text() if told.exists() else None) == asked


def test_a_run_stopped_before_its_first_checkpoint_starts_anew(
    shapes, outputs, tmp_path, monkeypatch
):
    whole, out = train_in_process(shapes, tmp_path / "whole", *RUN), tmp_path / "stopped"
    with monkeypatch.context() as patch:
        patch.setattr(ROIClassifier, "on_fit_start", lambda self: fail())
        with pytest.raises(Failure):
            train_in_process(shapes, out, *RUN)
    assert not (out / "checkpoints").exists()
    train_in_process(shapes, out, f"resume={out}")
    assert find_differences(whole, out) == []


def test_early_stopping_stays_stopped(shapes, outputs, tmp_path, monkeypatch):
    words = [*RUN, "callbacks.early_stopping.patience=1", "optimizer.lr=1e-9", "test=false"]
    whole, out = train_in_process(shapes, tmp_path / "whole", *words), tmp_path / "stopped"
    with monkeypatch.context() as patch:
        patch.setattr(ROIClassifier, "on_train_end", lambda self: fail())
        with pytest.raises(Failure):
            train_in_process(shapes, out, *words)
    train_in_process(shapes, out, f"resume={out}", "test=false")
    histories = [(folder / "history.csv").read_text() for folder in (whole, out)]
    assert histories[0] == histories[1]
    assert len(histories[0].splitlines()) < 5
    log = (out / "log.txt").read_text()
    assert "training is over" in log
    assert "steps: about" not in log.partition("training is over")[2]


@pytest.mark.slow
@pytest.mark.parametrize("words", [(), ("scheduler=plateau", "scheduler.patience_epochs=0")])
def test_an_epoch_that_ends_after_its_last_validation_keeps_the_scores_of_it(
    shapes, outputs, tmp_path, monkeypatch, words
):
    # stopped in the last of 6 batches, validated after 4
    words = [*RUN, "+trainer.val_check_interval=4", "callbacks.last.every_n_steps=1", *words]
    check_every_call(shapes, tmp_path, monkeypatch, "training_step", (12,), words)


def stopped_early(**state):
    """An EarlyStopping that goes on from a state, and whether it stops the trainer."""
    saved = EarlyStopping(patience=2).state_dict() | state
    callback, trainer = EarlyStopping(patience=5), SimpleNamespace(should_stop=False)
    callback.load_state_dict(saved)
    callback.on_train_start(trainer, None)
    return trainer.should_stop


def test_a_run_goes_on_with_the_patience_that_is_asked_for_now():
    assert not stopped_early(wait_count=2)
    assert stopped_early(wait_count=5)


def test_a_run_that_a_score_without_value_has_stopped_stays_stopped():
    assert stopped_early(stopping_reason=EarlyStoppingReason.NON_FINITE_METRIC.value)


def test_what_fails_while_a_failure_is_saved_does_not_hide_it():
    callback = LastCheckpoint()
    callback._boundary = Mock(restore=Mock(side_effect=RuntimeError("the device is gone")))
    trainer = SimpleNamespace(overfit_batches=0)
    callback.on_exception(trainer, None, ValueError("this image is broken"))


def test_an_epoch_goes_on_at_its_place_and_the_next_begins_at_its_start():
    whole, going_on = EpochSampler(10, seed=3), EpochSampler(10, seed=3)
    whole.set_epoch(2)
    going_on.start_at(2, 4)
    going_on.set_epoch(2)  # what Lightning calls when it resumes
    assert list(going_on) == list(whole)[4:]
    assert len(going_on) == 10
    going_on.set_epoch(3)
    assert len(list(going_on)) == 10


@pytest.mark.parametrize("option", [{"every_n_steps": 0}, {"every_n_minutes": -1.0}])
def test_a_checkpoint_every_nothing_is_refused(option):
    with pytest.raises(ValueError, match=next(iter(option))):
        LastCheckpoint(**option)


def test_half_a_checkpoint_of_a_killed_run_is_cleared_away(shapes, outputs, tmp_path):
    out = train_in_process(shapes, tmp_path / "run", "test=false")
    partial = out / "checkpoints" / ".last.ckpt.4711"
    partial.write_bytes(b"half")
    train_in_process(shapes, out, f"resume={out}", "trainer.max_epochs=3", "test=false")
    assert not partial.exists()
