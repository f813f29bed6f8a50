"""Remembers what decoded files were like, so that none is decoded again while it is unchanged."""

import os
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet

from datamodules.checks.decoded import SCHEMA, Facts


class Stamps(NamedTuple):
    """Which files are meant, a vector each: path, bytes, and time of change in ns since 1970."""

    path: pa.Array
    bytes: pa.Array
    time: pa.Array


STAMP_TYPES = (pa.string(), pa.int64(), pa.int64())
KEYS = pa.schema([("kind", pa.string()), *zip(Stamps._fields, STAMP_TYPES, strict=True)])
REMEMBERED = pa.schema([*KEYS, *SCHEMA])
PART = 50_000  # files whose facts wait as Python objects


class Memory:
    """What is known of decoded files, on disk between runs.

    Args:
        file: Parquet; one that is broken or of another version only costs the decoding.
    """

    def __init__(self, file: Path) -> None:
        self.file = file
        self.known = _recall(file)
        self.parts: list[pa.Table] = []
        self.waiting: list[tuple] = []
        self.changed = False

    def find(self, kind: str, stamps: Stamps) -> np.ndarray:
        """(files,) number of each file in the memory, -1 where it is unknown or has changed."""
        self._merge()
        mine = np.flatnonzero(pc.equal(self.known["kind"], kind).to_numpy())
        paths = self.known["path"].take(mine)
        hits = pc.fill_null(pc.index_in(stamps.path, value_set=paths), -1)
        hits = hits.to_numpy(zero_copy_only=False)
        if not len(mine):
            return np.full(len(hits), -1)
        where = mine[hits]
        same = hits >= 0
        for key in ("bytes", "time"):
            now = pc.fill_null(getattr(stamps, key), -1).to_numpy(zero_copy_only=False)
            same &= self.known[key].to_numpy()[where] == now
        return np.where(same, where, -1)

    def facts(self, where: np.ndarray) -> pa.Table:
        """Facts of files by the number that ``find`` gave, null for -1."""
        return self.known.select(SCHEMA.names).take(pa.array(where, mask=where < 0))

    def add(self, kind: str, stamps: Stamps, number: int, facts: Facts) -> None:
        """Remember one of the files."""
        key = (kind, *(column[number].as_py() for column in stamps))
        self.waiting.append((*key, *facts))
        if len(self.waiting) == PART:
            self._pack()

    def save(self) -> None:
        """Write what was added; a reader never sees half a file."""
        self._merge()
        if not self.changed:
            return
        self.file.parent.mkdir(parents=True, exist_ok=True)
        beside = self.file.with_name(f".{self.file.name}.{os.getpid()}")
        pa.parquet.write_table(self.known, beside)
        os.replace(beside, self.file)
        self.changed = False

    def _pack(self) -> None:
        columns = zip(*self.waiting, strict=True)
        arrays = [pa.array(c, field.type) for c, field in zip(columns, REMEMBERED, strict=True)]
        self.parts.append(pa.table(arrays, schema=REMEMBERED))
        self.waiting = []

    def _merge(self) -> None:
        """What was added takes the place of what was known of the same file."""
        if self.waiting:
            self._pack()
        if not self.parts:
            return
        added = pa.concat_tables(self.parts)
        stale = pa.scalar(False)
        for kind in added["kind"].unique().to_pylist():
            names = added["path"].filter(pc.equal(added["kind"], kind))
            same = pc.is_in(self.known["path"], value_set=names)
            stale = pc.or_(stale, pc.and_(same, pc.equal(self.known["kind"], kind)))
        self.known = pa.concat_tables([self.known.filter(pc.invert(stale)), added])
        self.parts, self.changed = [], True


def _recall(file: Path) -> pa.Table:
    if not file.is_file():
        return REMEMBERED.empty_table()
    try:
        known = pa.parquet.read_table(file)
    except (OSError, pa.ArrowInvalid):
        return REMEMBERED.empty_table()
    return known if known.schema.equals(REMEMBERED) else REMEMBERED.empty_table()
