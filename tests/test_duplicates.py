"""One image under two names is found, whatever the file; on two sides of a split it is an error."""

import numpy as np
import pytest
from PIL import Image
from small_data import make_shapes, write_manifest
from workflow.finding.proposals import say_proposals

from datamodules.checks.duplicates import check_duplicates, find_duplicates, split_codes
from datamodules.checks.examination import examine_files
from datamodules.checks.trained_on import MOST_KEPT, sketch_content
from datamodules.sources import ManifestData


@pytest.fixture
def checked(tmp_path, rows_of):
    """Check shapes of which disc_000 (train) is a copy of ``copied``, stored as BMP."""

    def check(copied, allowed=False, **changes):
        manifest = make_shapes(tmp_path / "data")
        folder = manifest.parent
        rows = rows_of(manifest)
        if copied:
            Image.open(folder / f"images/{copied}.png").save(folder / "images/copy.bmp")
            rows[0] |= {"image": "images/copy.bmp"} | changes
        table = ManifestData(manifest=str(write_manifest(manifest, rows))).read(0)
        found = examine_files(table, tmp_path / "memory.parquet")
        return check_duplicates(table, found.images["content"], allowed)

    return check


def test_different_images_are_no_duplicates(checked):
    assert checked(None) == []


def test_a_test_image_that_is_trained_on_is_named_with_its_twin(checked):
    with pytest.raises(ValueError, match=r"1 problem .*data\.allow_duplicates=true") as error:
        checked("disc_003")
    line = str(error.value).splitlines()[1]
    assert "copy.bmp) in train = manifest.csv row 8 (images/disc_003.png) in test" in line


def test_it_is_said_when_it_is_allowed(checked):
    (note,) = checked("disc_003", allowed=True)
    assert "1 images stand in several splits" in note and "no test" in note


def test_a_twin_in_the_same_split_with_another_label_is_said(checked):
    (note,) = checked("square_001")
    assert (
        "(images/copy.bmp) as disc = manifest.csv row 5 (images/square_001.png) as square" in note
    )


def test_a_twin_in_the_same_split_with_the_same_label_is_nothing(checked):
    assert checked("disc_001") == []


@pytest.mark.parametrize("seed", range(3))
def test_sets_are_those_of_equal_contents(seed):
    rng = np.random.default_rng(seed)
    content = rng.integers(0, 30, 40).astype(np.uint64) << np.uint64(60 - seed)
    values = rng.integers(0, 2, 40)
    found = find_duplicates(content)
    expected = {
        tuple(np.flatnonzero(content == one).tolist())
        for one in set(content.tolist())
        if len(set(values[content == one].tolist())) > 1
    }
    assert {tuple(rows.tolist()) for rows in found.differing(values[found.rows])} == expected


def test_rows_of_no_split_have_no_code(shapes):
    codes = split_codes(ManifestData(manifest=str(shapes)).read(0))
    assert np.bincount(codes).tolist() == [12, 6, 6]


def test_all_training_images_are_known_and_no_other():
    content = np.random.default_rng(0).integers(0, 2**64, 1000, dtype=np.uint64)
    kept = sketch_content(content[:500])
    assert kept.knows(content).tolist() == [True] * 500 + [False] * 500
    assert (kept.num_images, kept.share) == (500, 1.0)
    assert (np.diff(kept.hashes.view(np.uint64).astype(object)) > 0).all()


def test_of_many_images_a_known_share_can_be_told():
    content = np.random.default_rng(0).integers(0, 2**64, 2 * MOST_KEPT, dtype=np.uint64)
    kept = sketch_content(content)
    assert len(kept.hashes) == MOST_KEPT and kept.share == 0.5
    assert kept.knows(content[:10_000]).mean() == pytest.approx(0.5, abs=0.02)


def test_without_groups_names_and_looks_are_proposed_and_not_taken(tmp_path, rows_of):
    manifest = make_shapes(tmp_path / "data")
    folder, rows = manifest.parent, []
    for index, row in enumerate(rows_of(manifest)):
        name = f"images/s{index // 4}_{index}.png"
        (folder / row["image"]).rename(folder / name)
        rows.append({k: v for k, v in row.items() if k != "group"} | {"image": name})
    copied = next(row for row in rows if row["split"] == "train")
    Image.open(folder / copied["image"]).save(folder / "copy.bmp")
    rows.append(copied | {"image": "copy.bmp"})
    table = ManifestData(manifest=str(write_manifest(manifest, rows))).read(0)
    assert table.groups is None
    found = examine_files(table, tmp_path / "memory.parquet")
    names, looks = say_proposals(table, found, ["data=manifest", "gate=none"])
    assert "6 groups, such as s0, s1, s2 and 3 more and leave what does not match" in names
    assert "2 of 25 images look like another one" in looks
    assert "python scripts/check_data.py data=manifest shows" in looks
    rows = np.arange(24)
    assert len(list(say_proposals(table.keep(rows), found.keep(rows), []))) == 1
