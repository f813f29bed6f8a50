"""Every image of a batch counts in exactly one process."""

import numpy as np
import pytest
from front.composition import compose_job
from front.conf_tree import CONF, ConfTree
from front.processes import Process, this_process
from omegaconf import OmegaConf
from torch.utils.data import BatchSampler
from workflow.devices.request import count_asked, find_device_problems
from workflow.devices.trainers import build_trainer, count_devices

from datamodules.loading.shares import (
    Borrowed,
    FilledBatches,
    PartsOfBatches,
    WholeBatches,
    part_of,
)
from lightning_modules.strategies import Replicated, Sharded

SIZES = [
    (images, size, processes)
    for images in (1, 5, 12, 33)
    for size in (6, 8)
    for processes in (1, 2, 3)
]


def shares(kind, num_images, size, num_processes):
    """Of each process the batches that it loads, and the same with borrowed ones empty."""
    loaded = []
    for rank in range(num_processes):
        batches = BatchSampler(range(num_images), size, drop_last=False)
        loaded.append(list(kind(batches, rank, num_processes)))
    counted = [[[] if isinstance(b, Borrowed) else b for b in batches] for batches in loaded]
    return loaded, counted


@pytest.mark.parametrize(("num_images", "size", "num_processes"), SIZES)
@pytest.mark.parametrize("kind", [PartsOfBatches, WholeBatches])
def test_every_image_counts_once_and_all_take_as_many_steps(kind, num_images, size, num_processes):
    loaded, counted = shares(kind, num_images, size, num_processes)
    assert len({len(batches) for batches in loaded}) == 1
    assert all(batch for batches in loaded for batch in batches)
    seen = [key for batches in counted for batch in batches for key in batch]
    assert sorted(seen) == list(range(num_images))


@pytest.mark.parametrize(("num_images", "size", "num_processes"), SIZES)
def test_a_step_is_the_batch_of_one_process_in_parts(num_images, size, num_processes):
    _, counted = shares(PartsOfBatches, num_images, size, num_processes)
    whole = list(BatchSampler(range(num_images), size, drop_last=False))
    for batch, parts in zip(whole, zip(*counted, strict=True), strict=True):
        assert [key for part in parts for key in part] == batch


@pytest.mark.parametrize("num_images", [1, 5, 6, 7, 12])
def test_filled_batches_have_one_size_and_every_image_once(num_images):
    batches = list(FilledBatches(BatchSampler(range(num_images), 6, drop_last=False)))
    assert {len(batch) for batch in batches} == {6}
    own = [batch[: getattr(batch, "num_own", 6)] for batch in batches]
    assert [key for batch in own for key in batch] == list(range(num_images))
    assert len(set(batches[-1])) == len(own[-1])


def test_no_part_is_a_single_image():
    for size in range(2, 40):
        for processes in range(1, 9):
            parts = np.array([part_of(size, rank, processes) for rank in range(processes)])
            lengths = parts[:, 1] - parts[:, 0]
            assert lengths.sum() == size
            assert set(lengths) <= {0, *range(2, size + 1)}


def test_torchrun_and_srun_tell_a_process_its_place():
    assert this_process({}) == Process(0, 0, 1, 1)
    told = {"RANK": "5", "LOCAL_RANK": "1", "WORLD_SIZE": "8", "LOCAL_WORLD_SIZE": "4"}
    assert this_process(told) == Process(5, 1, 8, 4)
    slurm = {"SLURM_PROCID": "5", "SLURM_LOCALID": "1"}
    # the job's script itself, which srun did not start
    assert this_process(slurm | {"SLURM_NTASKS": "8"}) == Process()
    slurm |= {"SLURM_STEP_NUM_TASKS": "8", "SLURM_STEP_TASKS_PER_NODE": "4(x2)"}
    assert this_process(slurm) == Process(5, 1, 8, 4)
    assert this_process(slurm).num_machines == 2


@pytest.mark.parametrize(
    ("devices", "asked"),
    [(1, 1), ("4", 4), ("auto", None), (-1, None), ([0, 2], 2), ([1], 1)]
    + [(wrong, 0) for wrong in (0, -2, "two", [], [0, 0], [-1], 1.5)],
)
def test_how_many_devices_are_asked_for(devices, asked):
    assert count_asked(devices) == asked


MISTAKES = {
    "devices: 0": ({"devices": 0}, Process(), "expected a number from 1, auto, or a list"),
    "more devices than pairs of images": ({"devices": 5}, Process(), "expected at least 10"),
    "an overfit": ({"devices": 2, "overfit_batches": 2}, Process(), "needs one device"),
    "several machines": ({"devices": 1, "num_nodes": 2}, Process(), "torchrun or srun"),
    "a strategy by name": ({"devices": 2, "strategy": "fsdp"}, Process(), "choose trainer=ddp"),
    "half precision in parts": (
        {"devices": 2, "strategy": {"_target_": "a.Sharded"}, "precision": "16-mixed"},
        Process(),
        "expected bf16-mixed",
    ),
    "another number": ({"devices": 1}, Process(0, 0, 2, 2), "2 processes were started"),
    "unlike machines": ({"devices": "auto"}, Process(0, 0, 3, 2), "as many on every machine"),
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_devices_that_cannot_be_are_refused(mistake):
    trainer, process, message = MISTAKES[mistake]
    problems = list(find_device_problems({"trainer": trainer, "data": {"batch_size": 8}}, process))
    assert len(problems) == 1
    assert message in problems[0]


def test_devices_that_can_be_are_not_refused():
    config = {"trainer": {"devices": "auto"}, "data": {"batch_size": 8}}
    assert not list(find_device_problems(config, Process(1, 1, 4, 2)))
    assert not list(find_device_problems(config, Process()))


@pytest.mark.parametrize("name", sorted(path.stem for path in (CONF / "trainer").glob("*.yaml")))
def test_every_trainer_builds_alone_and_as_one_of_two(name, monkeypatch):
    words = [f"trainer={name}", "trainer.accelerator=cpu", "trainer.devices=2"]
    config = OmegaConf.to_container(compose_job("train", words, ConfTree()).cfg.trainer)
    owned = {"logger": False, "enable_checkpointing": False}
    assert build_trainer(config, Process(), owned).world_size == 1
    told = {"RANK": "1", "LOCAL_RANK": "1", "WORLD_SIZE": "2", "LOCAL_WORLD_SIZE": "2"}
    for key, value in told.items():
        monkeypatch.setenv(key, value)
    trainer = build_trainer(config, this_process(), owned)
    assert (trainer.world_size, trainer.global_rank) == (2, 1)
    assert isinstance(trainer.strategy, Sharded if name == "fsdp" else Replicated)
    assert count_devices(config) == 2
