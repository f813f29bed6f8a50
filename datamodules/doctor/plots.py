"""Histograms of sizes and ROI areas, drawn as SVG that stands in the page."""

import io

import numpy as np

from datamodules.doctor.diagnosis import Examined

NUM_BINS = 40
MOST_CLASSES = 10  # in one plot
MOST_REGIONS = 6
MOST_POINTS = 2_000  # an SVG holds every one


def draw_plots(examined: Examined) -> dict[str, str]:
    """Title to SVG."""
    from matplotlib.figure import Figure  # 0.4 s, and no window

    plots = {}
    images = examined.found.images
    whole = np.flatnonzero(~images.broken)
    if len(whole):
        sides = np.stack([images["width"][whole], images["height"][whole]])
        sizes, counts = np.unique(sides, axis=1, return_counts=True)
        commonest = np.argsort(-counts, kind="stable")[:MOST_POINTS]
        figure = Figure(figsize=(5, 3.2), layout="constrained")
        axes = figure.subplots()
        share = counts[commonest] / counts.max()
        axes.scatter(*sizes[:, commonest], s=10 + 190 * share, alpha=0.5)
        axes.set(xlabel="width, pixels", ylabel="height, pixels", xlim=(0, None), ylim=(0, None))
        plots["Sizes of the images"] = _as_svg(figure)
    for column, region in enumerate(examined.table.region_names[:MOST_REGIONS]):
        areas = examined.areas[:, column]
        if np.isfinite(areas).any():
            figure = Figure(figsize=(5, 3.2), layout="constrained")
            _draw_areas(figure.subplots(), examined, 100 * areas)
            plots[f"Area of {region}, per cent of the image"] = _as_svg(figure)
    return plots


def _draw_areas(axes, examined: Examined, areas: np.ndarray) -> None:  # noqa: ANN001
    """One line a class, each of area one: classes of different size can be compared."""
    known = np.isfinite(areas)
    bins = np.linspace(0, max(areas[known].max(), 1e-3), NUM_BINS)
    for label, name in enumerate(examined.table.class_names[:MOST_CLASSES]):
        values = areas[known & (examined.table.labels == label)]
        if len(values):
            # a dollar would begin a formula, an underscore hides a label
            label_text = f" {name}".replace("$", r"\$")
            axes.hist(values, bins, histtype="step", density=True, label=label_text)
    axes.set(xlabel="area, %", yticks=[])
    axes.legend()


def _as_svg(figure) -> str:  # noqa: ANN001
    """The figure as an SVG element, without the file's head."""
    buffer = io.StringIO()
    figure.savefig(buffer, format="svg")
    text = buffer.getvalue()
    return text[text.index("<svg") :]
