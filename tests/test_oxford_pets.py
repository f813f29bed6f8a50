"""The Oxford-IIIT pets, on a small stand-in of their layout."""

import numpy as np
import pytest
from PIL import Image

from datamodules.annotations.oxford_pets import BASE, OxfordPetsData
from datamodules.files.images import read_mask

BREEDS = {"Abyssinian": "1", "Siamese": "1", "great_pyrenees": "2"}
NUMBERS = {"trainval.txt": range(1, 13), "test.txt": range(13, 17)}


@pytest.fixture
def root(tmp_path):
    """Torchvision's root, with three breeds of sixteen images."""
    base = tmp_path / "root" / BASE
    (base / "images").mkdir(parents=True)
    (base / "annotations" / "trimaps").mkdir(parents=True)
    trimap = np.full((10, 12), 2, np.uint8)
    trimap[2:8, 3:9] = 3
    trimap[3:7, 4:8] = 1
    for name, numbers in NUMBERS.items():
        lines = []
        for place, (breed, species) in enumerate(BREEDS.items(), start=1):
            for number in numbers:
                one = f"{breed}_{number}"
                lines.append(f"{one} {place} {species} {place}")
                Image.new("RGB", (12, 10), (number, 0, 0)).save(base / "images" / f"{one}.jpg")
                Image.fromarray(trimap).save(base / "annotations" / "trimaps" / f"{one}.png")
        (base / "annotations" / name).write_text("\n".join(lines))
    (base / "annotations" / "trimaps" / "._Abyssinian_1.png").write_bytes(b"of a Mac")
    return tmp_path / "root"


def read(folder, **options):
    cache = str(folder.parent / "cache")
    return OxfordPetsData(folder=str(folder), mask_cache=cache, **options).read(seed=0)


def test_torchvision_reads_the_same_classes_and_splits(root):
    from torchvision.datasets import OxfordIIITPet

    table = read(root)
    ours = {
        table.image_path(row): (table.class_names[table.labels[row]], row)
        for row in range(len(table))
    }
    test = set(table.rows_of("test").tolist())
    for split in ("trainval", "test"):
        theirs = OxfordIIITPet(root, split)
        for path, label in zip(theirs._images, theirs._labels, strict=True):
            name, row = ours.pop(str(path))
            assert name.replace("_", " ").title() == theirs.classes[label]
            assert (row in test) == (split == "test")
    assert not ours


def test_validation_is_made_of_the_training_images(root):
    counts = read(root).counts()
    assert counts["test"] == [4, 4, 4]
    assert min(counts["val"]) >= 1
    assert [sum(n) for n in zip(*counts.values(), strict=True)] == [16, 16, 16]


@pytest.mark.parametrize(("rim_inside", "area"), [(False, 16), (True, 36)])
def test_the_animal_of_the_trimap_is_the_roi_and_the_rim_if_wanted(root, rim_inside, area):
    table = read(root, rim_inside=rim_inside)
    assert all(read_mask(path.as_py()).sum() == area for path in table.mask_paths["roi"])


def test_the_folder_itself_may_be_named_and_cats_told_from_dogs(root):
    table = read(root / BASE, target="cat_dog", slice_by="breed")
    assert table.class_names == ("cat", "dog")
    assert sorted(np.bincount(table.labels).tolist()) == [16, 32]


def test_an_image_without_trimap_has_an_unknown_roi(root):
    (root / BASE / "annotations" / "trimaps" / "Siamese_2.png").unlink()
    assert read(root).has_roi().sum() == 47


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda base: base.rename(base.with_name("elsewhere")), "data.download=true fetches"),
        (lambda base: (base / "annotations" / "test.txt").unlink(), "there is no annotations/test"),
        (
            lambda base: (base / "annotations" / "test.txt").write_text("Abyssinian_1 1"),
            r"test\.txt line 1 is 'Abyssinian_1 1', expected",
        ),
        (
            lambda base: (base / "annotations" / "test.txt").write_text("../../Abyssinian_1 1 1 1"),
            r"test\.txt line 1 is '\.\./\.\./Abyssinian_1 1 1 1', expected",
        ),
        (  # not of the closed list: Pillow knows kinds that start other programs
            lambda base: Image.new("L", (12, 10), 1).save(
                base / "annotations" / "trimaps" / "Siamese_2.png", "PCX"
            ),
            r"Siamese_2\.png cannot be decoded, it is no image of a known kind",
        ),
        (
            lambda base: (base / "annotations" / "trimaps" / "Siamese_2.png").write_bytes(b"x"),
            r"Siamese_2\.png cannot be decoded",
        ),
        (
            lambda base: Image.new("L", (12, 10)).save(
                base / "annotations" / "trimaps" / "Siamese_2.png"
            ),
            r"Siamese_2\.png has other values than 1",
        ),
    ],
)
def test_what_is_missing_or_wrong_is_named(root, spoil, message):
    spoil(root / BASE)
    with pytest.raises(ValueError, match=message):
        read(root)


def test_a_download_that_fails_leaves_nothing_behind(tmp_path, monkeypatch):
    import torchvision.datasets.oxford_iiit_pet as theirs

    def fail(url, download_root, md5):
        (tmp_path / "pets").joinpath(download_root).mkdir(parents=True)
        raise OSError("no route to host")

    monkeypatch.setattr(theirs, "download_and_extract_archive", fail)
    with pytest.raises(ValueError, match=r"no route to host\. Nothing was kept"):
        read(tmp_path / "pets", download=True)
    assert list((tmp_path / "pets").iterdir()) == []


def test_a_download_is_put_in_place_when_it_is_whole(root, tmp_path, monkeypatch):
    import shutil

    import torchvision.datasets.oxford_iiit_pet as theirs

    def fetch(url, download_root, md5):
        part = url.rsplit("/", 1)[1].removesuffix(".tar.gz")
        shutil.copytree(root / BASE / part, f"{download_root}/{part}")
        open(f"{download_root}/{part}.tar.gz", "wb").close()

    monkeypatch.setattr(theirs, "download_and_extract_archive", fetch)
    assert len(read(tmp_path / "pets", download=True)) == 48
    assert [path.name for path in (tmp_path / "pets").iterdir()] == [BASE]
    assert sorted(p.name for p in (tmp_path / "pets" / BASE).iterdir()) == ["annotations", "images"]
