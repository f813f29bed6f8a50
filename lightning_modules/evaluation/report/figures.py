"""Charts of a report: their size, their colours, and their way into the page.

Drawn small, so that they can be read on a phone; the page puts two beside each other where there
is room. Text becomes outlines, so that a chart looks alike everywhere.
"""

import io
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from markupsafe import Markup

from lightning_modules.evaluation.report.blocks import picture

if TYPE_CHECKING:
    from matplotlib.axes import Axes

# Okabe and Ito (2008): told apart by every kind of colour vision
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")
DASHES = ("-", "--", "-.", ":")
GREY = "#767676"
WIDTH, HEIGHT = 4.4, 3.0  # inches of 96 CSS pixels
LONGEST_OF_TWO = 24  # characters of a legend that has two columns
MOST_POINTS = 500  # of a curve; more cannot be seen
STYLE = {
    "axes.spines.right": False,
    "axes.spines.top": False,
    "axes.grid": True,
    "grid.color": "#E4E4E4",
    "grid.linewidth": 0.8,
    "axes.axisbelow": True,
    "axes.edgecolor": GREY,
    "axes.titlesize": 11,
    "axes.labelsize": 10,
    "font.size": 10,
    "legend.fontsize": 9,
    "legend.frameon": False,
    "svg.fonttype": "path",
    "svg.hashsalt": "report",  # the same numbers, the same file
}


def new_axes(xlabel: str, ylabel: str, height: float = HEIGHT, width: float = WIDTH) -> "Axes":
    """Empty axes of a chart, in the style of the page; ``height`` and ``width`` in inches."""
    import matplotlib as mpl
    from matplotlib.figure import Figure

    with mpl.rc_context(STYLE):
        axes = Figure(figsize=(width, height), layout="constrained").add_subplot()
        axes.set_xlabel(xlabel)
        axes.set_ylabel(ylabel)
        axes.tick_params(colors="#333333", labelsize=9)
    return axes


def chart(axes: "Axes", alt: str, caption: str | Markup = "") -> Markup:
    """A chart as a part of the page.

    Args:
        axes: Whose figure it is.
        alt: What it shows, for whoever does not see it.
        caption: Below it; "": nothing.
    """
    import matplotlib as mpl
    from matplotlib.text import Text

    for text in axes.figure.findobj(Text):
        text.set_parse_math(False)  # a class may be called $x$
    file = io.BytesIO()
    with mpl.rc_context(STYLE):
        axes.figure.savefig(file, format="svg", metadata={"Date": None, "Creator": None})
    content = file.getvalue()
    return picture(content[content.index(b"<svg") :], "svg+xml", alt, caption)


def add_legend(axes: "Axes", title: str | None = None) -> None:
    """A legend above the chart, where it hides nothing; the chart grows by its lines."""
    handles, labels = axes.get_legend_handles_labels()
    columns = 2 if max(map(len, labels)) <= LONGEST_OF_TWO else 1
    lines = -(-len(labels) // columns) + (title is not None)
    width, height = axes.figure.get_size_inches()
    axes.figure.set_size_inches(width, height + 0.2 * lines)
    place = {"loc": "outside upper left", "ncols": columns, "title": title}
    axes.figure.legend(handles, labels, frameon=False, fontsize=9, title_fontsize=9, **place)


def style_of(index: int) -> dict[str, object]:
    """Colour and dashes of the curve with this number."""
    colour = COLOURS[index % len(COLOURS)]
    return {"color": colour, "linestyle": DASHES[index // len(COLOURS) % len(DASHES)]}


def thin(*columns: np.ndarray, most: int = MOST_POINTS) -> Sequence[np.ndarray]:
    """Points of a curve, evenly left out until at most so many remain; the ends stay.

    Shape: each (N,) -> (min(N, most),)
    """
    num = len(columns[0])
    if num <= most:
        return columns
    kept = np.unique(np.linspace(0, num - 1, most).round().astype(int))
    return [column[kept] for column in columns]
