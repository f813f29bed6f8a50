"""An epoch is the same to the bit however it is read."""

import hashlib
import os
import pickle
import shutil

import numpy as np
import pytest
import torch
import torch.multiprocessing

from datamodules import ManifestData, ROIDataModule
from datamodules.augmentation.augmentation import Augmentation
from datamodules.loading.cache import RECORDS, ImageCache
from datamodules.loading.dataset import ROIDataset
from datamodules.loading.transforms import Preprocessing

STEPS = Preprocessing((32, 32), (0.5, 0.4, 0.3), (0.2, 0.3, 0.4), "bilinear")
EVERYTHING = {
    "horizontal_flip": 0.5, "rotation": 10, "scale": 0.1, "crop": 0.5, "hue": 0.1,
    "saturation": 0.2, "contrast": 0.2, "randaugment": 2, "blur": 0.5, "erase_outside": 0.3,
    "erase_inside": 0.3,
}  # fmt: skip
# every spawned process imports torch anew, which takes seconds: fewer of them
HOW = [(w, "fork", cached) for w in (0, 1, 3) for cached in (False, True)]
HOW += [(1, "spawn", True), pytest.param(3, "spawn", False, marks=pytest.mark.slow)]


def loaders(shapes, cache=None, num_workers=0):
    options = ManifestData(manifest=str(shapes), batch_size=4, num_workers=num_workers)
    augmentation = Augmentation(["roi"], **EVERYTHING)
    return ROIDataModule(options.read(0), options, STEPS, augmentation, seed=3, cache=cache)


def digest(batches):
    hashed = hashlib.sha256()
    for batch in batches:
        for name in sorted(batch):
            value = batch[name]
            content = value.numpy().tobytes() if torch.is_tensor(value) else repr(value).encode()
            hashed.update(name.encode() + content)
    return hashed.hexdigest()


def read_epochs(dm, start):
    """Hash of two epochs of training and one of validation."""
    dataset, sampler = dm.dataset("train", augmented=True), dm.train_dataloader().sampler
    contexts = {"multiprocessing_context": start} if dm.num_workers else {}
    loader = dm._loader(dataset, sampler=sampler, **contexts)
    epochs = []
    for epoch in range(2):
        sampler.set_epoch(epoch)
        epochs += list(loader)
    return digest([*epochs, *dm._loader(dm.dataset("val"), **contexts)])


@pytest.fixture(scope="module")
def expected(shapes):
    return read_epochs(loaders(shapes), "fork")


@pytest.mark.parametrize(("workers", "start", "cached"), HOW)
def test_workers_start_method_and_cache_do_not_change_a_bit(
    workers, start, cached, shapes, expected, tmp_path
):
    cache = ImageCache(tmp_path, 1.0) if cached else None
    for _ in range(1 + cached):  # filled, and then only read
        assert read_epochs(loaders(shapes, cache, workers), start) == expected


def test_the_number_of_threads_does_not_change_a_bit(shapes, expected):
    before = torch.get_num_threads()
    torch.set_num_threads(3)
    try:
        assert read_epochs(loaders(shapes), "fork") == expected
        assert torch.get_num_threads() == 3
    finally:
        torch.set_num_threads(before)


def test_a_pickled_table_is_mapped_and_the_same(shapes):
    table = ManifestData(manifest=str(shapes)).read(0)
    sent = pickle.dumps(table)
    other = pickle.loads(sent)
    assert len(sent) < 10_000
    assert isinstance(other.labels, np.memmap)
    assert other.fingerprint == table.fingerprint
    assert other.columns.equals(table.columns)
    assert [other.groups[row] for row in range(5)] == [table.groups[row] for row in range(5)]
    assert (other.has_roi() == table.has_roi()).all()
    folder = table._in_files["labels"].file.parent
    assert folder.is_dir()
    del table
    assert not folder.exists()


def records_of(folder):
    return next(folder.glob(f"*/{RECORDS}"))


def prepared(table, folder, rows):
    dataset = ROIDataset(table, rows, STEPS, cache=ImageCache(folder, 1.0))
    return dataset.prepare(rows)


def test_what_is_cached_is_what_was_decoded(shapes, tmp_path):
    table, rows = ManifestData(manifest=str(shapes)).read(0), np.array([3, 0, 7])
    plain = ROIDataset(table, rows, STEPS).prepare(rows)
    for _ in range(2):
        cached = prepared(table, tmp_path, rows)
        assert torch.equal(cached.image, plain.image)
        assert torch.equal(cached.roi, plain.roi)
        assert cached.roi.dtype == torch.bool
        assert (cached.roi_share == plain.roi_share).all()
        assert (cached.native_size == plain.native_size).all()


def test_a_changed_image_is_decoded_anew(shapes, tmp_path, rows_of):
    copy = tmp_path / "data"
    shutil.copytree(shapes.parent, copy)
    table, rows = ManifestData(manifest=str(copy / shapes.name)).read(0), np.arange(4)
    before = prepared(table, tmp_path / "cache", rows)
    shutil.copy(table.image_path(5), table.image_path(2))
    os.utime(table.image_path(2), ns=(1, 1))
    after = prepared(table, tmp_path / "cache", rows)
    changed = (before.image != after.image).flatten(1).any(dim=1)
    assert changed.tolist() == [False, False, True, False]


@pytest.mark.parametrize("damage", ["mark", "image", "roi"])
def test_a_record_that_was_cut_off_while_it_was_written_is_not_believed(damage, shapes, tmp_path):
    table, rows = ManifestData(manifest=str(shapes)).read(0), np.arange(6)
    dataset = ROIDataset(table, rows, STEPS, cache=ImageCache(tmp_path, 1.0))
    whole = dataset.prepare(rows)
    file = records_of(tmp_path)
    records = np.memmap(file, dataset.prepare.record, "r+", shape=(len(table),))
    records[damage][4] = 0
    del records
    again = prepared(table, tmp_path, rows)
    assert torch.equal(again.image, whole.image)
    assert torch.equal(again.roi, whole.roi)


def test_two_runs_may_build_one_cache_at_once_and_one_may_be_killed(shapes, tmp_path):
    table, rows = ManifestData(manifest=str(shapes)).read(0), np.arange(12)
    context = torch.multiprocessing.get_context("spawn")
    others = [
        context.Process(target=prepared, args=(table, tmp_path, rows), daemon=True)
        for _ in range(2)
    ]
    for process in others:
        process.start()
    others[0].kill()
    mine = prepared(table, tmp_path, rows)
    for process in others:
        process.join()
    assert others[1].exitcode == 0
    plain = ROIDataset(table, rows, STEPS).prepare(rows)
    for one in (mine, prepared(table, tmp_path, rows)):
        assert torch.equal(one.image, plain.image)
    assert len(list(tmp_path.iterdir())) == 1


def test_a_cache_that_would_not_fit_says_so_and_decodes(shapes, tmp_path, caplog):
    table, rows = ManifestData(manifest=str(shapes)).read(0), np.arange(4)
    dataset = ROIDataset(table, rows, STEPS, cache=ImageCache(tmp_path, 1e-6))
    assert "data.cache_gigabytes" in caplog.text
    assert dataset.prepare(rows).image.shape == (4, 3, 32, 32)
    assert not list(tmp_path.iterdir())


def test_the_cache_that_was_not_used_longest_makes_room(shapes, tmp_path):
    table, rows = ManifestData(manifest=str(shapes)).read(0), np.arange(12)
    for size in (32, 33):
        steps = Preprocessing((size, size), STEPS.mean, STEPS.std, "bilinear")
        most = 60_000 / 2**30 if size == 33 else 1.0
        ROIDataset(table, rows, steps, cache=ImageCache(tmp_path, most)).prepare(rows)
    left = [path.stat().st_size for path in tmp_path.glob(f"*/{RECORDS}")]
    assert len(left) == 1
    assert left[0] > len(table) * 3 * 33 * 33


def test_a_cache_that_another_run_removed_stops_no_run(shapes, tmp_path, caplog):
    table, rows = ManifestData(manifest=str(shapes)).read(0), np.arange(4)
    dataset = ROIDataset(table, rows, STEPS, cache=ImageCache(tmp_path, 1.0))
    shutil.rmtree(records_of(tmp_path).parent)
    plain = ROIDataset(table, rows, STEPS).prepare(rows)
    for _ in range(2):
        assert torch.equal(dataset.prepare(rows).image, plain.image)
    assert caplog.text.count("is gone") == 1


def test_a_run_does_not_remove_what_it_uses_itself(shapes, tmp_path, caplog):
    table, rows = ManifestData(manifest=str(shapes)).read(0), np.arange(12)
    cache = ImageCache(tmp_path, 100_000 / 2**30)
    first = ROIDataset(table, rows, STEPS, cache=cache)
    steps = Preprocessing((64, 64), STEPS.mean, STEPS.std, "bilinear")
    ROIDataset(table, rows, steps, cache=cache).prepare(rows)
    assert "of which this run uses" in caplog.text
    assert first.prepare.file.is_file()


def test_a_cache_where_nothing_may_be_written_says_so_and_decodes(shapes, tmp_path, caplog):
    table, rows = ManifestData(manifest=str(shapes)).read(0), np.arange(4)
    (tmp_path / "taken").write_bytes(b"")
    cache = ImageCache(tmp_path / "taken" / "cache", 1.0)
    assert ROIDataset(table, rows, STEPS, cache=cache).prepare(rows).image.shape == (4, 3, 32, 32)
    assert "cannot be written" in caplog.text


def test_a_full_disk_stops_the_writing_and_not_the_run(shapes, tmp_path, monkeypatch, caplog):
    table, rows = ManifestData(manifest=str(shapes)).read(0), np.arange(4)
    dataset = ROIDataset(table, rows, STEPS, cache=ImageCache(tmp_path, 1.0))
    records_of(tmp_path).chmod(0o400)
    if os.access(records_of(tmp_path), os.W_OK):  # root may write to everything
        monkeypatch.setattr(type(dataset.prepare.file), "open", _no_space)
    plain = ROIDataset(table, rows, STEPS).prepare(rows)
    assert torch.equal(dataset.prepare(rows).image, plain.image)
    assert "cannot be written" in caplog.text


def test_what_was_not_written_is_not_read_from_the_map(shapes, tmp_path, monkeypatch):
    """A hole of a file on a full RAM disk, read through a map, ends the process by SIGBUS."""

    class Map:
        def __getitem__(self, rows):
            raise AssertionError(f"rows {rows} are read and nothing was written")

    table, rows = ManifestData(manifest=str(shapes)).read(0), np.arange(4)
    dataset = ROIDataset(table, rows, STEPS, cache=ImageCache(tmp_path, 1.0))
    dataset.prepare.records = Map()
    monkeypatch.setattr(type(dataset.prepare.file), "open", _no_space)
    plain = ROIDataset(table, rows, STEPS).prepare(rows)
    assert torch.equal(dataset.prepare(rows).image, plain.image)


def _no_space(*_args, **_kwargs):
    raise OSError(28, "No space left on device")


def test_an_image_that_is_gone_is_reported_by_row_and_path(shapes, tmp_path, rows_of):
    copy = tmp_path / "data"
    shutil.copytree(shapes.parent, copy)
    table = ManifestData(manifest=str(copy / shapes.name)).read(0)
    os.remove(table.image_path(2))
    for cache in (None, ImageCache(tmp_path / "cache", 1.0)):
        dataset = ROIDataset(table, np.arange(4), STEPS, cache=cache)
        with pytest.raises(ValueError, match=r"row 4 .*could be read when the run began"):
            dataset.load(range(4))
