"""Who is taken for whom."""

import numpy as np
from markupsafe import Markup

from lightning_modules.evaluation.predictions import PredictionTable
from lightning_modules.evaluation.report.blocks import fold, paragraph, sentence, table, term
from lightning_modules.evaluation.report.figures import chart, new_axes
from lightning_modules.evaluation.report.wording import percent

MOST_CELLS = 15  # classes of a confusion matrix as a table; more are a picture
MOST_CONFUSED = 15


def show_confusion(predictions: PredictionTable, what: str = "image") -> list[Markup]:
    """Who is taken for whom: a table, of many classes a picture; and the most frequent mistakes.

    ``what`` is a row of the table.
    """
    counts = np.array(predictions.confusion())
    names = list(predictions.class_names)
    shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    blocks = []
    if len(names) <= MOST_CELLS:
        rows = [
            [name, *(f"{n:,} ({100 * s:.0f} %)" for n, s in zip(counts[k], shares[k], strict=True))]
            for k, name in enumerate(names)
        ]
        shades = {
            (k, j + 1): float(shares[k, j]) for k in range(len(names)) for j in range(len(names))
        }
        caption = sentence(
            "A row is the true {c}, a column the answer; in brackets the share of the row. Right "
            "answers stand on the diagonal of the {m}.",
            c=term("class"),
            m=term("confusion matrix"),
        )
        header = ["true class / answered", *names]
        blocks.append(table(header, rows, caption, shades))
    else:
        blocks.append(_picture(shares, len(names)))
    return blocks + _most_confused(counts, names, what)


def _picture(shares: np.ndarray, num_classes: int) -> Markup:
    axes = new_axes("answer (number of the class)", "true class (number)", height=3.6)
    axes.grid(False)
    ends = (0.5, num_classes + 0.5)
    image = axes.imshow(shares, "Blues", vmin=0, vmax=1, extent=(*ends, *ends[::-1]))
    for axis in (axes.xaxis, axes.yaxis):
        axis.get_major_locator().set_params(integer=True)
    axes.figure.colorbar(image, ax=axes, label="share of the row")
    axes.images[0].set_rasterized(True)
    right = float(np.mean(np.diag(shares)))
    alt = f"Confusion matrix of {num_classes} classes: on average {100 * right:.0f} % on diagonal."
    return chart(
        axes,
        alt,
        "Dark cells off the diagonal are frequent mistakes; each class has its number above.",
    )


def _most_confused(counts: np.ndarray, names: list[str], what: str) -> list[Markup]:
    off = counts.copy()
    np.fill_diagonal(off, 0)
    order = np.argsort(off, axis=None, kind="stable")[::-1][:MOST_CONFUSED]
    pairs = [np.unravel_index(place, off.shape) for place in order]
    rows = [
        [names[true], names[said], f"{off[true, said]:,}", percent(_share(off, counts, true, said))]
        for true, said in pairs
        if off[true, said]
    ]
    if not rows:
        return [paragraph(f"No {what} was answered wrong.")]
    if len(names) == 2:
        return []
    header = ["true class", "answered", f"{what}s", "share of the class"]
    return [fold("The most frequent mistakes", [table(header, rows)])]


def _share(off: np.ndarray, counts: np.ndarray, true: int, said: int) -> float:
    return float(off[true, said] / counts[true].sum())
