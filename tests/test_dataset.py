"""Batches keep their contract and are a pure function of seed, epoch and sample."""

import numpy as np
import pytest
import torch
from PIL import Image

from datamodules import ManifestData, ROIDataModule
from datamodules.augmentation.augmentation import Augmentation
from datamodules.loading.dataset import ROIDataset
from datamodules.loading.imbalance import count_images, weigh_classes
from datamodules.loading.sampler import EpochSampler
from datamodules.loading.transforms import Preprocessing

STEPS = Preprocessing((32, 32), (0.5, 0.4, 0.3), (0.2, 0.3, 0.4), "bilinear")


def datamodule(shapes, num_workers=0, **given):
    options = ManifestData(manifest=str(shapes), batch_size=4, num_workers=num_workers, **given)
    augmentation = Augmentation(["roi"], horizontal_flip=0.5, rotation=10, brightness=0.2)
    return ROIDataModule(options.read(0), options, STEPS, augmentation, seed=3)


def test_a_batch_keeps_the_contract(shapes):
    batch = next(iter(datamodule(shapes).val_dataloader()))
    assert batch["image"].shape == (4, 3, 32, 32)
    assert batch["image"].dtype == torch.float32
    assert batch["roi"].shape == (4, 1, 32, 32)
    assert batch["roi"].dtype == batch["has_roi"].dtype == torch.bool
    assert batch["has_roi"].shape == (4, 1)
    assert batch["label"].dtype == torch.int64
    assert batch["id"][0].startswith("images/")


def test_images_are_normalised_by_the_backbones_mean_and_std(shapes):
    dm = datamodule(shapes)
    batch = next(iter(dm.val_dataloader()))
    pixels = dm.dataset("val").prepare(dm.table.rows_of("val")[:1]).image[0].float() / 255
    expected = (pixels - torch.tensor(STEPS.mean).view(3, 1, 1)) / torch.tensor(STEPS.std).view(
        3, 1, 1
    )
    assert torch.allclose(batch["image"][0], expected, atol=1e-5)


def epoch_of(dm, epoch):
    loader = dm.train_dataloader()
    loader.sampler.set_epoch(epoch)
    return list(loader)


@pytest.mark.parametrize("num_workers", [1, 2])
def test_workers_do_not_change_a_bit(shapes, num_workers):
    alone, together = epoch_of(datamodule(shapes), 2), epoch_of(datamodule(shapes, num_workers), 2)
    for first, second in zip(alone, together, strict=True):
        assert first["id"] == second["id"]
        assert torch.equal(first["image"], second["image"])
        assert torch.equal(first["roi"], second["roi"])


def test_epochs_differ_in_order_and_augmentation(shapes):
    first, second = (epoch_of(datamodule(shapes), epoch) for epoch in (0, 1))
    assert [b["id"] for b in first] != [b["id"] for b in second]
    dataset = datamodule(shapes).dataset("train", augmented=True)
    assert not torch.equal(dataset[(0, 0)]["image"], dataset[(1, 0)]["image"])


def test_reading_a_sample_leaves_the_global_generator_alone(shapes):
    dataset = datamodule(shapes).dataset("train", augmented=True)
    torch.manual_seed(7)
    expected = torch.rand(3)
    torch.manual_seed(7)
    dataset[(0, 0)]
    assert torch.equal(torch.rand(3), expected)


def test_the_sampler_gives_every_index_once():
    sampler = EpochSampler(10, seed=1)
    sampler.set_epoch(4)
    drawn = list(sampler)
    assert sorted(index for _, index in drawn) == list(range(10))
    assert {epoch for epoch, _ in drawn} == {4}


def test_evaluation_reads_the_same_tensor_twice(shapes):
    table = ManifestData(manifest=str(shapes)).read(0)
    dataset = ROIDataset(table, np.arange(4), STEPS)
    assert torch.equal(dataset[0]["image"], dataset[0]["image"])


@pytest.fixture
def captioned(shapes, tmp_path, rows_of):
    """Loaders of the shapes, all with a logo, every second with a caption of 24 x 10 pixels."""
    from small_data import write_manifest

    rows = [
        row
        | {"distractor_text": "" if index % 2 else "0 0 24 10", "distractor_logo": "40 30 48 40"}
        for index, row in enumerate(rows_of(shapes))
    ]
    return datamodule(write_manifest(tmp_path / "m.csv", rows), root=str(shapes.parent))


def test_what_is_evaluated_carries_its_distractors(captioned):
    assert captioned.table.distractor_names == ("logo", "text")
    batch = next(iter(captioned.sample_loader(np.arange(4))))
    logo, text = batch["distractors"].unbind(dim=1)
    assert batch["distractors"].shape == (4, 2, 32, 32)
    assert batch["distractors"].dtype == torch.bool
    assert logo.all(dim=0).any()
    assert text.flatten(1).any(dim=1).tolist() == [True, False, True, False]
    # half of the width and a quarter of the height are 16 and 8 of 32 pixels, and the filter's rim
    assert text[0, :8, :16].all()
    assert not text[0, 10:].any()
    assert not text[0, :, 18:].any()
    for loader in (captioned.val_dataloader(), captioned.test_dataloader()):
        assert "distractors" in next(iter(loader))


@pytest.mark.parametrize("augmented", [True, False])
def test_training_carries_no_distractors_with_or_without_augmentation(captioned, augmented):
    if not augmented:
        captioned.augmentation = None
    assert "distractors" not in next(iter(captioned.train_dataloader()))


def test_a_table_without_distractors_has_none_in_its_batches(shapes):
    assert "distractors" not in next(iter(datamodule(shapes).val_dataloader()))


@pytest.mark.parametrize("num_workers", [0, 2])
def test_a_sample_comes_in_its_own_order_by_the_evaluation_transform(shapes, num_workers):
    dm = datamodule(shapes, num_workers)
    rows = np.array([20, 3, 11, 7, 0, 15])
    loader = dm.sample_loader(rows)
    batches = list(loader)
    assert [len(batch["id"]) for batch in batches] == [4, 2]
    names = [name for batch in batches for name in batch["id"]]
    assert names == [dm.table.ids[row].as_py() for row in rows.tolist()]
    dataset = ROIDataset(dm.table, rows, STEPS)
    expected = dataset.load(range(4))
    assert torch.equal(batches[0]["image"], expected["image"])
    assert not loader.persistent_workers


def test_class_weights_are_inverse_frequencies(shapes, tmp_path, rows_of):
    from small_data import write_manifest

    rows = [
        r
        for i, r in enumerate(rows_of(shapes))
        if r["split"] != "train" or i % 4 or r["label"] == "disc"
    ]
    train = [r["label"] for r in rows if r["split"] == "train"]
    options = ManifestData(
        manifest=str(write_manifest(tmp_path / "m.csv", rows)), root=str(shapes.parent)
    )
    weights = weigh_classes(count_images(options.read(0)))
    counts = [train.count("disc"), train.count("square")]
    assert weights == pytest.approx([len(train) / (2 * count) for count in counts])


def test_a_transparent_image_keeps_its_colours(tmp_path, shapes, rows_of):
    from small_data import write_manifest

    rows = [row | {"mask": ""} for row in rows_of(shapes)]
    Image.new("RGBA", (48, 40), (10, 20, 30, 255)).save(tmp_path / "rgba.png")
    rows[0]["image"] = "rgba.png"
    rows = [r | {"image": str(shapes.parent / r["image"])} if i else r for i, r in enumerate(rows)]
    options = ManifestData(
        manifest=str(write_manifest(tmp_path / "m.csv", rows)), allow_outside=True
    )
    dataset = ROIDataset(options.read(0), np.array([0]), STEPS)
    image = dataset.prepare(np.array([0])).image[0].float()
    assert image.mean(dim=(1, 2)).tolist() == pytest.approx([10, 20, 30], abs=1)
    assert not dataset.load([0])["has_roi"].any()
