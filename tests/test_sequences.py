"""A few frames of each sequence an epoch, other ones in other epochs, none on both sides."""

import numpy as np
import pyarrow as pa
import pytest
from small_data import write_manifest

from datamodules.loading.imbalance import count_images
from datamodules.loading.sampler import EpochSampler
from datamodules.loading.sequences import Sequences, _encode, describe_sequences
from datamodules.sources import ManifestData


def make_sequences(lengths, most):
    lengths = np.array(lengths)
    return Sequences(
        np.arange(lengths.sum()), np.cumsum(lengths) - lengths, lengths, most, timed=True
    )


@pytest.fixture
def frames(shapes, tmp_path, rows_of):
    """Write the shapes as frames: v0 of discs and v1 of squares in training, by time reversed."""

    def write(change=lambda row, index: row):
        rows = []
        for index, row in enumerate(rows_of(shapes)):
            row = row | {name: str(shapes.parent / row[name]) for name in ("image", "mask")}
            row |= {"sequence": f"{row['split']}_{row['label']}", "time": str(1000 - index / 2)}
            rows.append(change(row, index))
        names = dict.fromkeys(name for row in rows for name in row)
        return write_manifest(tmp_path / "m.csv", [{n: r.get(n, "") for n in names} for r in rows])

    return write


def read(manifest, **options):
    options = ManifestData(manifest=str(manifest), allow_outside=True, **options)
    return options.read(0), options


def test_an_epoch_has_so_many_frames_of_each_sequence_and_one_of_each_part_of_its_time():
    sequences = make_sequences([12, 2, 7], most=3)
    parts = set()
    for epoch in range(200):
        drawn = sequences.draw(np.random.default_rng(epoch))
        assert len(drawn) == 3 + 2 + 3
        assert len(set(drawn.tolist())) == 8
        assert sorted(drawn[3:5].tolist()) == [12, 13]
        assert (drawn[:3] // 4).tolist() == [0, 1, 2]  # 12 frames in three parts of four
        parts |= set(drawn.tolist())
    assert parts == set(range(21))


def test_over_many_epochs_every_frame_comes_about_alike():
    sequences = make_sequences([7, 10], most=3)
    rng = np.random.default_rng(0)
    counts = np.bincount(np.concatenate([sequences.draw(rng) for _ in range(6000)]), minlength=17)
    expected = np.repeat([3 / 7, 3 / 10], [7, 10])
    assert sequences.shares() == pytest.approx(expected)
    assert counts / 6000 == pytest.approx(expected, abs=0.08)


def test_the_sampler_draws_by_seed_and_epoch_and_its_length_stays():
    sampler = EpochSampler(21, seed=1, sequences=make_sequences([12, 2, 7], most=3))
    first = list(sampler)
    assert len(sampler) == len(first) == 8
    assert first == list(sampler)
    sampler.set_epoch(1)
    assert {index for _, index in sampler} != {index for _, index in first}
    assert {epoch for epoch, _ in sampler} == {1}


def test_a_balanced_epoch_is_made_of_the_frames_that_were_drawn():
    labels = np.repeat([0, 1], [12, 9])
    sampler = EpochSampler(21, 1, make_sequences([12, 2, 7], most=3), labels)
    keys = list(sampler)
    assert len(keys) == len(sampler) == 8
    assert sorted(labels[key[1]] for key in keys) == [0] * 4 + [1] * 4
    assert len({key[1] for key in keys if labels[key[1]] == 0}) == 3


def test_frames_are_ordered_by_their_time_and_counted_by_class(frames):
    table, _ = read(frames())
    from datamodules.loading.sequences import find_sequences

    sequences = find_sequences(table, table.rows_of("train"), 2)
    times = np.array(table.columns["time"].to_pylist(), float)[table.rows_of("train")]
    for start, length in zip(sequences.starts, sequences.lengths, strict=True):
        assert (np.diff(times[sequences.order[start : start + length]]) > 0).all()
    assert sequences.lengths.tolist() == [6, 6]
    assert count_images(table, sequences) == pytest.approx([2, 2])
    assert "trains on 4 of 12 images" in describe_sequences(sequences)


def test_an_image_of_no_sequence_stands_for_itself(frames):
    blank = lambda row, index: row | ({"sequence": "", "time": ""} if index < 4 else {})  # noqa: E731
    table, _ = read(frames(blank))
    from datamodules.loading.sequences import find_sequences

    sequences = find_sequences(table, table.rows_of("train"), 2)
    assert sorted(sequences.lengths.tolist()) == [1, 1, 1, 1, 4, 4]


def test_times_that_are_no_numbers_are_listed_by_row(frames):
    wrong = lambda row, index: row | ({"time": "noon"} if index in (0, 9) else {})  # noqa: E731
    table, _ = read(frames(wrong))
    from datamodules.loading.sequences import find_sequences

    with pytest.raises(ValueError, match=r"none in 2 rows \(2, 11\), such as 'noon'"):
        find_sequences(table, table.rows_of("train"), 2)


def test_frames_of_sequences_need_the_column(shapes):
    from datamodules.loading.sequences import find_sequences

    table = ManifestData(manifest=str(shapes)).read(0)
    with pytest.raises(ValueError, match=r"needs a column 'sequence'.*Columns: image, label"):
        find_sequences(table, table.rows_of("train"), 2)
    with pytest.raises(ValueError, match=r"data.frames_per_sequence is 0, expected at least 1"):
        ManifestData(manifest=str(shapes), frames_per_sequence=0)


def test_sequences_are_the_groups_where_none_are_known(frames):
    def no_split(row, index):
        row = {k: v for k, v in row.items() if k not in ("split", "group")}
        return row | {"sequence": f"v{index // 2 % 8}"}

    table, _ = read(frames(no_split), val_fraction=0.25, test_fraction=0.25)
    names = np.array(table.columns["sequence"].to_pylist())
    sides = [set(names[table.rows_of(split)]) for split in ("train", "val", "test")]
    assert not sides[0] & sides[1] and not sides[0] & sides[2] and not sides[1] & sides[2]
    assert any("No groups are known but sequences are" in note for note in table.notes)


def test_a_sequence_on_two_sides_of_a_given_split_is_an_error(frames):
    from datamodules.loading.sequences import check_sequences

    both = lambda row, index: row | {"sequence": "v0" if index < 8 else f"v{index}"}  # noqa: E731
    table, _ = read(frames(both))
    with pytest.raises(ValueError, match="sequence 'v0' stands in train and val and test"):
        check_sequences(table)


def test_columns_in_chunks_are_numbered_as_one():
    column = pa.chunked_array([["a", "", "b"], ["b", "c"], []], pa.string())
    assert _encode(column).tolist() == [0, -1, 1, 1, 2]


def test_a_run_takes_its_frames_and_says_so(frames, outputs, tmp_path):
    from in_process import train_in_process

    words = ["data.frames_per_sequence=2", "data.allow_outside=true", "gate=pixel", "test=false"]
    folder = train_in_process(frames(), tmp_path / "run", *words)
    log = (folder / "log.txt").read_text()
    assert "trains on 4 of 12 images: at most 2 frames of each of 2 sequences" in log
    rows = (folder / "history.csv").read_text().splitlines()
    assert rows[-1].split(",")[:2] == ["1", "2"]  # four images, a batch, an epoch
    wrong = frames(lambda row, index: row | {"time": "late"})
    with pytest.raises(ValueError, match=r"'time' must be a number .* none in 12 rows"):
        train_in_process(wrong, tmp_path / "wrong", *words)
    assert not (tmp_path / "wrong").exists()
