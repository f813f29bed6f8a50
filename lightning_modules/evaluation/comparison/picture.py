"""A comparison as a picture: how much each variant differs from the first, and how surely."""

import io
import textwrap
from collections.abc import Sequence
from typing import TYPE_CHECKING

from lightning_modules.evaluation.comparison.comparing import Against, Comparison
from lightning_modules.evaluation.comparison.metrics import Metric
from lightning_modules.evaluation.comparison.wording import BY_NAME, interval, number, verdict

if TYPE_CHECKING:
    from matplotlib.axes import Axes

# of Okabe and Ito, told apart by every kind of colour vision, and by their shapes
STYLES = {
    "better": ("#0072B2", "o", "better"),
    "worse": ("#D55E00", "s", "worse"),
    "maybe better": ("#56B4E9", "^", "maybe better: could be luck, being one of several"),
    "maybe worse": ("#E69F00", "v", "maybe worse: could be luck, being one of several"),
    "cannot tell": ("#767676", "D", "cannot tell: the interval includes 0"),
}
ALL_METRICS = 3  # comparisons, above which only the chosen metric is drawn of each
LONGEST_NAME = 34  # characters of a line
WIDTH, DPI = 8.5, 150  # inches; about 1,280 pixels
ROW, HEAD = 0.34, 0.9  # inches of a row; rows that a heading takes


def choose_metrics(comparison: Comparison, metric: str) -> list[Metric]:
    """Those that are drawn: all with the same unit as the chosen one, or that one alone."""
    chosen = BY_NAME[metric]
    if len(comparison.against) > ALL_METRICS:
        return [chosen]
    others = [BY_NAME[name] for name in comparison.metrics if name != metric]
    return [chosen, *(other for other in others if other.unit == chosen.unit)]


def draw_comparison(comparison: Comparison, metric: str, margin: float | None = None) -> bytes:
    """A PNG with a line a variant and metric; see ``draw``."""
    file = io.BytesIO()
    draw(comparison, metric, margin).figure.savefig(file, format="png", dpi=DPI)
    return file.getvalue()


def draw(
    comparison: Comparison, metric: str, margin: float | None = None, width: float = WIDTH
) -> "Axes":
    """Differences from the first with their 95 % intervals: a forest plot.

    Args:
        comparison: What was compared.
        metric: The one that decides, first and in bold.
        margin: Drawn as a line where there is one, in units of the metric.
        width: Of the figure, inches.
    """
    from matplotlib.figure import Figure

    metrics = choose_metrics(comparison, metric)
    blocks, rows = len(comparison.against), len(comparison.against) * len(metrics)
    titled = len(metrics) > 1
    height = 1.7 + ROW * (rows + (HEAD * blocks if titled else 0))
    axes = Figure(figsize=(width, height), layout="constrained").add_subplot()
    place, labels = 0.0, []
    for one in comparison.against:
        if titled:
            _head(axes, place, one, comparison)
            place += HEAD
        for each in metrics:
            text = each.title if titled else textwrap.fill(one.name, LONGEST_NAME)
            labels.append((place, text, titled and each is metrics[0]))
            _draw_row(axes, place, one, each)
            place += 1
    if margin is not None:
        _draw_margin(axes, metrics[0], margin)
    _label(axes, comparison, metrics[0], labels, place)
    for text in axes.figure.findobj(lambda artist: hasattr(artist, "set_parse_math")):
        text.set_parse_math(False)  # a class or a run may be called $x$
    return axes


def _head(axes: "Axes", place: float, one: Against, comparison: Comparison) -> None:
    text = f"{one.name} compared with {comparison.variants[0].name}"
    axes.annotate(
        textwrap.fill(text, int(10.5 * axes.figure.get_figwidth())),
        (0, place),
        xycoords=("figure fraction", "data"),
        xytext=(8, 0),
        textcoords="offset points",
        fontsize=10.5,
        fontweight="bold",
        va="center",
        annotation_clip=False,
    )


def _draw_row(axes: "Axes", place: float, one: Against, metric: Metric) -> None:
    difference = one.differences[metric.name]
    colour, shape, _ = STYLES[verdict(one, metric)]
    value = metric.scale * difference.value
    if difference.low is not None and difference.high is not None:
        ends = [metric.scale * difference.low, metric.scale * difference.high]
        axes.plot(ends, [place, place], color=colour, linewidth=2.2, solid_capstyle="butt")
    axes.scatter([value], [place], 52, colour, shape, edgecolors="white", zorder=3)
    text = number(metric, difference.value, signed=True)
    axes.annotate(
        f"{text}  ({interval(metric, difference) or 'no interval'})",
        (1.02, place),
        xycoords=("axes fraction", "data"),
        color="#333333",
        fontsize=9,
        va="center",
    )


def _label(
    axes: "Axes",
    comparison: Comparison,
    metric: Metric,
    labels: Sequence[tuple[float, str, bool]],
    end: float,
) -> None:
    axes.axvline(0, color="#333333", linewidth=1, zorder=0)
    axes.set_ylim(end - 0.4, -0.8)
    low, high = axes.get_xlim()
    least = 0.01 * metric.scale  # so that the smallest differences do not look like large ones
    axes.set_xlim(min(low, -least), max(high, least))
    ticks = axes.set_yticks([place for place, *_ in labels], [text for _, text, _ in labels])
    for tick, (_, _, bold) in zip(ticks, labels, strict=True):
        tick.label1.set_fontweight("bold" if bold else "normal")
    axes.tick_params(axis="y", length=0, labelsize=10)
    axes.grid(axis="x", color="#E4E4E4", linewidth=0.8)
    axes.set_axisbelow(True)
    for side in ("top", "right", "left"):
        axes.spines[side].set_visible(False)
    unit = metric.unit if metric.unit == "points" else f"{metric.unit} of {metric.title}"
    left, right = ("worse", "better") if metric.sign > 0 else ("better", "worse")
    left, right = f"\N{LEFTWARDS ARROW} {left}", f"{right} \N{RIGHTWARDS ARROW}"
    axes.set_xlabel(f"{left}     {unit}     {right}")
    paired, in_metric = comparison.paired, "" if labels[0][2] else f" in {metric.title}"
    title = (
        f"Difference{in_metric} from {comparison.variants[0].name}, 95 % intervals over "
        f"{paired.num_units} {paired.unit_name}"
    )
    axes.figure.suptitle(
        textwrap.fill(title, int(9.4 * axes.figure.get_figwidth())),
        x=0.01,
        ha="left",
        fontsize=12,
        fontweight="bold",
    )
    found = {
        verdict(one, each)
        for one in comparison.against
        for each in choose_metrics(comparison, metric.name)
    }
    for name, (colour, shape, text) in STYLES.items():
        if name in found:
            axes.scatter([], [], 52, colour, shape, label=text)
    axes.legend(loc="lower left", bbox_to_anchor=(0, 1), ncols=2, frameon=False, fontsize=9)


def _draw_margin(axes: "Axes", metric: Metric, margin: float) -> None:
    place = -metric.sign * margin * metric.scale
    axes.scatter([place], [0], s=0)  # makes room for the line
    axes.axvline(place, color="#CC79A7", linewidth=1.2, linestyle="--", zorder=0)
    axes.annotate(
        "margin",
        (place, 0),
        xycoords=("data", "axes fraction"),
        xytext=(3, 3),
        textcoords="offset points",
        color="#A8477F",
        fontsize=8.5,
    )
