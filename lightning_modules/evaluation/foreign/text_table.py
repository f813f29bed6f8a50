"""A CSV file as a table of text; what keeps it from being one is said."""

import csv
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
from pyarrow import csv as arrow_csv

FIRST_ROW = 2  # as spreadsheets number them: the header is row 1
OTHER_KINDS = {b"PK": "a spreadsheet (or another zip)", b"PAR1": "Parquet", b"\x93NUMPY": "NumPy"}
SAVE = "Save it as CSV in UTF-8, separated by commas (pandas: to_csv(file, index=False))."
DELIMITERS = {";": "semicolons", "\t": "tabs", "|": "bars"}
SNIFFED = 65536  # bytes


def read_text_table(path: Path) -> pa.Table:
    """Read every column as text, a blank cell as "".

    Raises:
        ValueError: It is not there, empty, no CSV, or separated by something else.
    """
    _check_file(path)
    names = _read_header(path)
    _check_names(path, names)
    try:
        table = arrow_csv.read_csv(
            path,
            convert_options=arrow_csv.ConvertOptions(
                column_types=dict.fromkeys(names, pa.string()), strings_can_be_null=False
            ),
            parse_options=arrow_csv.ParseOptions(newlines_in_values=True),
        )
    except pa.ArrowInvalid as error:
        reason = str(error).replace("CSV parse error: ", "").splitlines()[0]
        raise ValueError(f"{path} is no whole table ({reason}). {SAVE}") from error
    if not table.num_rows:
        raise ValueError(f"{path} has a header and no row below it: there is nothing to evaluate.")
    return table


def _check_file(path: Path) -> None:
    if path.is_dir():
        inside = path / "predictions.csv"
        there = f" Name the file in it: {inside}." if inside.is_file() else ""
        raise ValueError(f"{path} is a folder, expected a CSV file of predictions.{there}")
    if not path.is_file():
        raise ValueError(f"There is no file {path}. Expected a CSV file of predictions.")
    with path.open("rb") as file:
        begin = file.read(SNIFFED)
    if not begin.strip():
        raise ValueError(f"{path} is empty. Expected a CSV file of predictions, with a header.")
    kind = next((what for magic, what in OTHER_KINDS.items() if begin.startswith(magic)), None)
    if kind is not None or b"\0" in begin:
        raise ValueError(f"{path} is {kind or 'no text'}, and no CSV. {SAVE}")


def _read_header(path: Path) -> list[str]:
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            return next(csv.reader(file), [])
    except (UnicodeDecodeError, csv.Error) as error:
        raise ValueError(f"{path} is no CSV in UTF-8 ({error}). {SAVE}") from error


def _check_names(path: Path, names: list[str]) -> None:
    if names and names[0].startswith("sep="):
        raise ValueError(
            f"{path} begins with {','.join(names)!r}, which only Excel understands: remove that "
            "line, so that the header is the first."
        )
    if len(names) == 1:
        found = next((word for sign, word in DELIMITERS.items() if sign in names[0]), None)
        what = "has one column only" if found is None else f"is separated by {found}"
        raise ValueError(f"{path} {what}: {names[0][:60]!r}. {SAVE}")
    twice = [name for name, number in Counter(names).items() if number > 1]
    if twice:
        raise ValueError(
            f"{path} has more than one column {', '.join(map(repr, twice))}: which one counts is "
            "not known. Rename or remove the others."
        )


def name_rows(rows: list[int], most: int = 5) -> str:
    """Rows as a spreadsheet numbers them: ``row 2``, ``rows 2, 5, 9 and 30 more``."""
    shown = ", ".join(str(row + FIRST_ROW) for row in rows[:most])
    more = f" and {len(rows) - most} more" if len(rows) > most else ""
    return f"row{'' if len(rows) == 1 else 's'} {shown}{more}"


def to_text(table: pa.Table, column: str) -> np.ndarray:
    """A column as (N,) text."""
    return np.array(table[column].to_pylist(), dtype=np.str_)


def raise_problems(path: Path, problems: Sequence[str]) -> None:
    """Raise one ValueError of all that is wrong with a file; do nothing where nothing is."""
    if problems:
        count = "1 problem" if len(problems) == 1 else f"{len(problems)} problems"
        raise ValueError("\n  ".join([f"{count} in {path}:", *problems]))
