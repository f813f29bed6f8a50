"""Tar shards in WebDataset's layout: files of one key and different suffixes are one image.

``a/0001.jpg`` with ``a/0001.cls`` (the label, as text or number) or ``a/0001.json`` (an object with
``label`` and any further columns: ``group``, ``split``, ``site``, ``box``); without either the
label is the folder inside the tar. ``0001.mask.png`` or ``0001.<region>.mask.png`` is its mask.
"""

import glob
import json
import os
import re
from collections.abc import Iterator, Sequence
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from datamodules.files.tar_index import Tar, open_tar
from datamodules.files.tar_memory import recall, remember
from datamodules.files.unreadable import UnreadableImage
from datamodules.problems import list_some, raise_problems
from datamodules.tables.boxes import BoxFormat, read_boxes, region_of
from datamodules.tables.folder import IMAGE_SUFFIXES, SPLIT_FOLDERS, is_text
from datamodules.tables.manifest import RawTable

LABEL_SUFFIXES = ("cls", "txt")
Row = dict[str, str]


def read_shards(shards: Sequence[str], box_format: BoxFormat) -> RawTable:
    """List the images of tars, in the order of their names.

    Args:
        shards: Folders of uncompressed tars, or their paths or patterns (``*``, ``{000..099}``).
        box_format: What the numbers of a box mean.

    Raises:
        ValueError: There are no such tars, they are broken, or their images have no label.
    """
    tars = _find_tars(shards)
    root = Path(os.path.commonpath([tar.parent for tar in tars]))
    problems: list[str] = []
    chunks = []
    for tar in tars:
        try:
            chunks.append(_read_tar(open_tar(str(tar)), tar.relative_to(root).as_posix(), problems))
        except UnreadableImage as error:
            problems.append(str(error))
    raise_problems(problems, "data.shards")
    columns = pa.concat_tables(chunks, promote_options="default")
    if not columns.num_rows:
        raise ValueError(
            f"data.shards: {list_some(tars, 3)} hold no images. Expected members such as "
            f"0001.jpg with 0001.cls beside it; suffixes {', '.join(sorted(IMAGE_SUFFIXES))}."
        )
    filled = {name: columns[name].fill_null("") for name in columns.column_names}
    raw = RawTable(pa.table(filled), {}, box_format.endswith("_normalized"), (root,), root.name, 1)
    for kind, boxes in (("box", raw.boxes), ("distractor", raw.distractors)):
        boxes.update(read_boxes(raw.columns, kind, box_format, raw.row_name, problems))
    raise_problems(problems, raw.name)
    return raw


def _find_tars(shards: Sequence[str]) -> list[Path]:
    found, problems = [], []
    for pattern in shards:
        words = expand_braces(pattern)
        words = [os.path.join(word, "*.tar") if os.path.isdir(word) else word for word in words]
        paths = [path for word in words for path in sorted(glob.glob(word))]
        if not paths:
            problems.append(f"data.shards: {pattern} names no tar")
        found += [Path(path).resolve() for path in paths]
    problems += [
        f"data.shards: {path} is not an uncompressed tar (.tar); unpack its compression"
        for path in found
        if path.suffix.lower() != ".tar"
    ]
    raise_problems(problems, "the options of data")
    return list(dict.fromkeys(found))


def expand_braces(pattern: str) -> list[str]:
    """``a-{000..002}.tar`` as ``a-000.tar``, ``a-001.tar``, ``a-002.tar``, as WebDataset does."""
    match = re.search(r"\{(\d+)\.\.(\d+)\}", pattern)
    if match is None:
        return [os.path.expanduser(pattern)]
    first, last = match.groups()
    numbers = range(int(first), int(last) + 1)
    return [
        word
        for number in numbers
        for word in expand_braces(
            f"{pattern[: match.start()]}{number:0{len(first)}d}{pattern[match.end() :]}"
        )
    ]


def _read_tar(tar: Tar, place: str, problems: list[str]) -> pa.Table:
    """Rows of one tar, remembered if they have no mistakes; ``place`` is its path in the root."""
    columns = recall(tar.path, tar.size, tar.time, "rows")
    if columns is None:
        found: list[str] = []
        columns = _to_table(list(_list_rows(tar, found)))
        problems += [f"{place}/{problem}" for problem in found]
        if not found:
            remember(tar.path, tar.size, tar.time, "rows", columns)
    for index, name in enumerate(columns.column_names):
        if _is_path(name):
            named = pc.binary_join_element_wise(f"{place}/", columns[name], "")
            whole = pc.if_else(pc.equal(columns[name], ""), "", named)
            columns = columns.set_column(index, name, whole)
    words = [word.lower() for word in re.findall("[A-Za-z]+", Path(place).stem)]
    split = next((SPLIT_FOLDERS[word] for word in words if word in SPLIT_FOLDERS), None)
    if split is not None and "split" not in columns.column_names:
        columns = columns.append_column("split", pa.array([split] * len(columns), pa.string()))
    return columns


def _list_rows(tar: Tar, problems: list[str]) -> Iterator[Row]:
    for key, members in _group_by_key(tar.list_files()):
        images = [suffix for suffix in members if f".{suffix}" in IMAGE_SUFFIXES]
        if len(images) != 1:
            if images:
                problems.append(f"{key} has several images: {list_some(images)}; keep one")
            continue
        row = {"image": members[images[0]], "label": _folder_of(key)}
        try:
            row |= _read_beside(tar, members)
        except (ValueError, RecursionError) as error:
            problems.append(f"{key}: {error}")
        for suffix, name in members.items():
            region, dot, kind = suffix.rpartition("mask.")
            if dot and f".{kind}" in IMAGE_SUFFIXES:
                row[f"mask_{region.rstrip('.')}".rstrip("_")] = name
        if not is_text("".join([*row, *row.values()])):
            problems.append(f"{key!a} has a name or a value that is no text in UTF-8")
            continue
        if not row["label"]:
            problems.append(f"{key} has no label: add {key}.cls, or a label to {key}.json")
        yield row


def _group_by_key(names: Sequence[str]) -> Iterator[tuple[str, dict[str, str]]]:
    """Members by what stands before the first dot of their name: suffix to name."""
    groups: dict[str, dict[str, str]] = {}
    for name in names:
        folder, _, file = name.rpartition("/")
        stem, _, suffix = file.partition(".")
        if stem:  # hidden files, such as those that macOS packs beside each
            key = f"{folder}/{stem}" if folder else stem
            groups.setdefault(key, {})[suffix.lower()] = name
    yield from groups.items()


def _folder_of(key: str) -> str:
    parts = key.split("/")
    folders = parts[1:-1] if parts[0].lower() in SPLIT_FOLDERS else parts[:-1]
    return folders[0] if folders else ""


def _read_beside(tar: Tar, members: dict[str, str]) -> Row:
    """Columns from the files beside an image."""
    row: Row = {}
    if "json" in members:
        found = json.loads(tar.read(members["json"]))
        if not isinstance(found, dict):
            raise ValueError("its json is no object with names and values")
        row |= {
            name.strip(): _to_text(value)
            for name, value in found.items()
            if not _is_path(name.strip()) and not isinstance(value, dict)
        }
    for suffix in LABEL_SUFFIXES:
        if suffix in members and "label" not in row:
            row["label"] = tar.read(members[suffix]).decode("utf-8-sig").strip()
    return row


def _is_path(column: str) -> bool:
    """Whether a column says where a file lies, which a json cannot."""
    return column == "image" or region_of(column, "mask") is not None


def _to_text(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, list):
        return " ".join(_to_text(part) for part in value)
    return str(value).lower() if isinstance(value, bool) else str(value).strip()


def _to_table(rows: list[Row]) -> pa.Table:
    names = dict.fromkeys(["image", "label", *(name for row in rows for name in row)])
    return pa.table({n: pa.array([row.get(n, "") for row in rows], pa.string()) for n in names})
