"""unit= and alarms.*: what the answers to images are worth for patients, clips and videos."""

import logging
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from datamodules.tables.table import ImageTable
from lightning_modules.evaluation.alarms import AlarmOptions, describe_alarms, measure_alarms
from lightning_modules.evaluation.calibration_file import Calibration
from lightning_modules.evaluation.predictions import PredictionTable
from lightning_modules.evaluation.predictions_file import write_predictions
from lightning_modules.evaluation.recordings import has_time
from lightning_modules.evaluation.scores import ScoreOptions, measure_scores
from lightning_modules.evaluation.scores.measuring import prefix_names
from lightning_modules.evaluation.units import IMAGE, Aggregate, to_units
from workflow.call import Call
from workflow.plan import instantiate

log = logging.getLogger(__name__)
DEFAULT_THRESHOLD = 0.5


@dataclass(frozen=True)
class Beyond:
    """What is measured beside the images.

    Args:
        unit: ``image`` is none.
        aggregate: Of the answers to a unit's images.
        positive_class: Of two; None: there are more.
        alarms: None: there are no videos, or their times are not known.
        scores: How intervals are made.
    """

    unit: str
    aggregate: Aggregate
    positive_class: str | None
    alarms: AlarmOptions | None
    scores: ScoreOptions

    @property
    def adds(self) -> bool:
        """Whether anything is."""
        return self.unit != IMAGE or self.alarms is not None


def plan_beyond(
    table: PredictionTable, positive: str | None, asked: dict[str, Any], call: Call
) -> Beyond:
    """Find what can be measured.

    Args:
        table: The answers, or the images before there are any: see ``without_answers``.
        positive: The positive class of two; None: there are more.
        asked: The resolved configuration.
        call: How it was asked for.

    Raises:
        ValueError: A unit is none, or alarms were asked for and cannot be measured.
    """
    options: AlarmOptions | None = instantiate(asked["alarms"])
    to_units(table, asked["unit"], asked["aggregate"], positive)
    wanted = [word for word in call.overrides if word.lstrip("+").startswith("alarms.")]
    if positive is None or not has_time(table):
        if wanted:
            raise ValueError(
                f"{', '.join(wanted)}: false alarms are counted on videos of two classes. They "
                "need the columns 'sequence' and 'time' (seconds), and a positive class."
            )
        options = None
    else:
        try:
            measure_alarms(table, positive, DEFAULT_THRESHOLD, options)
            if options.frames_per_second is None:  # it is seconds, in every part of the table too
                options = replace(options, frames_per_second=1.0)
        except ValueError as error:
            if wanted:
                raise
            log.info("No false alarms per hour: %s", error)
            options = None
    scores = instantiate(asked["scores"])
    return Beyond(asked["unit"], asked["aggregate"], positive, options, scores)


def measure_beyond(
    beyond: Beyond, table: PredictionTable, calibration: Calibration | None, folder: Path
) -> dict[str, Any]:
    """Measure units and alarms, say what came of it, and write ``unit_predictions.csv``.

    Returns:
        ``unit_<name>`` for each score of units, which are those of ``measure_scores``, and
        ``test_<name>`` of ``measure_alarms``; what was not asked for is absent.
    """
    metrics: dict[str, Any] = {}
    if beyond.unit != IMAGE:
        units = to_units(table, beyond.unit, beyond.aggregate, beyond.positive_class)
        write_predictions(units, folder / "unit_predictions.csv")
        # thresholds were chosen on images: on units they mean nothing
        scores = measure_scores(units, beyond.scores)
        log.info(_say_units(beyond, units, scores))
        metrics |= {"unit": beyond.unit, "aggregate": beyond.aggregate}
        metrics |= prefix_names(scores, "unit")
    if beyond.alarms is not None:
        threshold = _choose_threshold(beyond, calibration)
        measured = measure_alarms(table, beyond.positive_class, threshold, beyond.alarms)
        for line in describe_alarms(measured, beyond.positive_class):
            log.info(line)
        metrics |= prefix_names(measured, "test")
    return metrics


def _choose_threshold(beyond: Beyond, calibration: Calibration | None) -> float:
    """As typed, else that of the calibration if it is about the same positive class."""
    if beyond.alarms.threshold is not None:
        return beyond.alarms.threshold
    point = None if calibration is None else calibration.operating_point
    if point is None or point.positive_class != beyond.positive_class:
        return DEFAULT_THRESHOLD
    return point.threshold


def _say_units(beyond: Beyond, units: PredictionTable, scores: dict[str, Any]) -> str:
    way = {"mean": "the mean of its images", "max": "its most suspicious image"}[beyond.aggregate]
    if not scores:
        return f"By {beyond.unit} ({way}): none has an image with an answer."
    ends = [scores.get(f"accuracy_{end}") for end in ("low", "high")]
    span = (
        ""
        if None in ends
        else " (95 % interval {:.1f} % to {:.1f} %)".format(*(100 * end for end in ends))
    )
    return (
        f"By {beyond.unit} ({way}): right in {100 * scores['accuracy']:.1f} % of "
        f"{len(units.answered)}{span}, macro F1 {scores['macro_f1']:.3f}."
    )


def without_answers(table: ImageTable) -> PredictionTable:
    """The images of the test with the same answer to each."""
    rows = table.rows_of("test")
    names = table.columns.column_names
    return PredictionTable(
        ids=table.ids.take(rows).to_pylist(),
        labels=table.labels[rows],
        logits=np.zeros((len(rows), len(table.class_names)), np.float32),
        class_names=table.class_names,
        mask_origin=["none"] * len(rows),
        mask_share=np.ones(len(rows)),
        roi_share=np.ones(len(rows)),
        columns={n: np.array(table.columns[n].take(rows).to_pylist(), np.str_) for n in names},
        groups=None if table.groups is None else table.groups[rows],
    )
