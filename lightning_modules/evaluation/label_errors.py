"""Labels that look wrong, by confident learning.

Northcutt, Jiang and Chuang: Confident Learning: Estimating Uncertainty in Dataset Labels, JAIR 70
(2021), section 3.1 (the confident joint) and 3.2 (its off-diagonals, ranked by normalised margin).
"""

import csv
import io
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from lightning_modules.evaluation.predictions import PredictionTable
from lightning_modules.run_files import write_text

TOO_MANY = 0.25  # share of the labels from which on it is the model that is wrong
COLUMNS = (
    *("id", "image", "label", "suggested", "probability", "score", "group", "rank"),
    "decision",  # of a person: the right class, exclude, or blank to keep the label
)


@dataclass(frozen=True)
class LabelErrors:
    """Rows of a table whose label looks wrong, the most doubtful first.

    Args:
        rows: (M,) indices of the table.
        suggested: (M,) class index that each image looks like.
        scores: (M,) in [0, 1]: (1 + p(suggested) - p(label)) / 2, 1 where the model is sure of the
            other class, 0.5 where it gives both the same.
    """

    rows: np.ndarray
    suggested: np.ndarray
    scores: np.ndarray

    def __len__(self) -> int:
        return len(self.rows)


def find_label_errors(table: PredictionTable) -> LabelErrors:
    """Find labels that contradict the predictions, which must be of models that never saw them.

    An image counts as of a class when its probability is at least the mean that the images labelled
    so get: a class of which the model is never sure needs less than one of which it always is. Of
    several such classes the likeliest counts; where that is not the label, the label is doubted.
    Images without an answer are left out.
    """
    usable = np.isfinite(table.logits).all(axis=1) & (np.array(table.mask_origin) != "abstain")
    kept = np.flatnonzero(usable)
    probs, labels = table.probs[kept].astype(np.float64), table.labels[kept]
    thresholds = np.full(probs.shape[1], np.inf)  # of a class without images: never reached
    for label in np.unique(labels).tolist():
        thresholds[label] = probs[labels == label, label].mean()
    reached = np.where(probs >= thresholds, probs, -1.0)
    suggested = reached.argmax(axis=1)
    doubted = np.flatnonzero((reached.max(axis=1) >= 0) & (suggested != labels))
    margins = probs[doubted, suggested[doubted]] - probs[doubted, labels[doubted]]
    order = np.argsort(-margins, kind="stable")
    chosen = doubted[order]
    return LabelErrors(kept[chosen], suggested[chosen], (1 + margins[order]) / 2)


def write_label_errors(path: Path, table: PredictionTable, errors: LabelErrors) -> None:
    """Write one row a doubted label; filled in, the file is what ``data.corrections`` reads."""
    names, probs = table.class_names, table.probs
    images = table.columns.get("image", np.array(table.ids))
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(COLUMNS)
    for rank, (row, suggested, score) in enumerate(
        zip(errors.rows.tolist(), errors.suggested.tolist(), errors.scores.tolist(), strict=True), 1
    ):
        group = "" if table.groups is None else table.groups[row]
        probability = f"{probs[row, suggested]:.4f}"
        own = (table.ids[row], images[row], names[table.labels[row]], names[suggested])
        writer.writerow([*own, probability, f"{score:.4f}", group, rank, ""])
    write_text(path, text.getvalue())


def describe_label_errors(
    table: PredictionTable, errors: LabelErrors, num_learned: int
) -> list[str]:
    """Say how many labels look wrong, and what that is worth.

    Args:
        table: The predictions.
        errors: Found in it.
        num_learned: Of its images, those that the model was trained on.
    """
    sentences = []
    if num_learned:
        sentences.append(
            f"WARNING: the model was trained on {num_learned:,} of these {len(table):,} images, "
            "wrong labels included, so it agrees with most of them: few wrong labels can be found. "
            "Predictions of a cross-validation find them (--multirun data.num_folds=5 "
            "data.fold=0,1,2,3,4)."
        )
    if not len(errors):
        return [*sentences, f"Of {len(table):,} labels none looks wrong."]
    names = table.class_names
    pairs = list(zip(table.labels[errors.rows].tolist(), errors.suggested.tolist(), strict=True))
    often = max(dict.fromkeys(pairs), key=pairs.count)
    times = pairs.count(often)
    pair = f"{names[often[0]]} that looks like {names[often[1]]} ({times:,})"
    sentences.append(
        f"{len(errors):,} of {len(table):,} labels look wrong"
        f"{f', most often {pair}' if times > 1 else ''}. Look at the first ones: a model errs as "
        "well, and hard images stand among them."
    )
    if len(errors) > TOO_MANY * len(table):
        sentences.append(
            "WARNING: that is so many that it says more about the model than about the labels: it "
            "has learned too little to doubt them. Train it longer first."
        )
    return sentences
