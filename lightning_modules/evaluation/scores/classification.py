"""How many answers are right, of all and of each class."""

import numpy as np

from lightning_modules.evaluation.scores.parts import (
    accuracy_of,
    balanced_accuracy_of,
    class_scores_of,
    macro_f1_of,
)
from lightning_modules.evaluation.scores.sheet import Sheet
from lightning_modules.metric_names import name_of_class

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
