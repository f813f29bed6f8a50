"""A test by the values of a column, or by folds."""

import numpy as np
import pytest
from small_data import make_shapes, write_manifest

from datamodules.sources import ManifestData


@pytest.fixture
def sites(tmp_path, rows_of):
    """Forty images of three sites, without a split."""
    manifest = make_shapes(tmp_path, per_class=20)
    rows = []
    for number, row in enumerate(rows_of(manifest)):
        kept = {k: v for k, v in row.items() if k not in ("split", "group")}
        rows.append(kept | {"site": "abc"[number // 2 % 3]})
    return write_manifest(manifest, rows)


def read(manifest, seed=0, **options):
    return ManifestData(manifest=str(manifest), **options).read(seed)


def test_the_last_value_is_tested_on_and_the_others_are_trained_on(sites):
    table = read(sites, split_by="site")
    site = np.array(table.columns["site"].to_pylist())
    assert set(site[table.splits == "test"]) == {"c"}
    assert set(site[table.splits != "test"]) == {"a", "b"}
    assert (table.splits == "val").any()
    assert any(note.startswith("By site: tested on c (12 images)") for note in table.notes)


def test_any_value_or_several_can_be_tested_on(sites):
    for chosen in ("a", ["a"], ["a", "c"]):
        table = read(sites, split_by="site", test_on=chosen)
        site = np.array(table.columns["site"].to_pylist())
        assert set(site[table.splits == "test"]) == set(chosen)


def test_a_column_of_split_words_is_the_split(sites, rows_of):
    words = ["train", "Val", "test"]
    rows = [row | {"part": words[i // 2 % 3]} for i, row in enumerate(rows_of(sites))]
    table = read(write_manifest(sites, rows), split_by="part")
    assert table.splits.tolist() == [row["part"].lower() for row in rows]


def test_the_folds_of_a_seed_cover_all_images_once(sites):
    tables = [read(sites, num_folds=4, fold=fold) for fold in range(4)]
    tested = [np.flatnonzero(table.splits == "test") for table in tables]
    assert sorted(np.concatenate(tested).tolist()) == list(range(40))
    for rows, table in zip(tested, tables, strict=True):
        assert np.bincount(table.labels[rows]).tolist() == [5, 5]
    other = read(sites, seed=1, num_folds=4, fold=0)
    assert (other.splits != tables[0].splits).any()


def test_folds_keep_groups_whole(tmp_path, rows_of):
    manifest = make_shapes(tmp_path, per_class=40)
    rows = [row | {"group": f"g{i // 4}", "split": ""} for i, row in enumerate(rows_of(manifest))]
    table = read(write_manifest(manifest, rows), num_folds=5, fold=2)
    for group in set(table.groups):
        assert len(set(table.splits[table.groups == group])) == 1


def test_a_column_split_that_is_not_used_is_said(sites, rows_of):
    rows = [row | {"split": "train"} for row in rows_of(sites)]
    table = read(write_manifest(sites, rows), num_folds=4, fold=1)
    assert any("'split' is not used" in note for note in table.notes)
    assert (table.splits == "test").sum() == 10


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"split_by": "place"}, "data.split_by=place: there is no such column .* site"),
        ({"split_by": "site", "test_on": "d"}, r"data.test_on names d.* a \(14\), b \(14\)"),
        ({"split_by": "site", "test_on": ["a", "b", "c"]}, "leaves nothing to train on"),
        ({"test_on": "a"}, "set data.split_by to it"),
        ({"split_by": "site", "num_folds": 3}, "leave one out"),
        ({"fold": 2}, "Set data.num_folds"),
        ({"num_folds": 3, "fold": 3}, "expected 0 to 2"),
        ({"num_folds": 1}, "expected at least 2"),
        ({"num_folds": 30}, "too few for a split in 30 parts"),
    ],
)
def test_mistakes_are_named(sites, options, message):
    with pytest.raises(ValueError, match=message):
        read(sites, **options)


def test_blank_values_are_named(sites, rows_of):
    rows = rows_of(sites)
    rows[3]["site"] = ""
    with pytest.raises(ValueError, match=r"blank in 1 rows: manifest.csv row 5\. Give"):
        read(write_manifest(sites, rows), split_by="site")
