"""Which format a file or folder of annotations has, told by its content."""

from collections import Counter
from pathlib import Path
from typing import Any

import pyarrow as pa

from datamodules.annotations.coco import is_coco, load_coco, read_coco
from datamodules.annotations.cvat import read_cvat
from datamodules.annotations.found import Annotations
from datamodules.annotations.labelme import is_labelme, read_labelme
from datamodules.annotations.plain import read_plain, read_plain_file
from datamodules.annotations.plain_columns import NAMES
from datamodules.annotations.records import check_records, load_json, many_objects, shorten
from datamodules.annotations.several_coco import read_several_coco
from datamodules.annotations.yolo import NAMES as CLASS_FILES
from datamodules.annotations.yolo import read_yolo
from datamodules.problems import list_some, raise_problems
from datamodules.tables.boxes import BoxFormat

FORMATS = (
    "COCO (JSON with images, annotations, categories, or a list of results), LabelMe (JSON with "
    "shapes, a file an image), CVAT for images (XML), YOLO (a text file an image), or a table "
    "(CSV, Parquet, JSON list) of image and box"
)
ASIDE = {*CLASS_FILES, "readme.txt", "license.txt"}
SUFFIXES = (".json", ".xml", ".txt", ".csv", ".parquet")


def read_annotations(
    path: Path, key: str, box_format: BoxFormat = "xyxy", with_shapes: bool = False
) -> Annotations:
    """Read annotations of any format that is known.

    Args:
        path: One file, or a folder with a file an image.
        key: The option that named it, for messages.
        box_format: What the numbers of a plain table's boxes mean.
        with_shapes: Whether outlines and masks are wanted beside the boxes.

    Raises:
        ValueError: There is nothing, it is of no known format, or values are wrong.
    """
    if not path.exists():
        raise ValueError(f"{key}: there is no file or folder {path}. Expected {FORMATS}.")
    with many_objects():
        if path.is_dir():
            found = _read_folder(path, key, box_format, with_shapes)
        else:
            found = _read_file(path, box_format, with_shapes)
    if not len(found.names):
        raise ValueError(f"{key}: {path} names no image.")
    return found


def _read_file(path: Path, box_format: BoxFormat, with_shapes: bool) -> Annotations:
    with path.open("rb") as file:
        start = file.read(4096)
    first = start.lstrip(b"\xef\xbb\xbf \t\r\n")[:1]
    if not first:
        raise ValueError(f"{path} is empty. Expected {FORMATS}.")
    if start.startswith(b"PAR1") or first not in b"{[<":
        return read_plain(read_plain_file(path), path.name, box_format, 2)
    if first == b"<":
        return read_cvat(path)
    content = load_coco(path, with_shapes)
    if is_labelme(content):
        return read_labelme([path], path.parent, path.name)
    if _is_plain(content):
        return read_plain(_tabulate(content, path), path.name, box_format, 0)
    if is_coco(content):
        return read_coco(content, path.name, with_shapes)
    keys = list_some(list(content), 10) if isinstance(content, dict) else shorten(content)
    raise ValueError(f"{path} is of no known format: found {keys}. Expected {FORMATS}.")


def _is_plain(content: Any) -> bool:  # noqa: ANN401
    """A list of objects that name their image in words."""
    first = content[0] if isinstance(content, list) and content else None
    return isinstance(first, dict) and any(word in first for word in NAMES["image"][:-1])


def _tabulate(content: list[Any], path: Path) -> pa.Table:
    problems: list[str] = []
    check_records(content, "list", problems)
    raise_problems(problems, path.name)
    try:
        return pa.Table.from_pylist(content)
    except (pa.ArrowException, OverflowError, TypeError, ValueError) as error:
        raise ValueError(f"{path}: a key has values of several kinds: {error}") from error


def _read_folder(folder: Path, key: str, box_format: BoxFormat, with_shapes: bool) -> Annotations:
    """One file an image; the kind of file that there are most of."""
    paths = [path for path in sorted(folder.rglob("*")) if path.suffix.lower() in SUFFIXES]
    paths = [
        path
        for path in paths
        if path.is_file() and not path.name.startswith(".") and path.name.lower() not in ASIDE
    ]
    if not paths:
        raise ValueError(f"{key}: {folder} holds no files of annotations. Expected {FORMATS}.")
    counts = Counter(path.suffix.lower() for path in paths)
    suffix = counts.most_common(1)[0][0]
    chosen = [path for path in paths if path.suffix.lower() == suffix]
    others = [
        path for path in paths if path.suffix.lower() != suffix and path.name != "classes.txt"
    ]
    if others:
        names = [path.relative_to(folder).as_posix() for path in others]
        raise ValueError(
            f"{key}: {folder} holds {len(chosen)} {suffix} files and also {list_some(names)}. "
            "Keep one format in a folder, or name one file."
        )
    if suffix == ".json" and is_coco(load_json(chosen[0])):
        return read_several_coco(chosen, folder, with_shapes)
    if suffix == ".json":
        return read_labelme(chosen, folder, folder.name)
    if suffix == ".txt":
        return read_yolo(chosen, folder, folder.name)
    if suffix == ".xml":
        raise ValueError(f"{key}: {folder} is a folder of XML files; name one file of CVAT.")
    return _join_tables(chosen, folder, box_format)


def _join_tables(paths: list[Path], folder: Path, box_format: BoxFormat) -> Annotations:
    """Tables of boxes, a file an image, whose name it has where no column does."""
    tables = []
    for path in paths:
        table = read_plain_file(path)
        if not set(NAMES["image"]) & set(table.column_names):
            name = path.relative_to(folder).with_suffix("").as_posix()
            table = table.append_column("image", pa.array([name] * len(table), pa.string()))
        tables.append(table)
    try:
        joined = pa.concat_tables(tables, promote_options="permissive")
    except pa.ArrowException as error:
        raise ValueError(f"{folder}: its tables do not have the same columns: {error}") from error
    return read_plain(joined, folder.name, box_format, 1)
