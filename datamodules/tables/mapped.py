"""Large values in files that every loading process maps, instead of a copy in each.

Where processes are spawned and not forked (macOS, Windows) a data set is pickled for each of them;
of its table then only the places of these files travel.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from datamodules.tables.codes import Codes


@dataclass(frozen=True)
class Mapped:
    """A value in a file: an array (.npy), or a table of one or of many columns (.arrow)."""

    file: Path
    column: bool = False

    def open(self) -> np.ndarray | pa.Table | pa.ChunkedArray:
        """The value, whose pages are read when they are looked at."""
        if self.file.suffix == ".npy":
            return np.load(self.file, mmap_mode="r", allow_pickle=False)
        table = pa.ipc.open_file(pa.memory_map(str(self.file))).read_all()
        return table.column(0) if self.column else table


@dataclass(frozen=True)
class MappedCodes:
    """Codes whose numbers are in a file."""

    numbers: Mapped
    words: pa.Array


def put_in_files(value: Any, folder: Path) -> Any:  # noqa: ANN401
    """Write what is large of a value to new files, and return what stands for it."""
    if isinstance(value, dict):
        return {name: put_in_files(inner, folder) for name, inner in value.items()}
    if isinstance(value, Codes):
        return MappedCodes(put_in_files(value.numbers, folder), value.words)
    if isinstance(value, pa.ChunkedArray):
        return Mapped(put_in_files(pa.table({"": value}), folder).file, column=True)
    file = folder / str(len(list(folder.iterdir())))
    if isinstance(value, np.ndarray):
        np.save(file.with_suffix(".npy"), value, allow_pickle=False)
        return Mapped(file.with_suffix(".npy"))
    if isinstance(value, pa.Table):
        with pa.OSFile(str(file.with_suffix(".arrow")), "wb") as sink:
            with pa.ipc.new_file(sink, value.schema) as writer:
                writer.write_table(value)
        return Mapped(file.with_suffix(".arrow"))
    return value


def take_from_files(value: Any) -> Any:  # noqa: ANN401
    """What ``put_in_files`` was given."""
    if isinstance(value, dict):
        return {name: take_from_files(inner) for name, inner in value.items()}
    if isinstance(value, MappedCodes):
        return Codes(value.numbers.open(), value.words)
    return value.open() if isinstance(value, Mapped) else value
