"""Manifest: a table with one row an image, CSV or Parquet.

Columns: ``image``, ``label``; optional ``id``, ``split``, ``group``, ``weight``, ``mask`` or
``mask_<region>`` (image files), ``box`` or ``box_<region>`` (four numbers in one column, or the
columns ``box_<region>_x0 _y0 _x1 _y1``), ``distractor_<name>`` (boxes alike, of what must not
count), and any column of the user's own. Blank means unknown.
"""

import csv
import re
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv
import pyarrow.parquet

from datamodules.problems import list_some, raise_problems
from datamodules.tables.boxes import BOX_SIDES, BoxFormat, read_boxes, region_of

MISSPELT = re.compile(r"(?i)distract[a-z]*_")
BLOCK = 16 * 2**20  # bytes of a CSV that are parsed at a time
NAMELESS = ("distractor", "distractor_", *(f"distractor_{side}" for side in BOX_SIDES))


@dataclass(frozen=True)
class RawTable:
    """A source as it was read, before classes, groups and splits are settled.

    Args:
        columns: All columns as text, one row an image; blank is "".
        boxes: Region name to (rows, 4) float64 of x0 y0 x1 y1, NaN where there is none.
        boxes_normalized: Whether the boxes are shares of the image's size.
        roots: Folders that files may lie in; paths are relative to the first.
        name: Where the rows come from, for messages.
        first_row: Number that people give the first row (2 below a header line).
        distractors: Name to (rows, 4) boxes, as ``boxes``, of what must not count.
        kept: (rows,) number of each row in the source; None: all of its rows are here.
        left_out: Class name to how many of its images were left out (``data.class_map``).
    """

    columns: pa.Table
    boxes: dict[str, np.ndarray]
    boxes_normalized: bool
    roots: tuple[Path, ...]
    name: str
    first_row: int
    distractors: dict[str, np.ndarray] = field(default_factory=dict)
    kept: np.ndarray | None = None
    left_out: dict[str, int] = field(default_factory=dict)

    def row_number(self, row: int) -> int:
        """The number of a row as its reader finds it."""
        return self.first_row + (row if self.kept is None else int(self.kept[row]))

    def row_name(self, row: int) -> str:
        """Name a row as its reader finds it."""
        return f"{self.name} row {self.row_number(row)}"

    def with_columns(self, columns: pa.Table) -> "RawTable":
        """The same rows with other columns."""
        return replace(self, columns=columns)

    def keep(self, rows: np.ndarray, left_out: dict[str, int]) -> "RawTable":
        """Some of the rows alone, in ascending order, which keep their names."""
        return replace(
            self,
            columns=self.columns.take(pa.array(rows)),
            boxes={name: boxes[rows] for name, boxes in self.boxes.items()},
            distractors={name: boxes[rows] for name, boxes in self.distractors.items()},
            kept=rows if self.kept is None else self.kept[rows],
            left_out=left_out,
        )

    @cached_property
    def images_repeat(self) -> bool:
        """Whether an image stands in several rows, which a column ``id`` then tells apart."""
        images = self.columns["image"]
        return pc.count_distinct(images).as_py() < len(images)

    def is_filled(self, column: str) -> bool:
        """Whether there is such a column with anything in it."""
        names = self.columns.column_names
        return column in names and bool(pc.any(pc.not_equal(self.columns[column], "")).as_py())


def read_manifest(path: Path, root: str | None, box_format: BoxFormat) -> RawTable:
    """Read a manifest into text columns and boxes.

    Args:
        path: CSV (comma, semicolon or tab) or Parquet file.
        root: Folder that its paths are relative to; None takes the manifest's own.
        box_format: What the numbers of a box mean.

    Raises:
        ValueError: It is missing, unreadable, empty, lacks a column or has a bad box.
    """
    if not path.is_file():
        raise ValueError(
            f"data.manifest: there is no file {path}. Give the path of a CSV or Parquet table."
        )
    folder = path.parent if root is None else Path(root)
    if not folder.is_dir():
        raise ValueError(
            f"data.root: there is no folder {folder}. Paths of the manifest are relative to it."
        )
    columns = _read_text(path)
    problems = _find_column_problems(columns, path)
    raise_problems(problems, str(path))
    normalized = box_format.endswith("_normalized")
    raw = RawTable(columns, {}, normalized, (folder.resolve(),), path.name, 2)
    for kind, boxes in (("box", raw.boxes), ("distractor", raw.distractors)):
        boxes.update(read_boxes(columns, kind, box_format, raw.row_name, problems))
    raise_problems(problems, raw.name)
    return raw


def _read_text(path: Path) -> pa.Table:
    """All columns as text with surrounding blanks removed and null as ""."""
    parquet = path.suffix.lower() in (".parquet", ".pq")
    try:
        table = pa.parquet.read_table(path) if parquet else read_csv(path)
        if parquet:
            table.validate(full=True)  # a broken file may hold text that is none
        names = [name.strip() for name in table.column_names]
        texts = []
        while table.num_columns:  # one at a time: millions of rows are not kept twice
            texts.append(_clean(names[len(texts)], table.column(0)))
            table = table.remove_column(0)
    except UnicodeDecodeError as error:
        raise ValueError(
            f"{path} is no text in UTF-8 ({error.reason} at byte {error.start}); save it as UTF-8 "
            "(spreadsheets call it CSV UTF-8)."
        ) from error
    except (pa.ArrowException, OSError) as error:
        expected = "comma, semicolon or tab between cells, and quotes that are closed"
        if parquet:
            expected = "Parquet, as the name says: write the file again, or call CSV .csv"
        raise ValueError(
            f"{path} cannot be read as a table of text and numbers: {error} (expected {expected})"
        ) from error
    if len(set(names)) < len(names):
        raise ValueError(f"{path} has two columns of one name (blanks around it do not count).")
    return pa.table(texts, names)


def _clean(name: str, column: pa.ChunkedArray) -> pa.ChunkedArray:
    text = pc.utf8_trim_whitespace(pc.fill_null(_to_text(column), ""))
    if name == "image" or region_of(name, "mask"):  # written on Windows, read anywhere
        text = pc.replace_substring(text, "\\", "/")
    return text


def _to_text(column: pa.ChunkedArray) -> pa.ChunkedArray:
    if pa.types.is_list(column.type) or pa.types.is_fixed_size_list(column.type):
        return pa.chunked_array(
            [[None if v is None else " ".join(map(str, v)) for v in column.to_pylist()]]
        )
    return column.cast(pa.string())


def read_csv(path: Path) -> pa.Table:
    """Read a CSV file whose columns are text; comma, semicolon or tab, as its header has them."""
    with path.open(encoding="utf-8-sig", newline="") as file:
        header = file.readline()
    separator = max(",;\t", key=header.count)
    names = next(csv.reader([header.rstrip("\r\n")], delimiter=separator), [])
    repeated = sorted({name for name in names if names.count(name) > 1})
    if repeated:
        raise ValueError(f"{path} has more than one column named {list_some(repeated)}; keep one.")
    parse = pa.csv.ParseOptions(delimiter=separator, newlines_in_values=True)
    convert = pa.csv.ConvertOptions(column_types=dict.fromkeys(names, pa.string()))
    for threads in (True, False):  # one alone knows the number of a row that is wrong
        try:
            read = pa.csv.ReadOptions(block_size=BLOCK, use_threads=threads)
            return pa.csv.read_csv(path, read, parse, convert)
        except pa.ArrowInvalid:
            if not threads:
                raise


def _find_column_problems(columns: pa.Table, path: Path) -> list[str]:
    missing = [name for name in ("image", "label") if name not in columns.column_names]
    if missing:
        return [
            f"the column {name!r} is missing. Columns found: {', '.join(columns.column_names)}"
            for name in missing
        ]
    if not columns.num_rows:
        return ["it has no rows"]
    problems = [
        f"the column {name!r} does not say what it is a box of; call it distractor_<name> or "
        f"distractor_<name>_x0 and so on, such as distractor_text"
        for name in columns.column_names
        if name in NAMELESS
    ]
    problems += [
        f"the column {name!r} looks like a distractor and is none; call it distractor_<name>"
        for name in columns.column_names
        if MISSPELT.match(name) and not name.startswith("distractor_")
    ]
    for name in ("image", "label"):
        rows = np.flatnonzero(pc.equal(columns[name], "").to_numpy(zero_copy_only=False))
        if len(rows):
            problems.append(f"{name!r} is blank in row {list_some([row + 2 for row in rows])}")
    return problems
