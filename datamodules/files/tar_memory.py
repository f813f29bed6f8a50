"""What was read from a tar, kept until it changes, in Arrow files that all processes map."""

import hashlib
import os
from pathlib import Path

import pyarrow as pa

FOLDER = Path(__file__).parents[1] / "outputs" / "cache" / "shards"
VERSION = "1"


def recall(tar: str, size: int, time: int, kind: str) -> pa.Table | None:
    """What was remembered of a tar of this path, size and time (ns); None: nothing, or broken."""
    place = _place(tar, kind)
    if not place.is_file():
        return None
    try:
        table = pa.ipc.open_file(pa.memory_map(str(place))).read_all()
    except (OSError, pa.ArrowInvalid):
        return None  # a broken memory only costs the reading of the tar
    known = {key.decode(): value.decode() for key, value in (table.schema.metadata or {}).items()}
    return table if known == _stamp(tar, size, time) else None


def remember(tar: str, size: int, time: int, kind: str, table: pa.Table) -> None:
    """Keep a table for the next time; where nothing can be written, nothing is kept."""
    place = _place(tar, kind)
    beside = place.with_name(f".{place.name}.{os.getpid()}")
    table = table.replace_schema_metadata(_stamp(tar, size, time)).combine_chunks()
    try:
        place.parent.mkdir(parents=True, exist_ok=True)
        with pa.ipc.new_file(beside, table.schema) as file:
            file.write_table(table)
        os.replace(beside, place)
    except OSError:
        return  # a checkout that cannot be written to reads its tars again


def _place(tar: str, kind: str) -> Path:
    return FOLDER / f"{hashlib.sha256(os.fsencode(tar)).hexdigest()[:32]}_{kind}.arrow"


def _stamp(tar: str, size: int, time: int) -> dict[str, str]:
    return {"path": tar, "size": str(size), "time": str(time), "version": VERSION}
