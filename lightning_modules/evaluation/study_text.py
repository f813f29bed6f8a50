"""A study as text: a table that reads well in a terminal and on GitHub."""

from collections.abc import Sequence

from lightning_modules.evaluation.study import Row, columns_of
from lightning_modules.evaluation.study_columns import PICTURED, Column

NOTHING = "-"
UNFINISHED = "not finished"
LONGEST_REASON = 160  # characters in the table; the csv files have all of it
UNITS = "Shares in per cent; mean ± standard deviation over the runs of a variant."


def describe_study(title: str, rows: Sequence[Row], command: str, date: str) -> str:
    """The whole study.md: table, what its columns mean, how it was made and on what.

    Args:
        title: Its heading.
        rows: A variant each.
        command: What was typed.
        date: Of the writing.
    """
    columns = columns_of(rows)
    lines = [f"# {title}", "", make_table(rows), "", UNITS, ""]
    lines += [f"- **{column.title}**: {column.meaning}" for column in columns]
    lines += ["", *_describe_test(rows), f"Written {date} by", "", f"    {command}"]
    if any(column.metric == PICTURED for column in columns):
        lines += ["", "![Accuracy of each variant](study.png)"]
    return "\n".join(lines) + "\n"


def make_table(rows: Sequence[Row], width: int | None = None) -> str:
    """The table in Markdown, its columns aligned for a terminal as well.

    Args:
        rows: A variant each.
        width: Characters that a line may have; columns that do not fit are left out from the right.
    """
    cells = _cells(rows)
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    while width is not None and len(widths) > 2 and sum(widths) + 3 * len(widths) + 1 > width:
        widths.pop()
    rule = ["-" * widths[0], *("-" * (one - 1) + ":" for one in widths[1:])]
    if cells[0][len(widths) - 1] == UNFINISHED:
        widths[-1], rule[-1] = 0, "-" * len(UNFINISHED)  # prose, which nothing stands behind
    # the first column starts at the left, all others end at the right
    lines = [
        [line[0].ljust(widths[0])]
        + [cell.rjust(one) for cell, one in zip(line[1:], widths[1:], strict=False)]
        for line in cells
    ]
    return "\n".join(f"| {' | '.join(line)} |" for line in [lines[0], rule, *lines[1:]])


def _cells(rows: Sequence[Row]) -> list[list[str]]:
    columns = columns_of(rows)
    cells = [["variant", "runs", *(column.title for column in columns), UNFINISHED]]
    for row in rows:
        shown = [show(row, column) for column in columns]
        reason = describe_unfinished(row, LONGEST_REASON)
        cells.append([_escape(cell) for cell in (row.variant, _count(row), *shown, reason)])
    if not any(line[-1] for line in cells[1:]):
        cells = [line[:-1] for line in cells]
    return cells


def _escape(cell: str) -> str:
    return cell.replace("|", r"\|")


def _count(row: Row) -> str:
    done = len(row.finished)
    return str(done) if done == row.expected else f"{done} of {row.expected}"


def show(row: Row, column: Column) -> str:
    """``98.4 ± 0.8``; without a deviation for one run, and for ratios that are all the same."""
    values = row.values(column.metric)
    if not values:
        return NOTHING
    if column.decimals is None:
        return ", ".join(dict.fromkeys(map(str, values)))
    mean, deviation = row.mean(column.metric), row.deviation(column.metric)
    text = f"{column.scale * mean:.{column.decimals}f}"
    if deviation is None or (column.scale == 1 and not deviation):
        return text
    return f"{text} ± {column.scale * deviation:.{column.decimals}f}"


def describe_unfinished(row: Row, longest: int | None = None) -> str:
    """Each reason once, behind the runs that it ended; cut to ``longest`` characters."""
    runs: dict[str, list[str]] = {}
    for record in row.records:
        if record.state != "finished":
            reason = first_line(record.reason) or record.state
            runs.setdefault(reason, []).append(" ".join(record.repeat) or record.folder)
    return "; ".join(
        f"{', '.join(names)}: {_shorten(reason, longest)}" for reason, names in runs.items()
    )


def first_line(reason: str) -> str:
    """The first line of a message; a heading with what stands below it."""
    lines = [line.strip() for line in reason.strip().splitlines()] or [""]
    line = " ".join(lines[:2]) if lines[0].endswith(":") else lines[0]
    return line.rstrip(": ")


def _shorten(text: str, longest: int | None) -> str:
    return text if longest is None or len(text) <= longest else f"{text[: longest - 3]}..."


def _describe_test(rows: Sequence[Row]) -> list[str]:
    """How many images and groups were tested; they may differ where the seed makes the split."""
    finished = [record for row in rows for record in row.finished]
    images = {record.metrics.get("test_images") for record in finished} - {None}
    groups = [record.metrics.get("test_groups") or {} for record in finished]
    counts = {len(one) for one in groups if one}
    smallest = {min(group["images"] for group in one.values()) for one in groups if one}
    if not images:
        return []
    sentence = f"Tested on {_range(images)} images"
    if counts:
        sentence += f" in {_range(counts)} groups, the smallest of {_range(smallest)}"
    return [f"{sentence}.", ""]


def _range(numbers: set[int]) -> str:
    low, high = min(numbers), max(numbers)
    return str(low) if low == high else f"{low} to {high}"
