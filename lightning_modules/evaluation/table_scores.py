"""All that a table of predictions tells by itself, named as in a run's metrics.json."""

from collections.abc import Sequence
from typing import Any

from lightning_modules.evaluation.calibration_file import Calibration
from lightning_modules.evaluation.predictions import PredictionTable
from lightning_modules.evaluation.scores.measuring import measure_scores, prefix_names
from lightning_modules.evaluation.scores.options import ScoreOptions
from lightning_modules.evaluation.slices import measure_groups


def score_table(
    table: PredictionTable,
    slice_by: Sequence[str] = (),
    pair_by: str | None = None,
    options: ScoreOptions | None = None,
    calibration: Calibration | None = None,
) -> dict[str, Any]:
    """Metrics ``test_<name>`` over the rows that got an answer.

    Args:
        table: At least one row.
        slice_by: See ``measure_groups``.
        pair_by: See ``measure_groups``.
        options: Of the intervals; None: the default.
        calibration: Frozen, see ``measure_scores``; None: there is none.
    """
    answered = table.answered
    metrics: dict[str, Any] = {"test_images": len(table)}
    if len(answered) < len(table):
        metrics["test_answered_share"] = len(answered) / len(table)
    options = ScoreOptions() if options is None else options
    scores = prefix_names(measure_scores(table, options, calibration), "test")
    return metrics | scores | measure_groups(answered, slice_by, pair_by, options.resamples)
