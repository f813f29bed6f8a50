"""Class folders become the same table as a manifest."""

import os
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from datamodules.sources import FolderData


def fill(folder: Path, number: int = 8) -> None:
    folder.mkdir(parents=True)
    for index in range(number):
        Image.fromarray(np.full((20, 20, 3), index, np.uint8)).save(folder / f"{index}.jpg")


@pytest.fixture
def cats_and_dogs(tmp_path):
    for name in ("cat", "dog"):
        fill(tmp_path / "pets" / name)
    return tmp_path / "pets"


def test_two_class_folders_are_enough_and_get_a_split(cats_and_dogs):
    table = FolderData(images=str(cats_and_dogs)).read(seed=0)
    assert table.class_names == ("cat", "dog")
    assert {split: sum(n) for split, n in table.counts().items()}.keys() == {"train", "val", "test"}
    assert min(min(counts) for counts in table.counts().values()) >= 1
    assert any("No groups are known" in note for note in table.notes)
    assert not table.has_roi().any()


def test_the_made_split_depends_on_the_seed_alone(cats_and_dogs):
    splits = [
        FolderData(images=str(cats_and_dogs)).read(seed).splits.tolist() for seed in (0, 0, 1)
    ]
    assert splits[0] == splits[1] != splits[2]


def test_split_folders_are_recognised(tmp_path):
    for split in ("train", "validation", "test"):
        for name in ("cat", "dog"):
            fill(tmp_path / "pets" / split / name, 3)
    table = FolderData(images=str(tmp_path / "pets")).read(seed=0)
    assert table.counts() == {"train": [3, 3], "val": [3, 3], "test": [3, 3]}


def test_masks_of_a_parallel_folder_are_found_and_may_be_missing(cats_and_dogs, tmp_path):
    (tmp_path / "masks" / "cat").mkdir(parents=True)
    Image.fromarray(np.ones((20, 20), bool)).save(tmp_path / "masks" / "cat" / "0.png")
    options = FolderData(images=str(cats_and_dogs), masks=str(tmp_path / "masks"))
    table = options.read(seed=0)
    assert table.has_roi().sum() == 1


def test_groups_come_from_file_names(tmp_path):
    for name in ("cat", "dog"):
        fill(tmp_path / "pets" / name, 24)
        for path in list((tmp_path / "pets" / name).iterdir()):
            path.rename(path.with_name(f"subject{int(path.stem) % 12:02d}_{path.name}"))
    options = FolderData(images=str(tmp_path / "pets"), group_from=r"(subject\d+)_")
    table = options.read(seed=0)
    assert len(set(table.groups)) == 12
    for split in ("train", "val", "test"):
        inside = set(table.groups[table.splits == split])
        assert not inside & set(table.groups[table.splits != split])


@pytest.mark.parametrize(
    ("arrange", "message"),
    [
        (lambda root: None, "there is no folder"),
        (lambda root: root.mkdir(), "holds no images"),
        (lambda root: fill(root), "images outside of a class folder"),
        (lambda root: fill(root / "cat"), "one class only"),
        (lambda root: [fill(root / "train" / "cat"), fill(root / "dog")], "some do not"),
        (lambda root: [fill(root / "cat", 2), fill(root / "dog")], "smallest class has 2 images"),
    ],
)
def test_folders_that_are_no_data_set_are_refused(tmp_path, arrange, message):
    arrange(tmp_path / "pets")
    with pytest.raises(ValueError, match=message):
        FolderData(images=str(tmp_path / "pets")).read(seed=0)


def test_a_group_expression_that_matches_nothing_is_refused(cats_and_dogs):
    with pytest.raises(ValueError, match="does not match 16 of 16 paths"):
        FolderData(images=str(cats_and_dogs), group_from="subject").read(seed=0)


@pytest.mark.parametrize(
    "options", [{"batch_size": 0}, {"image_size": 2}, {"val_fraction": 1.5}, {"num_workers": -1}]
)
def test_options_out_of_range_are_refused(options):
    with pytest.raises(ValueError, match=f"data.{next(iter(options))}"):
        FolderData(images="anywhere", **options)


def test_the_parent_folder_is_a_subject_whatever_stands_above(tmp_path):
    for state in ("alert", "drowsy"):
        for subject in range(8):
            fill(tmp_path / "drivers" / state / f"subject{subject}", 2)
    table = FolderData(images=str(tmp_path / "drivers"), group_from="parent").read(seed=0)
    assert set(table.groups) == {f"subject{subject}" for subject in range(8)}


def test_a_path_without_the_part_that_names_the_subject_is_named(cats_and_dogs):
    options = FolderData(images=str(cats_and_dogs), group_from=r"\d(\d)?\.jpg")
    with pytest.raises(ValueError, match="does not match 16 of 16 paths"):
        options.read(seed=0)


@pytest.mark.parametrize("fraction", [0.05, 0.2, 0.4])
def test_a_made_split_has_about_the_share_that_was_asked_for(tmp_path, fraction):
    for name in ("cat", "dog"):
        fill(tmp_path / "pets" / name, 100)
    options = FolderData(images=str(tmp_path / "pets"), test_fraction=fraction, val_fraction=0.2)
    table = options.read(seed=0)
    assert (table.splits == "test").mean() == pytest.approx(fraction, abs=0.02)
    assert (table.splits == "val").mean() == pytest.approx(0.2, abs=0.04)


def test_a_name_that_is_no_text_is_listed(tmp_path):
    (tmp_path / "cat").mkdir()
    try:
        (tmp_path / "cat" / os.fsdecode(b"\xff.png")).write_bytes(b"")
    except OSError:
        pytest.skip("this system keeps names as text")
    with pytest.raises(ValueError, match=r"no text in UTF-8: 'cat/\\udcff\.png'"):
        FolderData(images=str(tmp_path)).read(0)
