"""Any text in any cell: a table, or a message that names it; hypothesis looks for the third."""

import csv
from pathlib import Path

from fuzz.child import try_table
from fuzz.table_seeds import CELLS, NAMES, make_rows
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=20) | st.sampled_from(CELLS)
FEW = settings(
    max_examples=100,
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)


def write(path: Path, names: list[str], rows: list[list[str]]) -> Path:
    with path.open("w", encoding="utf-8", errors="replace", newline="") as file:
        csv.writer(file).writerows([names, *rows])
    return path


@FEW
@given(st.lists(st.tuples(st.integers(0, 23), st.sampled_from(NAMES), TEXT), max_size=6))
def test_any_cells_in_a_whole_table(tmp_path, changes):
    rows = make_rows()
    for row, name, text in changes:
        rows[row][name] = text
    try_table(write(tmp_path / "table.csv", list(NAMES), [list(row.values()) for row in rows]))


@FEW
@given(st.lists(TEXT, max_size=4), st.lists(st.lists(TEXT, max_size=5), max_size=5))
def test_any_header_and_any_rows(tmp_path, names, rows):
    try_table(write(tmp_path / "table.csv", ["image", "label", *names], rows))


@FEW
@given(st.binary(max_size=200))
def test_any_bytes(tmp_path, data):
    for name in ("table.csv", "table.parquet"):
        (tmp_path / name).write_bytes(data)
        try_table(tmp_path / name)


def test_the_whole_table_is_one(tmp_path):
    rows = [list(row.values()) for row in make_rows()]
    assert try_table(write(tmp_path / "table.csv", list(NAMES), rows)) == ""
