"""The report as one HTML file: no network, readable on a phone, everything escaped."""

from html import escape
from pathlib import Path

import numpy as np

from datamodules.doctor.diagnosis import Examined
from datamodules.doctor.findings import Finding
from datamodules.doctor.pictures import draw_thumbnail
from datamodules.doctor.plots import MOST_REGIONS, draw_plots

MOST_LINES = 20  # examples of a finding on the page; findings.csv has more
MOST_ROWS = 200  # of a table
NUM_EXTREMES = 6
STYLE = """
:root { color-scheme: light dark }
body { font: 16px/1.5 system-ui, sans-serif; max-width: 60rem; margin: auto; padding: 1rem }
h1 { line-height: 1.2 } h2 { margin-top: 2rem }
.error { border-left: .4rem solid #c62828 } .warning { border-left: .4rem solid #ef8f00 }
.note { border-left: .4rem solid #7a8a99 }
article { padding: .2rem 1rem; margin: 1rem 0; background: #8881 }
article h3 { margin: .4rem 0 } ul { padding-left: 1.2rem; overflow-wrap: anywhere }
.table { overflow-x: auto } table { border-collapse: collapse }
td, th { padding: .15rem .7rem; text-align: right }
td:first-child, th:first-child { text-align: left }
tr:nth-child(even) { background: #8881 }
.set { display: inline-flex; gap: .2rem; margin: .3rem .6rem .3rem 0; vertical-align: top }
figure { margin: 0; width: 10rem; font-size: .75rem; overflow-wrap: anywhere }
img { max-width: 100% } svg { max-width: 100%; height: auto; background: #fff }
"""


def write_page(examined: Examined, title: str, command: str, file: Path) -> None:
    """Write the report.

    Args:
        examined: What was found.
        title: Of the data.
        command: That was typed.
        file: To write.
    """
    findings = examined.diagnosis.worst_first()
    counts = ", ".join(
        f"{sum(one.level == level for one in findings)} {level.name.lower()}s"
        for level in sorted({one.level for one in findings}, reverse=True)
    )
    parts = [
        f"<h1>{escape(title)}</h1>",
        f"<p>{len(examined.table)} images. {counts or 'Nothing was found'}.</p>",
        f"<p><code>{escape(command)}</code></p>",
        "<h2>Findings</h2>",
        *(_finding(examined, one) for one in findings),
        *(f"<h2>{escape(t)}</h2>{_table(rows)}" for t, rows in examined.diagnosis.sections.items()),
        *(f"<h2>{escape(t)}</h2>{svg}" for t, svg in draw_plots(examined).items()),
        *_extremes(examined),
    ]
    head = (
        '<!doctype html><html lang="en"><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{escape(title)}</title><style>{STYLE}</style>"
    )
    file.write_text(head + "\n".join(parts) + "</html>\n", encoding="utf-8")


def _finding(examined: Examined, one: Finding) -> str:
    level = one.level.name.lower()
    lines = "".join(f"<li>{escape(line)}</li>" for line in one.examples[:MOST_LINES])
    more = one.count - len(one.examples[:MOST_LINES])
    if lines and more > 0:
        lines += f"<li>and {more} more</li>"
    return (
        f'<article class="{level}"><h3>{level}: {escape(one.topic)} ({one.count})</h3>'
        f"<p>{escape(one.sentence)}</p>{''.join(_pictures(examined, s) for s in one.pictures)}"
        f"<ul>{lines}</ul></article>"
    )


def _pictures(examined: Examined, rows: tuple[int, ...]) -> str:
    """Images side by side, each named."""
    shown = [(row, draw_thumbnail(examined.table, row)) for row in rows]
    figures = "".join(
        f'<figure><img src="{uri}" alt=""><figcaption>{escape(_caption(examined, row))}'
        "</figcaption></figure>"
        for row, uri in shown
        if uri is not None
    )
    return f'<div class="set">{figures}</div>' if figures else ""


def _caption(examined: Examined, row: int) -> str:
    table = examined.table
    label = table.class_names[table.labels[row]]
    return f"{table.ids[row].as_py()}, {label}"


def _table(rows: list[list[str]]) -> str:
    head, *body = rows[: MOST_ROWS + 1]
    lines = [f"<tr>{''.join(f'<th>{escape(cell)}</th>' for cell in head)}</tr>"]
    lines += [f"<tr>{''.join(f'<td>{escape(c)}</td>' for c in row)}</tr>" for row in body]
    more = f"<p>and {len(rows) - 1 - MOST_ROWS} more</p>" if len(rows) - 1 > MOST_ROWS else ""
    return f'<div class="table"><table>{"".join(lines)}</table>{more}</div>'


def _extremes(examined: Examined) -> list[str]:
    """The images with the smallest and the largest ROI."""
    parts = []
    for column, region in enumerate(examined.table.region_names[:MOST_REGIONS]):
        areas = examined.areas[:, column]
        known = np.flatnonzero(areas > 0)
        order = known[np.argsort(areas[known], kind="stable")].tolist()
        for word, rows in (("Smallest", order[:NUM_EXTREMES]), ("Largest", order[-NUM_EXTREMES:])):
            if rows:
                shown = "".join(_pictures(examined, (row,)) for row in rows)
                parts.append(f"<h2>{word} {escape(region)}</h2>{shown}")
    return parts
