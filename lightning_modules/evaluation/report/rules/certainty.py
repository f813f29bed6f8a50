"""Does it know how sure it is?"""

from collections.abc import Iterator

import numpy as np

from lightning_modules.evaluation.report.blocks import Level
from lightning_modules.evaluation.report.record import Record
from lightning_modules.evaluation.report.rules.check import Check
from lightning_modules.evaluation.report.wording import count, percent
from lightning_modules.evaluation.scores import reliability_bins
from lightning_modules.evaluation.scores.calibration import expected_calibration_error
from lightning_modules.evaluation.sentences import FEWEST_OF_BINS, GOOD_ECE

FAR_OFF = 0.15  # of probabilities, beyond which they are no help at all


def ask_probabilities(record: Record) -> Iterator[Check]:
    """The expected calibration error, of a small test the mean alone; of no numbers nothing."""
    if not np.isfinite(record.predictions.logits).all():
        return
    table, error = record.predictions, record.metrics.get("test_ece")
    sure, right = float(table.probs.max(axis=1).mean()), float(table.correct.mean())
    few = len(table) < FEWEST_OF_BINS
    if few:
        error = abs(sure - right)
    elif error is None:
        error = expected_calibration_error(reliability_bins(table.labels, table.probs))
    level: Level = "good" if error <= GOOD_ECE else "careful"
    said = "can be taken at their word" if level == "good" else "cannot be taken at their word"
    told = f"Its percentages are off by {100 * error:.1f} points: they {said}."
    if few and level == "good":
        told = f"That fits; {count(len(table), 'image')} are too few to say more."
    yield Check(
        "Does it know how sure it is?",
        level,
        f"It says on average that it is {percent(sure, 0)} sure, and is right in "
        f"{percent(right, 0)}. {told}",
        f"good if off by at most {100 * GOOD_ECE:.0f} points, with {FEWEST_OF_BINS} images and "
        "more at each level of sureness; never a problem: the answers stay the same",
        "Do not use the percentages beside its answers.",
        "No" if error > FAR_OFF else "",
    )
