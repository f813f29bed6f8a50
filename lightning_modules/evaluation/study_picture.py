"""A study as a picture: what is left of each variant when the background turns against it."""

import io
import textwrap
from collections.abc import Sequence
from typing import TYPE_CHECKING

from lightning_modules.evaluation.study import Row
from lightning_modules.evaluation.study_columns import PICTURED

if TYPE_CHECKING:
    from matplotlib.axes import Axes

# the harder test, and how the picture calls it; the first that any run has is drawn
HARDER = {
    "test_next_background_accuracy": "on the background of the next class",
    "test_worst_group_accuracy": "in the worst group",
}
# two of the colours of Okabe and Ito that every kind of colour vision tells apart, and two shapes
STYLES = (("#0072B2", "o", -0.16), ("#D55E00", "D", 0.16))
GREY = "#777777"
LONGEST_NAME = 32  # characters of a line
WIDTH, DPI = 8.5, 150  # inches; about 1,280 pixels


def draw_study(rows: Sequence[Row]) -> bytes | None:
    """A PNG with one line a variant: a dot a run, a larger one their mean; None: no accuracy."""
    if not any(row.values(PICTURED) for row in rows):
        return None
    from matplotlib.figure import Figure

    harder = next((name for name in HARDER if any(row.values(name) for row in rows)), None)
    figure = Figure(figsize=(WIDTH, 1.7 + 0.42 * len(rows)), layout="constrained")
    axes = figure.add_subplot()
    for place, row in enumerate(rows):
        _draw_row(axes, place, row, harder)
    _label(axes, rows, harder)
    file = io.BytesIO()
    figure.savefig(file, format="png", dpi=DPI)
    return file.getvalue()


def _draw_row(axes: "Axes", place: int, row: Row, harder: str | None) -> None:
    means = [row.mean(name) for name in (PICTURED, harder) if name is not None]
    if means[0] is None:
        axes.text(
            50, place, "no finished run", color=GREY, va="center", ha="center", style="italic"
        )
        return
    if None not in means and len(means) == 2:
        ends = [100 * mean for mean in means]
        heights = [place + style[2] for style in STYLES]
        axes.plot(ends, heights, color=GREY, linewidth=1.5, alpha=0.6, zorder=1)
    for name, (colour, shape, offset) in zip((PICTURED, harder), STYLES, strict=True):
        values = [100 * value for value in row.values(name)] if name is not None else []
        if not values:
            continue
        height = place + offset
        axes.scatter(values, [height] * len(values), 26, colour, shape, alpha=0.45, linewidths=0)
        mean = sum(values) / len(values)
        axes.scatter([mean], [height], 70, colour, shape, edgecolors="white", zorder=3)
        axes.annotate(
            f"{mean:.1f}",
            (1.02, height),
            xycoords=("axes fraction", "data"),
            color=colour,
            fontsize=9,
            va="center",
        )


def _label(axes: "Axes", rows: Sequence[Row], harder: str | None) -> None:
    names = [textwrap.fill(row.variant, LONGEST_NAME) for row in rows]
    axes.set_yticks(range(len(rows)), names, fontsize=11)
    axes.set_ylim(len(rows) - 0.5, -0.5)
    axes.set_xlim(-2, 102)
    axes.set_xlabel("right answers to test images, per cent (right: mean over the runs)")
    axes.grid(axis="x", color="#DDDDDD", linewidth=0.8)
    axes.set_axisbelow(True)
    for place in range(1, len(rows)):
        axes.axhline(place - 0.5, color="#EEEEEE", linewidth=0.8, zorder=0)
    axes.tick_params(axis="y", length=0)
    for side in ("top", "right", "left"):
        axes.spines[side].set_visible(False)
    title = "Accuracy" if harder is None else f"Accuracy as they are, and {HARDER[harder]}"
    axes.figure.suptitle(title, x=0.01, ha="left", fontsize=12.5, fontweight="bold")
    words = ["images as they are"] + ([HARDER[harder]] if harder is not None else [])
    for (colour, shape, _), word in zip(STYLES, words, strict=False):
        axes.scatter([], [], 70, colour, shape, label=word)
    axes.legend(loc="lower left", bbox_to_anchor=(0, 1), ncols=2, frameon=False, fontsize=10)
