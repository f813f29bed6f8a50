"""Several processes train as one does, and leave one run behind."""

import csv
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch
from in_process import train_in_process
from small_data import make_shapes, write_manifest
from torch import multiprocessing as torch_multiprocessing
from torch.multiprocessing import ProcessExitedException
from workflow.devices.launching import _explain

from lightning_modules.stop_signals import Stopped

ROOT = Path(__file__).parents[1]
# no BatchNorm, nothing drawn by the place in the batch; batches of 7 and 5 of 12 images, 7 and 3 of
# 10 to validate: neither can be shared out evenly
ALIKE = ("model.backbone=test_vit", "data.batch_size=7", "extras=default", "gate=pixel")
ALIKE += ("data.cache=off", "callbacks.duration=null", "interventions=none", "test=false")
TWO = ("trainer.devices=2",)
OF_DEVICES = re.compile(r"trainer(=|\.devices)").match


@pytest.fixture(scope="module")
def uneven(tmp_path_factory, outputs):
    """12 images to train on and 10 to validate, each with a weight of its own."""
    manifest = make_shapes(tmp_path_factory.mktemp("uneven"))
    with manifest.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    test = [row for row in rows if row["split"] == "test"]
    for row in test[:4]:
        row["split"] = row["group"] = "val"
    weights = [f"{0.5 + index % 4 / 2}" for index in range(len(rows))]
    rows = [row | {"weight": weight} for row, weight in zip(rows, weights, strict=True)]
    return write_manifest(manifest.parent / "uneven.csv", rows)


def history_of(folder):
    with (folder / "history.csv").open(encoding="utf-8", newline="") as file:
        return [{k: float(v) for k, v in row.items() if v} for row in csv.DictReader(file)]


def weights_of(folder):
    checkpoint = torch.load(folder / "checkpoints" / "last.ckpt", weights_only=True)
    return checkpoint["state_dict"]


def assert_same(one, other):
    for first, second in zip(history_of(one), history_of(other), strict=True):
        assert first == pytest.approx(second, abs=1e-6)
    weights = weights_of(other)
    for name, tensor in weights_of(one).items():
        torch.testing.assert_close(tensor, weights[name], rtol=0, atol=1e-6)


def test_two_processes_train_as_one_does(uneven, tmp_path):
    # AdamW divides by what the gradient of an unused direction is: nothing but rounding
    same = (*ALIKE, "optimizer=sgd", "data.imbalance=class_weights")
    one = train_in_process(uneven, tmp_path / "one", *same)
    two = train_in_process(uneven, tmp_path / "two", *same, *TWO)
    assert_same(one, two)
    lines = (two / "log.txt").read_text(encoding="utf-8").splitlines()
    said = [line.split("  ", 1)[1] for line in lines]
    assert len(set(said)) == len(said)
    assert sum("Epoch 1/2" in line for line in said) == 1


@pytest.mark.slow
@pytest.mark.parametrize(
    "words",
    [
        ("trainer.accumulate_grad_batches=2",),
        ("trainer.devices=3",),  # of the rest of 5 images two processes have 2 or 3, one borrows
        ("data.batch_size=4", "trainer.devices=2", "data.num_workers=1"),
        ("trainer=fsdp",),
        ("model.freeze_epochs=1",),
        ("average=ema",),
        ("average=ema", "trainer=fsdp"),
        ("model.freeze_epochs=1", "trainer=fsdp"),
        ("gate=crops",),
        ("gate=attention", "model.backbone=test_convnext"),
        ("gate=guide", "model.backbone=test_convnext"),
    ],
)
def test_any_number_of_processes_trains_as_one_does(words, uneven, tmp_path):
    same = (*ALIKE, "optimizer=sgd", *[word for word in words if not OF_DEVICES(word)])
    one = train_in_process(uneven, tmp_path / "one", *same)
    two = train_in_process(uneven, tmp_path / "two", *same, *TWO, *words)
    assert_same(one, two)


GATES = sorted(path.stem for path in (ROOT / "conf" / "gate").glob("*.yaml"))


@pytest.mark.slow
@pytest.mark.parametrize("gate", [gate for gate in GATES if gate != "auto"])
def test_every_gate_trains_in_two_processes(gate, uneven, tmp_path):
    backbone = "test_vit" if gate == "token" else "test_resnet"
    words = (*ALIKE, f"gate={gate}", f"model.backbone={backbone}", "trainer.max_epochs=1")
    if gate == "two_stage_unsupervised":
        words += ("data.roi_fraction=0", "data.roi_at_test=false")
    elif gate != "none":
        words += ("extras=roi_given",)
    folder = train_in_process(uneven, tmp_path / "run", *words, *TWO)
    assert len(history_of(folder)) == 1


@pytest.mark.slow
@pytest.mark.parametrize(
    ("before", "after", "trainer"),
    [(2, 1, "default"), (1, 2, "default"), (2, 1, "fsdp"), (2, 2, "fsdp")],
)
def test_a_run_goes_on_with_another_number_of_processes(before, after, trainer, uneven, tmp_path):
    same = (*ALIKE, "optimizer=sgd", "scheduler=none")
    whole = train_in_process(uneven, tmp_path / "whole", *same, "trainer.max_epochs=3")
    part = tmp_path / "part"
    train_in_process(uneven, part, *same, f"trainer={trainer}", f"trainer.devices={before}")
    again = (f"resume={part}", f"trainer.devices={after}", "trainer.max_epochs=3", "test=false")
    train_in_process(uneven, part, *again)
    assert_same(whole, part)


@pytest.mark.slow
def test_what_was_trained_is_tested_where_no_epoch_was_validated(uneven, tmp_path):
    words = ("+trainer.check_val_every_n_epoch=9", "optimizer=sgd", "test=true", *TWO)
    folder = train_in_process(uneven, tmp_path / "run", *ALIKE, *words)
    assert "Testing the last checkpoint" in (folder / "log.txt").read_text(encoding="utf-8")


@pytest.mark.slow
@pytest.mark.parametrize("after", [1, 2])
def test_a_signal_to_one_process_stops_all_inside_the_epoch(after, uneven, tmp_path):
    same = (*ALIKE, "optimizer=sgd", "data.batch_size=4")
    whole = train_in_process(uneven, tmp_path / "whole", *same)
    stops = f"+callbacks.stops={{_target_: failing.InterruptsOnce, rank: 1, note: {tmp_path}/note}}"
    part = tmp_path / "part"
    with pytest.raises(KeyboardInterrupt, match="SIGTERM"):
        train_in_process(uneven, part, *same, stops, *TWO)
    last = torch.load(part / "checkpoints" / "last.ckpt", weights_only=True)
    assert last["ROIDataModule"] == {"epoch": 0, "batch": 2}
    train_in_process(uneven, part, f"resume={part}", f"trainer.devices={after}", "test=false")
    assert_same(whole, part)


@pytest.mark.slow
def test_parts_cannot_go_on_from_one_device(uneven, tmp_path):
    run = train_in_process(uneven, tmp_path / "run", *ALIKE, "trainer=fsdp", "trainer.devices=1")
    again = (f"resume={run}", "trainer.devices=2", "trainer.max_epochs=3", "test=false")
    with pytest.raises(Exception, match=r"go on with trainer\.devices=1"):
        train_in_process(uneven, run, *again)


def type_command(*words, program=(sys.executable,), **environment):
    paths = os.pathsep.join((str(ROOT / "tests"), os.environ.get("PYTHONPATH", "")))
    environment = os.environ | {"OMP_NUM_THREADS": "1", "PYTHONPATH": paths} | environment
    return subprocess.run(
        [*program, str(ROOT / "scripts" / "train.py"), *words],
        env=environment, capture_output=True, text=True, check=False, encoding="utf-8",
        timeout=300,
    )  # fmt: skip


def quick(manifest, *words):
    start = ("data=manifest", f"data.manifest={manifest}", "data.image_size=32")
    start += ("data.num_workers=0", "trainer.max_epochs=2", "trainer.accelerator=cpu", *ALIKE)
    return (*start, *TWO, *words)


def children_of(process):
    """Ids of the processes that one has started and that still run."""
    found = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            state, parent = stat.read_text().rpartition(")")[2].split()[:2]
        except OSError:  # it has just ended
            continue
        if int(parent) == process and state != "Z":
            found.append(int(stat.parent.name))
    return found


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc").is_dir(), reason="needs Linux")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_a_command_that_is_ended_leaves_no_process_behind(number, uneven, tmp_path):
    words = quick(uneven, "trainer.max_epochs=1000", "callbacks.early_stopping=null")
    command = [sys.executable, str(ROOT / "scripts" / "train.py"), *words, f"out={tmp_path}/run"]
    started = subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True
    )
    while "Epoch 2/" not in started.stdout.readline():
        assert started.poll() is None
    children = children_of(started.pid)
    assert len(children) >= 2
    started.send_signal(number)
    _, said = started.communicate(timeout=120)
    assert started.returncode == (130 if number == signal.SIGINT else started.returncode) != 0, said
    until = time.monotonic() + 60
    while any(Path(f"/proc/{one}").is_dir() for one in children):
        assert time.monotonic() < until
        time.sleep(0.5)


@pytest.mark.slow
@pytest.mark.parametrize("rank", [0, 1])
def test_a_process_that_fails_ends_the_command_with_its_message(rank, uneven, tmp_path):
    fails = (f"+callbacks.fails={{_target_: failing.Fails, rank: {rank}}}", f"out={tmp_path}/run")
    ended = type_command(*quick(uneven, *fails))
    assert ended.returncode == 2, ended.stderr
    assert ended.stderr.strip().splitlines()[-1] == "this image is broken."
    assert ended.stderr.count("this image is broken.") == 1
    assert "Traceback" not in ended.stderr + ended.stdout
    status = (tmp_path / "run" / "status.json").read_text(encoding="utf-8")
    assert '"failed"' in status
    assert "failing.py" in (tmp_path / "run" / "log.txt").read_text(encoding="utf-8")
    assert "this image is broken." in status


@pytest.mark.slow
def test_a_loss_without_value_in_one_process_stops_all_inside_a_window(uneven, tmp_path):
    spoils = ("+callbacks.spoils={_target_: failing.Spoils, rank: 1}", f"out={tmp_path}/run")
    wait = ("trainer=ddp", "trainer.strategy.timeout_minutes=1", "trainer.devices=2")
    words = quick(uneven, *spoils, *wait, "trainer.accumulate_grad_batches=2")
    ended = type_command(*words)
    assert ended.returncode == 2, ended.stderr
    assert "not finite in epoch 1, batch 1" in ended.stderr or "is nan in epoch 1" in ended.stderr
    assert (tmp_path / "run" / "non_finite" / "weights.ckpt").is_file()


@pytest.mark.slow
def test_a_signal_while_processes_are_started_ends_all_of_them(uneven, tmp_path, monkeypatch):
    start, started = torch_multiprocessing.start_processes, []

    def start_and_send(*arguments, **options):
        started.append(start(*arguments, **options))
        os.kill(os.getpid(), signal.SIGTERM)
        return started[0]

    monkeypatch.setattr(torch_multiprocessing, "start_processes", start_and_send)
    with pytest.raises(KeyboardInterrupt, match="SIGTERM"):
        train_in_process(uneven, tmp_path / "run", *ALIKE, *TWO)
    assert '"stopped"' in (tmp_path / "run" / "status.json").read_text(encoding="utf-8")
    assert not any(process.is_alive() for process in started[0].processes)


@pytest.mark.parametrize(
    ("received", "signal_name", "kind"),
    [(["SIGTERM"], "SIGTERM", Stopped), (["SIGTERM"], "SIGKILL", RuntimeError),
     ([], "SIGTERM", RuntimeError)],
)  # fmt: skip
def test_a_signal_to_processes_that_have_just_begun_is_told_as_one(
    received, signal_name, kind, tmp_path
):
    error = ProcessExitedException(
        "gone", error_index=0, error_pid=1, exit_code=-15, signal_name=signal_name
    )
    assert type(_explain(error, tmp_path, received)) is kind


@pytest.mark.slow
def test_a_process_that_is_killed_ends_the_command(uneven, tmp_path):
    fails = ("+callbacks.fails={_target_: failing.Fails, rank: 1, kill: true}",)
    ended = type_command(*quick(uneven, *fails, f"out={tmp_path}/run"))
    assert ended.returncode == 1
    assert "SIGKILL" in ended.stderr
    assert '"failed"' in (tmp_path / "run" / "status.json").read_text(encoding="utf-8")


@pytest.mark.slow
def test_a_sweep_runs_each_job_once(uneven):
    before = set((ROOT / "outputs" / "sweeps").glob("processes_test/*"))
    words = ("--multirun", "name=processes_test", "optimizer.lr=0.001,0.002")
    ended = type_command(*quick(uneven, *words))
    (sweep,) = set((ROOT / "outputs" / "sweeps").glob("processes_test/*")) - before
    try:
        assert ended.returncode == 0, ended.stderr
        runs = sorted(path.parent.name for path in sweep.glob("*/history.csv"))
        assert runs == ["0", "1"]
        for run in runs:
            text = (sweep / run / "log.txt").read_text(encoding="utf-8")
            assert text.count("Epoch 2/2") == 1
    finally:
        shutil.rmtree(sweep)


TORCHRUN = (sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node=2")


@pytest.mark.slow
def test_torchrun_makes_one_run(uneven, tmp_path):
    words = quick(uneven, f"out={tmp_path}/run", "test=true")
    ended = type_command(*words, program=TORCHRUN)
    assert ended.returncode == 0, ended.stderr
    assert ended.stdout.count("Run folder:") == ended.stdout.count("Epoch 1/2") == 1
    with (tmp_path / "run" / "predictions.csv").open(encoding="utf-8") as file:
        ids = [row["id"] for row in csv.DictReader(file)]
    assert len(ids) == len(set(ids)) == 2
    assert '"finished"' in (tmp_path / "run" / "status.json").read_text(encoding="utf-8")


@pytest.mark.slow
def test_a_mistake_under_torchrun_is_said_once_and_leaves_no_run(tmp_path):
    words = quick(tmp_path / "nothing.csv", f"out={tmp_path}/run")
    ended = type_command(*words, program=TORCHRUN)
    assert ended.returncode != 0
    assert ended.stderr.count("there is no file") == 1
    assert not (tmp_path / "run").exists()


@pytest.mark.slow
def test_processes_of_slurm_make_one_run(uneven, tmp_path):
    """As srun would start them; there is no SLURM here."""
    told = {"SLURM_JOB_ID": str(os.getpid()), "SLURM_STEP_NODELIST": "localhost"}
    told |= {"SLURM_STEP_NUM_TASKS": "2", "SLURM_STEP_TASKS_PER_NODE": "2", "OMP_NUM_THREADS": "1"}
    told |= {"SLURM_NTASKS": "2", "SLURM_JOB_NAME": "train"}
    command = [sys.executable, str(ROOT / "scripts" / "train.py")]
    command += [*quick(uneven, f"out={tmp_path}/run")]
    started = [
        subprocess.Popen(
            command,
            env=os.environ | told | {"SLURM_PROCID": str(rank), "SLURM_LOCALID": str(rank)},
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        )
        for rank in range(2)
    ]  # fmt: skip
    said = [process.communicate(timeout=300)[0] for process in started]
    assert [process.returncode for process in started] == [0, 0], said
    assert said[0].count("Epoch 2/2") == 1
    assert not said[1].strip()
