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
    assert (
        "By site: tested on c (12 images), trained and validated on a (14 images), b (14 images)."
        in table.notes
    )


def test_validation_is_made_of_the_images_that_are_not_tested_on(sites, rows_of):
    """Stratified, by group, by the seed, a share of all images."""
    rows = [row | {"group": f"{row['site']}{i // 12}"} for i, row in enumerate(rows_of(sites))]
    write_manifest(sites, rows)
    tables = [read(sites, seed, split_by="site", val_fraction=0.2) for seed in (0, 0, 1)]
    for table in tables:
        assert (table.splits == "val").mean() == pytest.approx(0.2, abs=0.08)
        assert all(len(set(table.splits[table.groups == g])) == 1 for g in set(table.groups))
        assert (table.splits == "test").sum() == 12
    assert tables[0].fingerprint == tables[1].fingerprint != tables[2].fingerprint


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


def test_a_column_of_split_words_goes_before_the_column_split(sites, rows_of):
    rows = [
        row | {"split": "train", "part": ["train", "test"][i // 2 % 2]}
        for i, row in enumerate(rows_of(sites))
    ]
    table = read(write_manifest(sites, rows), split_by="part")
    assert (table.splits == "test").sum() == 20
    assert "The column 'split' is not used: data.split_by=part decides." in table.notes


def test_the_column_split_itself_may_be_named(sites, rows_of):
    rows = [row | {"split": ["train", "test"][i // 2 % 2]} for i, row in enumerate(rows_of(sites))]
    table = read(write_manifest(sites, rows), split_by="split")
    assert ((table.splits == "test") == (read(sites).splits == "test")).all()
    assert not any("not used" in note for note in table.notes)


@pytest.mark.parametrize(
    ("words", "test_on", "message"),
    [
        (["train", "test"], "test", "says itself what is the test .*Leave data.test_on out"),
        (["train", "tset"], None, "part 'tset' is unknown, expected train, val or test"),
        (["val", "test"], None, "the column 'part' names no row 'train'"),
    ],
)
def test_split_words_are_held_to_what_they_say(sites, rows_of, words, test_on, message):
    rows = [row | {"part": words[i // 2 % 2]} for i, row in enumerate(rows_of(sites))]
    with pytest.raises(ValueError, match=message):
        read(write_manifest(sites, rows), split_by="part", test_on=test_on)


@pytest.mark.parametrize(("typed", "written"), [(1, "1"), (True, "TRUE"), (0.5, "0.5")])
def test_values_that_yaml_takes_for_something_else_than_text_are_found(
    sites, rows_of, typed, written
):
    rows = [
        row | {"glasses": written if i % 4 < 2 else "other"} for i, row in enumerate(rows_of(sites))
    ]
    table = read(write_manifest(sites, rows), split_by="glasses", test_on=typed)
    found = np.array(table.columns["glasses"].to_pylist())
    assert set(found[table.splits == "test"]) == {written}


def test_a_group_on_both_sides_is_refused(sites, rows_of):
    rows = [row | {"group": "anna" if i < 3 else f"g{i}"} for i, row in enumerate(rows_of(sites))]
    with pytest.raises(ValueError, match="group 'anna' stands in test and train") as error:
        read(write_manifest(sites, rows), split_by="site", test_on="a")
    assert "1 problem in the split of manifest.csv" in str(error.value)


def test_a_class_that_only_the_tested_site_has_is_refused(sites, rows_of):
    rows = [row | {"label": "new"} if row["site"] == "c" else row for row in rows_of(sites)]
    with pytest.raises(ValueError, match="no training image is labelled 'new'"):
        read(write_manifest(sites, rows), split_by="site")


def test_a_fraction_that_is_more_than_what_is_left_is_refused(sites, rows_of):
    rows = [row | {"split": "train" if i < 12 else "test"} for i, row in enumerate(rows_of(sites))]
    with pytest.raises(ValueError, match=r"14 of 12 training images .* leave nothing to train on"):
        read(write_manifest(sites, rows), val_fraction=0.35)


def test_validation_is_a_share_of_what_a_chosen_test_leaves(sites):
    table = read(sites, split_by="site", test_on=["a", "b"], val_fraction=0.5)
    assert (table.splits == "val").sum() == (table.splits == "train").sum() == 6


def test_images_that_are_only_evaluated_can_be_chosen_by_the_column(sites, rows_of):
    rows = [row | {"split": "train"} for row in rows_of(sites)]
    write_manifest(sites, rows)
    options = ManifestData(manifest=str(sites), split_by="site", test_on="a")
    table = options.read(0, model_classes=["disc", "square"])
    site = np.array(table.columns["site"].to_pylist())
    assert (table.splits == np.where(site == "a", "test", "train")).all()
    assert any("left aside are b (14 images), c (12 images)" in note for note in table.notes)
    options = ManifestData(manifest=str(sites), num_folds=3)
    with pytest.raises(ValueError, match=r"data\.num_folds=3 makes folds to train on"):
        options.read(0, model_classes=["disc", "square"])


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
    write_manifest(manifest, rows)
    tables = [read(manifest, num_folds=5, fold=fold) for fold in range(5)]
    for table in tables:
        for group in set(table.groups):
            assert len(set(table.splits[table.groups == group])) == 1
        assert set(table.splits) == {"train", "val", "test"}
    tested = [np.flatnonzero(table.splits == "test") for table in tables]
    assert sorted(np.concatenate(tested).tolist()) == list(range(80))
    assert "Fold 4 of 5 (from 0, seed 0) is the test: 16 of 80 images." in tables[4].notes


def test_every_group_is_left_out_once(sites, rows_of):
    rows = [row | {"group": f"g{i // 4}"} for i, row in enumerate(rows_of(sites))]
    names = sorted({row["group"] for row in rows})
    write_manifest(sites, rows)
    tables = [read(sites, num_folds="groups", fold=fold) for fold in range(len(names))]
    for name, table in zip(names, tables, strict=True):
        assert set(table.groups[np.flatnonzero(table.splits == "test")]) == {name}
        assert (table.splits == "test").sum() == (table.groups == name).sum()
    said = "Fold 3 of 10 (from 0, a group each) is the test: group g3, 4 of 40 images."
    assert said in tables[3].notes


def test_few_groups_can_be_left_out_one_by_one(sites, rows_of):
    """Of two groups that are left one is trained on, though it is more than was asked for."""
    rows = [row | {"group": row["site"]} for row in rows_of(sites)]
    table = read(write_manifest(sites, rows), num_folds="groups", fold=1)
    sides = [set(table.groups[table.rows_of(split)]) for split in ("train", "val", "test")]
    assert sides[2] == {"b"}
    assert sides[:2] in ([{"a"}, {"c"}], [{"c"}, {"a"}])


def test_one_group_may_be_tested_on_wherever_groups_were_found(sites):
    table = read(sites, group_from=r"(\d)\.", split_by="group", test_on="3")
    assert set(table.groups[np.flatnonzero(table.splits == "test")]) == {"3"}
    assert (table.splits == "test").sum() == (table.groups == "3").sum() > 0


def test_leaving_a_group_out_needs_groups_and_one_that_is_there(sites):
    with pytest.raises(ValueError, match=r"no groups of m.*data.group_from"):
        read(sites, num_folds="groups")
    with pytest.raises(ValueError, match=r"data.fold is 10, and .* has 10 groups: expected 0 to 9"):
        read(sites, num_folds="groups", fold=10, group_from=r"(\d)\.")
    with pytest.raises(ValueError, match=r"data.fold is -1"):
        read(sites, num_folds="groups", fold=-1, group_from=r"(\d)\.")


def test_an_image_in_several_rows_stays_in_one_fold(sites, rows_of):
    rows = [row | {"id": f"object{i}"} for i, row in enumerate(rows_of(sites))]
    rows += [row | {"id": f"again{i}"} for i, row in enumerate(rows)]
    table = read(write_manifest(sites, rows), num_folds=4, fold=1)
    images = table.columns["image"].to_pylist()
    assert len({*zip(images, table.splits.tolist(), strict=True)}) == 40


def test_a_class_of_fewer_groups_than_folds_is_refused(sites, rows_of):
    rows = [
        row | {"group": f"{row['label']}{i % (30 if row['label'] == 'disc' else 6)}"}
        for i, row in enumerate(rows_of(sites))
    ]
    with pytest.raises(ValueError, match="class 'square' has 3 groups, too few") as error:
        read(write_manifest(sites, rows), num_folds=4)
    assert "1 problem in the folds of manifest.csv" in str(error.value)


def test_a_column_split_that_is_not_used_is_said(sites, rows_of):
    rows = [row | {"split": "train"} for row in rows_of(sites)]
    table = read(write_manifest(sites, rows), num_folds=4, fold=1)
    assert any("'split' is not used" in note for note in table.notes)
    assert (table.splits == "test").sum() == 10


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"split_by": "place"}, "data.split_by=place: there is no such column .* site"),
        ({"split_by": "site", "test_on": "d"}, "data.test_on names d, .* a, b, c"),
        ({"split_by": "site", "test_on": ["a", "b", "c"]}, "leaves nothing beside the test"),
        ({"split_by": "site", "test_on": []}, "data.test_on is empty"),
        ({"fold": -1}, "Set data.num_folds"),
        ({"test_on": "a"}, "set data.split_by to it"),
        ({"split_by": "site", "num_folds": 3}, "leave one out"),
        ({"fold": 2}, "Set data.num_folds"),
        ({"num_folds": 3, "fold": 3}, "expected 0 to 2"),
        ({"num_folds": 1}, "expected at least 2"),
        ({"num_folds": 30}, "'disc' has 20 images, too few .*(.|\n)*'square' has 20 images"),
        ({"num_folds": 0, "split_by": "site"}, "2 problems in the options of data"),
    ],
)
def test_mistakes_are_named(sites, options, message):
    with pytest.raises(ValueError, match=message):
        read(sites, **options)


def test_a_column_of_one_value_is_refused(sites, rows_of):
    rows = [row | {"site": "a"} for row in rows_of(sites)]
    with pytest.raises(ValueError, match=r"all images of manifest.csv are of a \(40 images\)"):
        read(write_manifest(sites, rows), split_by="site")


def test_blank_values_are_named(sites, rows_of):
    rows = rows_of(sites)
    rows[3]["site"] = ""
    with pytest.raises(ValueError, match=r"blank in 1 rows: manifest.csv row 5\. Give"):
        read(write_manifest(sites, rows), split_by="site")
