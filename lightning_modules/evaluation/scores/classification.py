"""How many answers are right, and how well classes are ranked."""

import numpy as np
from sklearn.metrics import average_precision_score

from lightning_modules.evaluation.scores.parts import (
    accuracy_of,
    balanced_accuracy_of,
    class_scores_of,
    macro_f1_of,
)
from lightning_modules.evaluation.scores.sheet import Sheet
from lightning_modules.evaluation.statistics.bootstrap import bootstrap_interval
from lightning_modules.evaluation.statistics.delong import auroc_interval, placements
from lightning_modules.evaluation.statistics.pair_share import PairShare
from lightning_modules.metric_names import name_of_class

FEW_UNITS = 100  # up to which groups are resampled for the AUROC
MANY_CLASSES = 20  # from which on single classes have no intervals


def measure_answers(
    sheet: Sheet, labels: np.ndarray, predicted: np.ndarray, class_names: list[str]
) -> None:
    """Accuracy, balanced accuracy, macro F1, and of each class precision, recall and F1.

    Balanced accuracy is the mean recall of the classes that have an image. Precision, recall and F1
    of a class are 0 where nothing was predicted as it, or nothing is of it.

    Args:
        sheet: Takes the scores.
        labels: (N,) int.
        predicted: (N,) int.
        class_names: (C,).
    """
    units, classes = sheet.units, len(class_names)
    sheet.take_share("accuracy", accuracy_of(units, labels, predicted))
    sheet.take("balanced_accuracy", balanced_accuracy_of(units, labels, predicted, classes))
    sheet.take("macro_f1", macro_f1_of(units, labels, predicted, classes))
    for label, name in enumerate(class_names):
        for kind, score in class_scores_of(units, labels, predicted, label).items():
            full = name_of_class(kind, name)
            if classes > MANY_CLASSES:
                value = float(score.measure(np.ones((1, units.num_blocks)))[0][0])
                sheet.put(full, value if np.isfinite(value) else 0.0)
            elif kind == "f1":
                sheet.take(full, score, undefined=0.0)
            else:
                sheet.take_share(full, score, undefined=0.0)


def measure_ranking(
    sheet: Sheet, labels: np.ndarray, probs: np.ndarray, class_names: list[str]
) -> None:
    """AUROC and average precision: means over the classes that have an image, and of each class.

    Each class is ranked by its probability against the others. Two classes have the same AUROC.

    Args:
        sheet: Takes the scores; NaN where all images are of one class.
        labels: (N,) int.
        probs: (N, C).
        class_names: (C,).
    """
    classes = np.unique(labels)
    if len(classes) < 2:
        sheet.put("auroc", float("nan"))
        sheet.put("average_precision", float("nan"))
        return
    components = [placements(labels == c, probs[:, c]) for c in classes]
    areas = [float(x[labels == c].mean()) for c, x in zip(classes, components, strict=True)]
    precisions = [average_precision_score(labels == c, probs[:, c]) for c in classes]
    # of two classes one curve is the mirror image of the other
    asked = classes[-1:] if len(class_names) == 2 else classes
    components = components[-len(asked) :]
    if sheet.units.num_units <= FEW_UNITS and not sheet.units.single:
        score = PairShare(sheet.units, labels, probs[:, asked], asked)
        interval = None
        if min(score.num_active) > 1:
            interval = bootstrap_interval(score, sheet.units, sheet.weights)
    else:
        interval = auroc_interval(labels, components, asked, sheet.units)
    sheet.put("auroc", float(np.mean(areas)), interval)
    sheet.put("average_precision", float(np.mean(precisions)))
    for label, area, precision in zip(classes.tolist(), areas, precisions, strict=True):
        sheet.put(name_of_class("auroc", class_names[label]), area)
        sheet.put(name_of_class("average_precision", class_names[label]), float(precision))
