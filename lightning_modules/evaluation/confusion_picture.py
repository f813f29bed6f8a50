"""A confusion matrix as a picture."""

import io
from collections.abc import Sequence

import numpy as np
from matplotlib.figure import Figure

MOST_WRITTEN = 20  # classes up to which every count is written into its cell


def draw_confusion(counts: Sequence[Sequence[int]], class_names: Sequence[str]) -> bytes:
    """PNG of a confusion matrix: colours are shares of a row, numbers are counts.

    Args:
        counts: (C, C), a row a true class, a column a predicted one.
        class_names: In the order of the rows.
    """
    matrix = np.asarray(counts, float)
    if matrix.shape != (len(class_names), len(class_names)):
        raise ValueError(f"{len(class_names)} classes, and a confusion matrix of {matrix.shape}")
    share = matrix / np.maximum(matrix.sum(axis=1, keepdims=True), 1)
    side = float(np.clip(2.5 + 0.45 * len(class_names), 4, 14))
    figure = Figure(figsize=(side, side), layout="constrained")
    axes = figure.add_subplot()
    axes.imshow(share, cmap="Blues", vmin=0, vmax=1)
    places = range(len(class_names))
    axes.set_xticks(places, class_names, rotation=45, ha="right", rotation_mode="anchor")
    axes.set_yticks(places, class_names)
    axes.set_xlabel("predicted")
    axes.set_ylabel("true")
    if len(class_names) <= MOST_WRITTEN:
        for row in places:
            for column in places:
                colour = "white" if share[row, column] > 0.5 else "black"
                text = f"{int(matrix[row, column])}"
                axes.text(column, row, text, ha="center", va="center", color=colour)
    picture = io.BytesIO()
    figure.savefig(picture, format="png", dpi=100)
    return picture.getvalue()
