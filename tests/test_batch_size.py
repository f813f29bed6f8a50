"""data.batch_size=auto: a power of two that fits, written down; nothing else is scaled by it."""

import pytest
import torch
from in_process import train_in_process
from omegaconf import OmegaConf
from workflow.devices import batch_size as fitting

from lightning_modules.checkpoint import open_checkpoint
from lightning_modules.step_memory import find_largest

AUTO = ("data.batch_size=auto", "gate=pixel", "interventions=none", "callbacks.preview=null")


def test_the_number_that_was_found_is_the_runs_own(shapes, outputs, tmp_path):
    folder = train_in_process(shapes, tmp_path / "run", *AUTO, "trainer.max_epochs=1")
    # 12 training images, plenty of memory
    assert OmegaConf.load(folder / "config.yaml").data.batch_size == 8
    record = open_checkpoint(folder / "checkpoints" / "last.ckpt")["hyper_parameters"]["record"]
    assert record["config"]["data"]["batch_size"] == 8
    log = (folder / "log.txt").read_text(encoding="utf-8")
    assert "data.batch_size=auto: 8 (the training split has 12 images" in log
    assert "optimizer.lr stays at 0.001" in log
    train_in_process(shapes, folder, f"resume={folder}", "trainer.max_epochs=2")
    assert OmegaConf.load(folder / "config.yaml").data.batch_size == 8


def test_little_memory_means_few_images_and_none_is_refused(shapes, outputs, tmp_path, monkeypatch):
    def free(megabytes):
        monkeypatch.setattr(fitting, "available_bytes", lambda: megabytes * 2**20)

    words = [*AUTO, "dry_run=true"]
    free(0.001)
    with pytest.raises(ValueError, match="a training step of 2 images does not fit"):
        train_in_process(shapes, tmp_path / "run", *words)
    assert not (tmp_path / "run").exists()
    chosen = []
    for megabytes in (4, 6, 8, 10, 1000):
        free(megabytes)
        try:
            folder = tmp_path / f"{megabytes}"
            train_in_process(shapes, folder, *AUTO, "debug=one_batch", "test=false")
        except ValueError:
            continue
        chosen.append(OmegaConf.load(folder / "config.yaml").data.batch_size)
    assert chosen == sorted(chosen)
    assert chosen[0] < chosen[-1] == 8


def test_the_run_is_the_one_of_the_same_number(shapes, outputs, tmp_path):
    auto = train_in_process(shapes, tmp_path / "auto", *AUTO, "test=false")
    words = ["data.batch_size=8", *AUTO[1:], "test=false"]
    plain = train_in_process(shapes, tmp_path / "plain", *words)
    assert (auto / "history.csv").read_text() == (plain / "history.csv").read_text()


def test_sizes_are_tried_upwards_until_one_does_not_fit():
    tried = []

    def fits(size):
        tried.append(size)
        return size <= 8

    assert find_largest([2, 4, 8, 16, 32], fits) == 8
    assert tried == [2, 4, 8, 16]
    assert find_largest([16], fits) is None


def test_a_gpu_that_is_full_means_that_a_size_does_not_fit(monkeypatch):
    from contextlib import nullcontext

    from lightning_modules import step_memory

    emptied = []
    monkeypatch.setattr(torch.cuda, "mem_get_info", lambda device: (100, 100))
    monkeypatch.setattr(torch.cuda, "memory_reserved", lambda device: 0)
    monkeypatch.setattr(torch.cuda, "reset_peak_memory_stats", lambda device: None)
    monkeypatch.setattr(torch.cuda, "max_memory_reserved", lambda device: 90)
    monkeypatch.setattr(torch.cuda, "empty_cache", lambda: emptied.append(1))
    monkeypatch.setattr(torch.random, "fork_rng", lambda devices: nullcontext())

    def train(model, size, device, ways):
        if size > 4:
            raise torch.OutOfMemoryError

    monkeypatch.setattr(step_memory, "train_once", train)
    assert not step_memory.fits_gpu(None, 8, torch.device("cuda"), nullcontext)
    assert not step_memory.fits_gpu(None, 4, torch.device("cuda"), nullcontext)  # 90 of 100
    monkeypatch.setattr(torch.cuda, "max_memory_reserved", lambda device: 80)
    assert step_memory.fits_gpu(None, 4, torch.device("cuda"), nullcontext)
    assert len(emptied) == 3


def test_an_evaluation_has_no_training_step_to_fit(trained, shapes):
    from front.composition import compose_job
    from front.conf_tree import ConfTree
    from workflow.call import Call
    from workflow.evaluating.request import check_evaluation

    typed = [f"ckpt={trained}", "data=manifest", f"data.manifest={shapes}", "data.batch_size=auto"]
    asked = OmegaConf.to_container(compose_job("evaluate", typed, ConfTree()).cfg, resolve=True)
    with pytest.raises(ValueError, match="nothing is trained here"):
        check_evaluation(asked, Call(typed, None, None))
