"""Where each member of a tar lies, found once by reading its headers and remembered on disk."""

import os
import tarfile
from bisect import bisect_left
from collections.abc import Callable, Iterator
from functools import cache, lru_cache
from pathlib import PurePosixPath

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from datamodules.files.tar_memory import recall, remember
from datamodules.files.unreadable import UnreadableImage

NOT_A_FILE = -1  # the size of a link, device or sparse member
BLOCK = 512
# gzip, bzip2, xz and zstd
COMPRESSED = (b"\x1f\x8b", b"BZh", b"\xfd7zXZ", b"\x28\xb5\x2f\xfd")
# files at a time in one process, as macOS allows them; a tar and its index take two
MOST_FILES, FEWEST_FILES = 10_240, 256


class Tar:
    """An uncompressed tar, open to read members by name; threads and forks may share it.

    Args:
        path: The tar.
        size: Its bytes.
        time: Its modification time in ns.
        index: Columns ``name`` (binary, sorted), ``offset`` and ``size`` in bytes.
    """

    def __init__(self, path: str, size: int, time: int, index: pa.Table) -> None:
        self.path = path
        self.size = size
        self.time = time
        self.names = index["name"].chunk(0) if index.num_rows else pa.array([], pa.large_binary())
        self._offsets = _vector(index, "offset")
        self._sizes = _vector(index, "size")
        self._file = open(path, "rb", buffering=0)

    def __del__(self) -> None:
        """Closed when nobody reads any more: another thread may, while this one is forgotten."""
        if hasattr(self, "_file"):
            self._file.close()

    def list_files(self) -> list[str]:
        """Names of all plain files, sorted."""
        names = self.names.filter(pa.array(self._sizes >= 0, pa.bool_()))
        return [name.decode("utf-8", "surrogateescape") for name in names.to_pylist()]

    def find(self, name: str) -> tuple[int, int]:
        """Offset and size of a member in bytes.

        Raises:
            UnreadableImage: There is none of that name, or it is a link.
        """
        wanted = name.encode("utf-8", "surrogateescape")
        names = self.names
        place = bisect_left(range(len(names)), wanted, key=lambda i: names[i].as_py())
        if place == len(names) or names[place].as_py() != wanted:
            raise UnreadableImage(f"{self.path}/{name}", "does not exist: the tar has no such name")
        offset, size = int(self._offsets[place]), int(self._sizes[place])
        if size == NOT_A_FILE:
            raise UnreadableImage(
                f"{self.path}/{name}", "is a link or no plain file; pack the file itself"
            )
        return offset, size

    def read(self, name: str) -> bytes:
        """The bytes of a member; raises as ``find``."""
        offset, size = self.find(name)
        if hasattr(os, "pread"):  # no position that threads and forks would share
            data = _read_at(self._file.fileno(), offset, size)
        else:
            with open(self.path, "rb") as file:
                file.seek(offset)
                data = file.read(size)
        if len(data) < size:
            raise UnreadableImage(f"{self.path}/{name}", "is cut off: the tar ends too early")
        return data


def open_tar(path: str) -> Tar:
    """Open a tar, or give it again while it is unchanged.

    Raises:
        UnreadableImage: It is no tar, is compressed or broken.
    """
    try:
        found = os.stat(path)
    except OSError as error:
        raise UnreadableImage(path, f"cannot be opened: {error.strerror}") from error
    return _opener()(os.path.abspath(path), found.st_size, found.st_mtime_ns)


@cache
def _opener() -> Callable[[str, int, int], Tar]:
    """Keeps as many tars open as half of the files that the system allows a process."""
    allowed = FEWEST_FILES
    try:
        import resource

        now, most = resource.getrlimit(resource.RLIMIT_NOFILE)
        allowed = min(most, MOST_FILES) if most >= 0 else MOST_FILES
        resource.setrlimit(resource.RLIMIT_NOFILE, (max(now, allowed), most))
    except (ImportError, ValueError, OSError):
        allowed = FEWEST_FILES  # Windows, or a system that does not allow it
    return lru_cache(allowed // 4)(_open_tar)


def _open_tar(path: str, size: int, time: int) -> Tar:
    index = recall(path, size, time, "index")
    if index is None:
        index = _read_index(path, size)
        remember(path, size, time, "index", index)
    return Tar(path, size, time, index)


def _read_index(path: str, size: int) -> pa.Table:
    names, offsets, sizes = [], [], []
    for member in _walk(path, size):
        parts = PurePosixPath(member.name).parts
        if member.isdir() or ".." in parts or member.name.startswith("/"):
            continue  # what leaves the tar has no path that leads to it
        plain = member.type in tarfile.REGULAR_TYPES and not member.issparse()
        names.append("/".join(parts).encode("utf-8", "surrogateescape"))
        offsets.append(member.offset_data)
        sizes.append(member.size if plain else NOT_A_FILE)
    table = pa.table(
        {
            "name": pa.array(names, pa.large_binary()),
            "offset": pa.array(offsets, pa.int64()),
            "size": pa.array(sizes, pa.int64()),
        }
    )
    order = pc.sort_indices(table, [("name", "ascending"), ("offset", "ascending")])
    table = table.take(order).combine_chunks()
    # of a name that was packed twice the last counts, as when it is unpacked
    last = np.ones(table.num_rows, bool)
    if table.num_rows > 1:
        last[:-1] = pc.not_equal(table["name"][:-1], table["name"][1:]).to_numpy()
    return table.filter(pa.array(last, pa.bool_())).combine_chunks()


def _walk(path: str, size: int) -> Iterator[tarfile.TarInfo]:
    """All members in order; a tar that breaks off in the middle is an error and not its end."""
    try:
        with tarfile.open(path, "r:") as tar:
            while (member := tar.next()) is not None:
                tar.members.clear()  # it would remember every one
                if member.offset_data + max(member.size, 0) > size and member.isreg():
                    raise tarfile.ReadError(f"it ends inside of {member.name}")
                yield member
            tar.fileobj.seek(tar.offset)
            if tar.fileobj.read(BLOCK).strip(b"\0"):
                raise tarfile.ReadError(f"no header at byte {tar.offset}")
    except (tarfile.TarError, OSError, ValueError, OverflowError, MemoryError) as error:
        with open(path, "rb") as file:
            packed = file.read(6).startswith(COMPRESSED)
        advice = "it is compressed: unpack its compression" if packed else "pack it again"
        raise UnreadableImage(path, f"is no whole tar ({error}); {advice}") from error


def _read_at(descriptor: int, offset: int, size: int) -> bytes:
    data = os.pread(descriptor, size, offset)
    while len(data) < size:  # the system may give less than was asked for
        more = os.pread(descriptor, size - len(data), offset + len(data))
        if not more:
            break
        data += more
    return data


def _vector(index: pa.Table, name: str) -> np.ndarray:
    return index[name].combine_chunks().to_numpy()
