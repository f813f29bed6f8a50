"""Prepared images and bit-packed regions in a file that all loading processes share.

A file holds a record a row of the table. A record is used if its mark is that of the image and
mask files as they are now, and if its checksum is right; else the row is decoded and the record
written. So two runs may build one file at once, one may be killed in the middle, and an image that
changes costs its own decoding and no other.
"""

import hashlib
import logging
import os
import zlib
from pathlib import Path

import numpy as np
import torch

from datamodules.files.opening import stat_file
from datamodules.loading.preparation import Preparation, Prepared, naming
from datamodules.tables.table import ImageTable

log = logging.getLogger(__name__)

FORMAT = "1"  # of the records; another number makes another folder
RECORDS = "records"
SAMPLED_PATHS = 1000


class CachedPreparation:
    """A preparation that remembers.

    Args:
        preparation: What is remembered.
        folder: Where.
    """

    def __init__(self, preparation: Preparation, folder: Path) -> None:
        self.preparation = preparation
        table, size = preparation.table, preparation.preprocessing.size
        num_regions = len(table.region_names)
        self.record = np.dtype(
            [
                ("mark", np.uint64),
                ("checksum", np.uint32),
                ("native_size", np.int32, 2),
                ("roi_share", np.float64),
                ("image", np.uint8, (3, *size)),
                ("roi", np.uint8, (num_regions, -(-size[0] * size[1] // 8))),
            ]
        )
        self.file = folder / _name_of(preparation) / RECORDS
        self._open()

    @property
    def num_bytes(self) -> int:
        """Of the whole file."""
        return len(self.preparation.table) * self.record.itemsize

    def make_file(self) -> None:
        """Make the file where there is none; it takes disk space as records are written."""
        self.file.parent.mkdir(parents=True, exist_ok=True)
        with self.file.open("ab") as file:
            if file.tell() < self.num_bytes:
                file.truncate(self.num_bytes)
        os.utime(self.file)

    def _open(self) -> None:
        self.records: np.memmap | None = None
        self.writes = True
        # rows whose files were looked at by this process
        self.known = np.zeros(len(self.preparation.table), bool)

    def __getstate__(self) -> dict[str, object]:
        """Another process maps the file for itself."""
        kept = {"records", "known", "writes"}
        return {name: value for name, value in self.__dict__.items() if name not in kept}

    def __setstate__(self, state: dict[str, object]) -> None:
        self.__dict__.update(state)
        self._open()

    def __call__(self, rows: np.ndarray) -> Prepared:
        """Prepare rows (B,) of the table."""
        if self.records is None and not self._map():
            return self.preparation(rows)
        for row in np.unique(rows[~self.known[rows]]).tolist():
            self._settle(row)
        if not self.known[rows].all():  # the disk is full
            return self.preparation(rows)
        found = self.records[rows]
        roi = np.unpackbits(found["roi"], axis=2, count=found["image"][0, 0].size)
        return Prepared(
            torch.from_numpy(np.ascontiguousarray(found["image"])),
            torch.from_numpy(roi.view(bool)).view(*roi.shape[:2], *found["image"].shape[2:]),
            found["roi_share"].copy(),
            found["native_size"].copy(),
        )

    def _map(self) -> bool:
        """Whether the file is there: another run may have made room for its own."""
        shape = (len(self.preparation.table),)
        try:
            self.records = np.memmap(self.file, self.record, "r", shape=shape)
        except (OSError, ValueError) as error:  # ValueError: the file is shorter
            if self.writes:
                log.warning("The cache %s is gone, images are decoded anew: %s", self.file, error)
            self.writes = False
        return self.records is not None

    def _settle(self, row: int) -> None:
        """Look at a row once in this process: what is kept of it must be right, or is made anew."""
        with naming(self.preparation.table, row):
            mark = mark_of(self.preparation.table, row)
        try:
            record = self._read(row)
        except OSError:  # another run has removed the file to make room: decoded, and not kept
            self.writes = False
            return
        if record["mark"] != mark or record["checksum"] != _checksum(record):
            if self.writes:
                self._write(row, mark)
            if not self.writes:
                return
        self.known[row] = True

    def _read(self, row: int) -> np.void:
        """One record, which may be unwritten.

        Not from the map: on a full RAM disk (tmpfs) that ends the process without a word (SIGBUS).
        """
        length = self.record.itemsize
        with open(self.file, "rb", buffering=0) as file:
            file.seek(row * length)
            found = file.read(length)
        return np.frombuffer(found.ljust(length, b"\0"), self.record)[0]

    def _write(self, row: int, mark: int) -> None:
        image, roi, share, size = self.preparation.prepare(row)
        record = np.zeros((), self.record)
        record["native_size"], record["roi_share"] = size, share
        record["image"] = image.numpy()
        record["roi"] = np.packbits(roi.flatten(1).numpy(), axis=1)
        record["checksum"], record["mark"] = _checksum(record), mark
        try:
            with self.file.open("r+b") as file:
                file.seek(row * self.record.itemsize)
                file.write(record.tobytes())
        except OSError as error:
            self.writes = False
            log.warning("The cache %s cannot be written any more: %s", self.file, error)


def mark_of(table: ImageTable, row: int) -> int:
    """64 bits of the files of a row, by path, size and time, and of its boxes; never 0."""
    parts = []
    for path in (table.image_path(row), *(table.mask_path(r, row) for r in table.mask_paths)):
        parts.append((path, stat_file(path) if path else None))
    boxes = [corners[row].tobytes() for corners in table.boxes.values()]
    digest = hashlib.blake2b(repr((parts, boxes)).encode(), digest_size=8).digest()
    return int.from_bytes(digest, "little") or 1


def _checksum(record: np.ndarray) -> int:
    """Of what a record says, so that a half-written one is not believed."""
    names = ("native_size", "roi_share", "image", "roi")
    value = 0
    for name in names:
        value = zlib.crc32(np.ascontiguousarray(record[name]), value)
    return value


def _name_of(preparation: Preparation) -> str:
    """A folder for each table and each way to prepare it."""
    table, steps = preparation.table, preparation.preprocessing
    sampled = np.unique(np.linspace(0, len(table) - 1, SAMPLED_PATHS).astype(int))
    settings = (
        FORMAT,
        len(table),
        [table.image_path(row) for row in sampled.tolist()],
        steps.size,
        steps.interpolation,
        table.region_names,
        table.boxes_normalized,
        table.window,
    )
    return hashlib.blake2b(repr(settings).encode(), digest_size=8).hexdigest()
