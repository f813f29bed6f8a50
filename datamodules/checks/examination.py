"""What is known of the files of a table after decoding each once, a vector a fact.

Nothing here is kept a Python object a row: a table may have millions.
"""

import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from datamodules.checks.decoded import SCHEMA, decode_file
from datamodules.checks.memory import STAMP_TYPES, Memory, Stamps
from datamodules.files.opening import stat_file
from datamodules.files.unreadable import UnreadableImage
from datamodules.files.window import Window
from datamodules.progress import show_progress
from datamodules.tables.table import ImageTable

BATCH = 4096  # files whose names and facts are Python objects at one time


@dataclass(frozen=True)
class Files:
    """The files that the rows of a table name in one column.

    Args:
        index: (rows,) of a row's file in ``facts``, whose last entry stands for "no file".
        facts: An entry a file: ``path``, ``error`` (null where it is whole) and what
            ``datamodules.checks.decoded.Facts`` says, 0 or "" where it is broken.
    """

    index: np.ndarray
    facts: pa.Table

    def __getitem__(self, fact: str) -> np.ndarray:
        """(rows,) numbers."""
        return self.facts[fact].to_numpy()[self.index]

    def words(self, fact: str) -> tuple[np.ndarray, list[str]]:
        """(rows,) codes of a fact in words, and the word of each code."""
        encoded = self.facts[fact].combine_chunks().dictionary_encode()
        return encoded.indices.to_numpy()[self.index], encoded.dictionary.to_pylist()

    @property
    def named(self) -> np.ndarray:
        """(rows,) bool: the row names a file."""
        return self.index < len(self.facts) - 1

    @property
    def broken(self) -> np.ndarray:
        """(rows,) bool: the file is missing or cannot be decoded."""
        return self.facts["error"].is_valid().to_numpy()[self.index]

    def path(self, row: int) -> str:
        """The file of a row."""
        return self.facts["path"][int(self.index[row])].as_py()

    def error(self, row: int) -> str | None:
        """What is wrong with the file of a row, as it reads after its name."""
        return self.facts["error"][int(self.index[row])].as_py()

    def keep(self, rows: np.ndarray) -> "Files":
        """The same for some of the rows."""
        return replace(self, index=self.index[rows])


@dataclass(frozen=True)
class Examination:
    """The files of a table.

    Args:
        images: One a row.
        masks: Region name to its mask files, where there are any.
    """

    images: Files
    masks: dict[str, Files]

    def keep(self, rows: np.ndarray) -> "Examination":
        """The same for some of the rows."""
        masks = {region: files.keep(rows) for region, files in self.masks.items()}
        return Examination(self.images.keep(rows), masks)


def examine_files(table: ImageTable, memory_file: Path) -> Examination:
    """Decode every file that was not decoded before, in parallel.

    Args:
        table: Its images and masks.
        memory_file: Parquet file that remembers decoded files by path, size and time; what was
            decoded is kept there also when the work is interrupted.
    """
    memory = Memory(memory_file)
    try:
        images = _examine(table, table.columns["image"], "image", memory)
        masks = {
            region: _examine(table, paths, "mask", memory)
            for region, paths in table.mask_paths.items()
        }
    finally:
        memory.save()
    return Examination(images, masks)


def _examine(table: ImageTable, column: pa.ChunkedArray, kind: str, memory: Memory) -> Files:
    root, window = str(table.root), table.window if kind == "image" else None
    # the same file under another window is another image
    kept_as = kind if window is None else f"{kind} {window}"
    index, names = _distinct(column)
    batches = [names.slice(start, BATCH) for start in range(0, len(names), BATCH)]
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        found = list(pool.map(_stamp, batches, [root] * len(batches)))
    empty = Stamps(*(pa.array([], kind) for kind in STAMP_TYPES))
    stamps = Stamps(*(pa.concat_arrays(parts) for parts in zip(empty, *found, strict=True)))
    where = memory.find(kept_as, stamps)
    errors = np.full(len(where), None, object)
    waiting = np.flatnonzero(where < 0)
    for number, facts in _decode_all(stamps.path, waiting, kind, window):
        if isinstance(facts, str):
            errors[number] = facts
        elif stamps.time[number].is_valid:
            memory.add(kept_as, stamps, number, facts)
        else:
            errors[number] = "came into being while it was looked for: start again"
    where = memory.find(kept_as, stamps)
    return Files(index, _tabulate(stamps.path, errors, memory.facts(where)))


def _distinct(column: pa.Array | pa.ChunkedArray) -> tuple[np.ndarray, pa.Array]:
    """(rows,) indices into the distinct texts, and these; a blank is one past the last."""
    whole = column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column
    named = pc.if_else(pc.equal(whole, ""), pa.scalar(None, whole.type), whole)
    encoded = pc.dictionary_encode(named)
    index = pc.fill_null(encoded.indices, len(encoded.dictionary))
    return index.to_numpy(zero_copy_only=False), encoded.dictionary


def _stamp(names: pa.Array, root: str) -> Stamps:
    """Where files lie, their bytes and time of change; null where there is none."""
    paths = [os.path.join(root, name) for name in names.to_pylist()]
    stats = [_stat(path) for path in paths]
    columns = (paths, [one and one[0] for one in stats], [one and one[1] for one in stats])
    return Stamps(*(pa.array(c, kind) for c, kind in zip(columns, STAMP_TYPES, strict=True)))


def _stat(path: str) -> tuple[int, int] | None:
    try:
        return stat_file(path)
    except UnreadableImage:
        return None


def _decode_all(
    paths: pa.Array, waiting: np.ndarray, kind: str, window: Window | None
) -> Iterator[tuple[int, object]]:
    """Number and facts of each file; a batch at a time, so that Ctrl-C is soon heard."""

    def decode(number: int) -> tuple[int, object]:
        return number, decode_file(paths[number].as_py(), kind, window)

    def results() -> Iterator[tuple[int, object]]:
        pool = ThreadPoolExecutor(os.cpu_count())
        try:
            for start in range(0, len(waiting), BATCH):
                yield from pool.map(decode, waiting[start : start + BATCH].tolist())
        finally:
            pool.shutdown(cancel_futures=True)

    title = "Checking images" if kind == "image" else f"Checking {kind}s"
    yield from show_progress(results(), len(waiting), title)


def _tabulate(paths: pa.Array, errors: np.ndarray, facts: pa.Table) -> pa.Table:
    """Facts by file, zero and "" where nothing is known, with an entry for "no file" at the end."""
    columns = {
        "path": pa.concat_arrays([paths, pa.array([""], pa.string())]),
        "error": pa.array([*errors, None], pa.string()),
    }
    for field in SCHEMA:
        blank = pa.scalar("" if field.type == pa.string() else 0, field.type)
        known = pc.fill_null(facts[field.name].combine_chunks(), blank)
        columns[field.name] = pa.concat_arrays([known, pa.array([blank.as_py()], field.type)])
    return pa.table(columns)
