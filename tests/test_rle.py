"""Run-length encoded masks are read as COCO and CVAT write them."""

import numpy as np
import pytest

from datamodules.annotations.rle import check_runs, decode_runs, unpack_counts

PICTURE = ["....##.", ".###.#.", ".#.##..", "......."]


def as_mask(lines):
    return np.array([[c == "#" for c in line] for line in lines])


def pack(counts):
    """COCO's compression by its description: the other direction of what is tested."""
    text = ""
    for place, count in enumerate(counts):
        value = count - (counts[place - 2] if place > 2 else 0)
        more = True
        while more:
            group = value & 31
            value >>= 5
            more = value != (-1 if group & 16 else 0)
            text += chr(48 + (group | (32 if more else 0)))
    return text


def test_runs_down_the_columns_are_coco_and_along_the_rows_cvat():
    mask = as_mask(PICTURE)
    for by_columns, flat in ((True, mask.T.ravel()), (False, mask.ravel())):
        edges = np.flatnonzero(np.diff(np.r_[False, flat, True]))
        counts = np.diff(np.r_[0, edges, len(flat)])
        decoded = decode_runs(check_runs(counts.tolist(), 4, 7), 4, 7, by_columns)
        assert (decoded == mask).all()


def test_a_known_compressed_text_is_read():
    assert unpack_counts("122O") == [1, 2, 2, 1]
    assert unpack_counts("Z11") == [42, 1]


def test_compression_is_undone_for_runs_of_any_length():
    rng = np.random.default_rng(0)
    for _ in range(50):
        counts = (10 ** rng.uniform(0, 6, rng.integers(1, 40))).astype(int).tolist()
        assert unpack_counts(pack(counts)) == counts


@pytest.mark.parametrize(
    ("counts", "message"),
    [
        ([1, 2], "do not fill"),
        ([-1, 29], "whole numbers"),
        ([1.5, 26.5], "whole numbers"),
        ([[28]], "whole numbers"),
        ([10**30], "whole numbers"),
        ([28, 2**62, 2**62], "do not fill"),
    ],
)
def test_runs_that_do_not_fill_the_mask_are_refused(counts, message):
    with pytest.raises(ValueError, match=message):
        check_runs(counts, 4, 7)


@pytest.mark.parametrize("text", ["P", "0 1", "é"])
def test_broken_compressed_runs_are_refused(text):
    with pytest.raises(ValueError, match="broken off"):
        unpack_counts(text)


def test_masks_of_impossible_size_are_refused_before_they_fill_the_memory():
    with pytest.raises(ValueError, match="cannot be"):
        check_runs([10**12], 10**6, 10**6)
    with pytest.raises(ValueError, match="cannot be"):  # no image of that size would be read
        check_runs([2**30], 2**15, 2**15)
