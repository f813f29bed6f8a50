"""What a run ends by is said in words, with what to do, and stands in its status."""

import errno
import json
import os

import front.disk_errors
import pytest
import torch
from front.composition import compose_job
from front.conf_tree import ConfTree
from front.disk_errors import explain_disk, measure_outputs
from front.outcome import ExitStatus, judge
from in_process import train_in_process
from omegaconf import OmegaConf
from workflow.devices.memory_errors import explain_memory, halve_batch
from workflow.failures import OutOfResources

TYPED = ["data=folder", "data.images=pictures", "data.batch_size=32", "out=/some/where"]
CONFIG = OmegaConf.to_container(compose_job("train", TYPED, ConfTree()).cfg, resolve=True)


@pytest.fixture
def outputs_of(tmp_path, monkeypatch):
    """An outputs/ with a large run, a small one and a cache."""
    folder = tmp_path / "outputs"
    for name, size in (("runs/a/1", 3_000_000), ("runs/a/2", 1000), ("cache", 2_000_000)):
        (folder / name).mkdir(parents=True)
        (folder / name / "file").write_bytes(b"1" * size)
    monkeypatch.setattr(front.disk_errors, "OUTPUTS", folder)
    return folder


def test_a_full_disk_is_told_with_the_file_and_what_takes_the_room(outputs_of):
    path = outputs_of / "runs" / "a" / "1" / "checkpoints" / "last.ckpt"
    text = explain_disk(OSError(errno.ENOSPC, "No space left on device", str(path)))
    assert text.startswith(f"{path} could not be written: the disk is full. ")
    assert "GB are free there" in text
    listed = [line.split()[-1] for line in text.splitlines()[2:]]
    assert listed == [str(outputs_of / name) for name in ("runs/a/1", "cache", "runs/a/2")]


def test_folders_are_measured_by_what_they_take_on_the_disk(outputs_of):
    with (outputs_of / "cache" / "sparse").open("wb") as file:
        file.truncate(10**12)
    sizes = {folder.name: size for size, folder in measure_outputs()}
    assert 2_000_000 <= sizes["cache"] < 3_000_000 <= sizes["1"] < 4_000_000


@pytest.mark.parametrize(
    ("number", "words"),
    [
        (errno.EDQUOT, "your quota of the disk is used up"),
        (errno.EFBIG, "ulimit -f"),
        (errno.EACCES, "not yours to write. Give yourself the right to it, or write elsewhere"),
        (errno.EROFS, "the disk is read-only"),
        (errno.EISDIR, "is a folder where a file is to be written. Move it away"),
    ],
)
def test_every_refusal_of_the_system_has_its_words(outputs_of, number, words):
    error = OSError(number, os.strerror(number), str(outputs_of / "new" / "status.json"))
    assert words in explain_disk(error)


def test_a_file_in_the_place_of_a_folder_is_named(tmp_path):
    (tmp_path / "runs").write_text("a file")
    with pytest.raises(OSError) as caught:
        (tmp_path / "runs" / "x" / "2026").mkdir(parents=True)
    assert f"{tmp_path / 'runs'} is a file where a folder is needed" in explain_disk(caught.value)


@pytest.mark.parametrize("error", [OSError("text alone"), KeyError("x"), OSError(2, "no", "a.png")])
def test_other_errors_are_left_alone(error):
    assert explain_disk(error) is None
    assert explain_memory(error, CONFIG, TYPED, None) is None


def test_the_first_of_a_chain_of_disk_errors_counts(outputs_of):
    try:
        try:
            raise OSError(errno.ENOSPC, "full", str(outputs_of / "last.ckpt"))
        except OSError:
            raise OSError(errno.ENOSPC, "full", str(outputs_of / "status.json"))  # noqa: B904
    except OSError as error:
        assert "last.ckpt could not be written" in explain_disk(error)
        assert judge(error).status is ExitStatus.MISTAKE


@pytest.mark.parametrize(
    ("size", "windows", "expected"),
    [
        (32, 1, (16, 2)),
        (32, 4, (16, 8)),
        (9, 1, (3, 3)),
        (7, 1, (3, 2)),
        (4, 1, (2, 2)),
        (3, 1, None),
    ],
)
def test_smaller_batches_make_steps_of_as_many_images(size, windows, expected):
    assert tuple(halve_batch(size, windows).values()) == (expected or ())


ALLOCATOR = "[enforce fail at alloc_cpu.cpp:124] . DefaultCPUAllocator: can't allocate memory: you"
BUS = "DataLoader worker (pid 7) is killed by signal: Bus error. It is possible that dataloader's"
SHM = "unable to allocate shared memory(shm) for file </torch_1_2_3>: No space left on device (28)"
MEMORY = {
    "device": (torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2 GiB"), "The device"),
    "allocator": (RuntimeError(ALLOCATOR), "The machine ran out of memory"),
    "python": (MemoryError(), r"The machine ran out of memory \(MemoryError\)"),
    "fork": (OSError(errno.ENOMEM, "Cannot allocate memory"), "The machine ran out"),
    "bus": (RuntimeError(BUS), "The loading processes ran out of shared memory"),
    "shared": (RuntimeError(SHM), "The loading processes ran out of shared memory"),
    "killed": (
        RuntimeError("DataLoader worker (pid 7) is killed by signal: Killed. "),
        "A loading process was killed",
    ),
    "gone": (RuntimeError("DataLoader worker (pid(s) 7) exited unexpectedly"), "A loading process"),
}


@pytest.mark.parametrize("case", MEMORY)
def test_memory_that_ran_out_is_told_with_what_fits(shapes, outputs, tmp_path, monkeypatch, case):
    error, words = MEMORY[case]

    def fail(self, batch, index):
        raise error

    monkeypatch.setattr("lightning_modules.roi_classifier.ROIClassifier.training_step", fail)
    out = tmp_path / "run"
    with pytest.raises(OutOfResources, match=f"^{words}") as caught:
        train_in_process(shapes, out)
    worker = case in ("bus", "shared", "killed", "gone")
    fits = "data.num_workers=0" if worker else "data.batch_size=2 trainer.accumulate_grad_batches=2"
    lines = str(caught.value).splitlines()
    assert lines[-1].endswith(fits)
    assert "out=" not in lines[-1]
    assert judge(caught.value).status is ExitStatus.MISTAKE
    status = json.loads((out / "status.json").read_text())
    assert status["state"] == "failed"
    assert status["reason"] == lines[0]


def test_the_command_that_fits_is_understood_by_the_front():
    text = explain_memory(MemoryError(), CONFIG, TYPED, None)
    words = text.splitlines()[-1].split()[2:]
    cfg = compose_job("train", words, ConfTree()).cfg
    assert (cfg.data.batch_size, cfg.trainer.accumulate_grad_batches) == (16, 2)
    assert cfg.out is None


def test_a_killed_loading_process_costs_no_run(tmp_path):
    (tmp_path / "checkpoints").mkdir()
    (tmp_path / "checkpoints" / "last.ckpt").touch()
    text = explain_memory(MEMORY["gone"][0], CONFIG, TYPED, tmp_path)
    assert f"resume={tmp_path} resume_allow=data.num_workers data.num_workers=0" in text


def test_a_segmentation_fault_is_not_taken_for_want_of_memory():
    error = RuntimeError("DataLoader worker (pid 7) is killed by signal: Segmentation fault. ")
    assert explain_memory(error, CONFIG, TYPED, None) is None


def test_a_failure_after_training_stands_in_the_status(shapes, outputs, tmp_path, monkeypatch):
    def fail(*arguments):
        raise KeyError("nothing")

    monkeypatch.setattr("workflow.evaluating.testing.measure_evidence", fail)
    out = tmp_path / "run"
    with pytest.raises(KeyError):
        train_in_process(shapes, out)
    status = json.loads((out / "status.json").read_text())
    assert (status["state"], status["reason"]) == ("failed", "KeyError: 'nothing'")
    assert status["epoch"] == 2


def test_a_full_disk_while_the_last_checkpoint_is_written(shapes, outputs, tmp_path, monkeypatch):
    replace, count = os.replace, []

    def fail(source, target):
        if "history.csv" in str(target):
            count.append(target)
            if len(count) == 2:
                raise OSError(
                    errno.ENOSPC, "No space left on device", str(source), None, str(target)
                )
        replace(source, target)

    monkeypatch.setattr("os.replace", fail)
    out = tmp_path / "run"
    with pytest.raises(OutOfResources, match=r"history.csv could not be written: the disk is full"):
        train_in_process(shapes, out)
    assert len((out / "history.csv").read_text().splitlines()) == 2
    assert not [path for path in out.rglob(".*")]
    assert "the disk is full" in json.loads((out / "status.json").read_text())["reason"]
