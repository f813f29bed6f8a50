"""Images that look alike: candidates by their looks, held to each other by their pixels.

Two looks are near when few of their 128 bits differ. Up to ``FEW`` images every pair is compared;
of more, those that share 16 of the bits in one of eight places (as all do that differ in up to 7
bits), and of a place that very many share the nearest in order: no kind of images makes quadratic
work.
"""

import os
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple

import numpy as np
from PIL import Image

from datamodules.checks.examination import Examination
from datamodules.files.images import read_image
from datamodules.progress import show_progress
from datamodules.tables.table import ImageTable

FEW = 8_000  # compared pair by pair in 2 seconds
MOST_NEIGHBOURS = 256  # in one place, compared with each image
MOST_BITS = 16  # that differ between candidates, of 128
MOST_CANDIDATES = 2_000_000  # then the search ends
MOST_PAIRS = 20_000  # held to each other by their pixels, the nearest first
SMALLEST_CONTRAST = 8  # of 255; below it a look is noise
SIDE = 32  # pixels of the pictures that are compared
# of their colours. Measured on cells and on composites: copies as JPEG of quality 40 or at 0.7 of
# the size correlate by 0.987 and more, shifted by a pixel of 128 nine in ten by 0.98; other images,
# other objects on the same ground among them, by 0.955 and less
SMALLEST_CORRELATION = 0.98

Wanted = Callable[[np.ndarray, np.ndarray], np.ndarray]


class NearPairs(NamedTuple):
    """Pairs of rows that look alike, with other pixels.

    Args:
        first: (P,) rows.
        second: (P,) rows.
        num_left_out: Candidates, at least, that were too many to be held to each other.
    """

    first: np.ndarray
    second: np.ndarray
    num_left_out: int


def find_near_pairs(table: ImageTable, found: Examination, wanted: Wanted) -> NearPairs:
    """Find pairs that look alike, of different content.

    Args:
        table: The images.
        found: What is known of their files.
        wanted: Says of rows (N,) and rows (N,) which pairs matter, (N,) bool.
    """
    images = found.images
    content, contrast = images["content"], images["contrast"]
    usable = np.flatnonzero(~images.broken & (contrast >= SMALLEST_CONTRAST))
    rows = usable[np.unique(content[usable], return_index=True)[1]]
    looks = np.stack([images["across"][rows], images["down"][rows]])
    first, second = _find_candidates(looks, lambda a, b: wanted(rows[a], rows[b]))
    distance = _count_bits(looks, first, second)
    nearest = np.argsort(distance, kind="stable")[:MOST_PAIRS]
    num_left_out = len(first) - len(nearest)
    first, second = rows[first[nearest]], rows[second[nearest]]
    alike = _look_alike(table, first, second)
    return NearPairs(first[alike], second[alike], num_left_out)


def count_same_looks(found: Examination) -> int:
    """Images whose look is also that of another: what needs no pixels, and finds the nearest."""
    images = found.images
    rows = np.flatnonzero(~images.broken & (images["contrast"] >= SMALLEST_CONTRAST))
    order = rows[np.lexsort((images["down"][rows], images["across"][rows]))]
    same = np.ones(max(len(order) - 1, 0), bool)
    for side in ("across", "down"):
        ordered = images[side][order]
        same &= ordered[1:] == ordered[:-1]
    return int((np.r_[same, False] | np.r_[False, same])[: len(order)].sum())


def _find_candidates(looks: np.ndarray, wanted: Wanted) -> tuple[np.ndarray, np.ndarray]:
    """Pairs of columns of looks (2, N) that differ in few bits and are wanted, each once."""
    num = looks.shape[1]
    found, total = [np.zeros(0, np.int64)], 0
    for first, second in _neighbours(looks):
        near = _count_bits(looks, first, second) <= MOST_BITS
        first, second = first[near], second[near]
        chosen = wanted(first, second)
        low, high = np.minimum(first, second)[chosen], np.maximum(first, second)[chosen]
        found.append(low * num + high)
        total += len(low)
        if total > MOST_CANDIDATES:
            break
    pairs = np.unique(np.concatenate(found))
    return pairs // max(num, 1), pairs % max(num, 1)


def _neighbours(looks: np.ndarray) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Pairs of columns to compare, many at a time; a pair may come more than once."""
    num = looks.shape[1]
    most = num if num <= FEW else MOST_NEIGHBOURS
    for order, ends in _places(looks):
        active = np.arange(num)
        for offset in range(1, most + 1):
            active = active[active + offset < ends[active]]
            if not len(active):
                break
            yield order[active], order[active + offset]


def _places(looks: np.ndarray) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """An order of the looks, and the end in it of those that share the bits of one place."""
    num = looks.shape[1]
    if num <= FEW:
        yield np.arange(num), np.full(num, num)
        return
    for which in (0, 1):
        for shift in (0, 16, 32, 48):
            bits = (looks[which] >> np.uint64(shift)).astype(np.uint16)
            order = np.lexsort((looks[1 - which], looks[which], bits))
            last = np.flatnonzero(np.r_[bits[order][1:] != bits[order][:-1], True])
            yield order, last[np.searchsorted(last, np.arange(num))] + 1


def _count_bits(looks: np.ndarray, first: np.ndarray, second: np.ndarray) -> np.ndarray:
    across, down = np.bitwise_count(looks[:, first] ^ looks[:, second])
    return across.astype(np.int16) + down


def _look_alike(table: ImageTable, first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """(P,) bool: the colours of the two images correlate."""
    rows, places = np.unique(np.concatenate([first, second]), return_inverse=True)
    if not len(rows):
        return np.zeros(0, bool)
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        pictures = pool.map(lambda row: shrink(table, row), rows.tolist())
        shown = show_progress(pictures, len(rows), "Comparing images that look alike")
        vectors = np.stack([picture.ravel() for picture in shown]).astype(np.float32)
    vectors -= vectors.mean(axis=1, keepdims=True)
    vectors /= np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-6)
    one, other = places[: len(first)], places[len(first) :]
    return np.einsum("pk,pk->p", vectors[one], vectors[other]) >= SMALLEST_CORRELATION


def shrink(table: ImageTable, row: int) -> np.ndarray:
    """An image as a small square picture, (SIDE, SIDE, 3) uint8, each pixel a mean."""
    picture = Image.fromarray(read_image(table.image_path(row), table.window))
    return np.asarray(picture.resize((SIDE, SIDE), Image.Resampling.BOX, reducing_gap=2.0))


def join(num_rows: int, first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """(rows,) number of the cluster of each row: rows joined by pairs, directly or in a chain."""
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    edges = coo_array((np.ones(len(first), bool), (first, second)), (num_rows, num_rows))
    return connected_components(edges, directed=False)[1]
