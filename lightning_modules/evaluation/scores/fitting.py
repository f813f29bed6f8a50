"""What is chosen on validation or out-of-fold images, and frozen."""

from dataclasses import dataclass

import numpy as np

from lightning_modules.evaluation.calibration_file import Calibration, ChosenOn
from lightning_modules.evaluation.predictions import PredictionTable
from lightning_modules.evaluation.scores.calibration import fit_temperature, log_probs
from lightning_modules.evaluation.scores.operating_points import (
    choose_operating_point,
)
from lightning_modules.evaluation.scores.options import ScoreOptions
from lightning_modules.evaluation.scores.risk_coverage import (
    choose_abstention,
)


@dataclass(frozen=True)
class Origin:
    """Whose calibration it is: see ``Calibration`` for the three."""

    checkpoint: str | None
    checkpoint_hash: str | None
    chosen_on: ChosenOn = "val"


OUT_OF_FOLD = Origin(None, None, "out_of_fold")


def find_hindrance(table: PredictionTable) -> str | None:
    """Why nothing can be chosen by the answers of a table, in words; None: it can."""
    table = table.answered
    if not len(table):
        return "none of these images has an answer"
    if not np.isfinite(table.logits).all():
        return "some of these answers are not numbers (NaN or infinite)"
    if len(np.unique(table.labels)) < 2:
        name = table.class_names[table.labels[0]]
        return (
            f"all {len(table)} of these images are of one class ({name}), and by images that all "
            "have the same right answer it cannot be told how sure an answer should be"
        )
    return None


def fit_calibration(
    table: PredictionTable, positive_class: str | None, options: ScoreOptions, origin: Origin
) -> Calibration:
    """Fit the temperature and choose the thresholds.

    Args:
        table: Of images that are neither of the training nor of the test, of which
            ``find_hindrance`` finds nothing. Where they have also chosen the checkpoint, all of it
            is a little optimistic.
        positive_class: Of two classes; None: there are more.
        options: The rules.
        origin: Of the table.
    """
    table = table.answered
    probs, point = np.exp(log_probs(table.logits)), None
    if positive_class is not None:
        index = list(table.class_names).index(positive_class)
        positive = table.labels == index
        point = choose_operating_point(positive, probs[:, index], positive_class, options)
    return Calibration(
        checkpoint=origin.checkpoint,
        checkpoint_hash=origin.checkpoint_hash,
        chosen_on=origin.chosen_on,
        num_images=len(table),
        num_groups=None if table.groups is None else len(np.unique(table.groups)),
        class_names=list(table.class_names),
        temperature=fit_temperature(table.labels, table.logits),
        operating_point=point,
        abstain=choose_abstention(table.correct, probs.max(axis=1), options.abstain_risk),
    )
