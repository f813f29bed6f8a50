"""What is said beside a score: what it gets wrong most, and what validation had promised."""

import numpy as np

from lightning_modules.evaluation.report.record import Record
from lightning_modules.evaluation.report.wording import percent

BROKEN = 0.10  # of macro F1, from which on the test does not keep what validation promised


def say_promised(record: Record) -> str:
    """What validation had promised, where the test did not keep it."""
    promised, kept = (record.metrics.get(n) for n in ("best_val_macro_f1", "test_macro_f1"))
    if promised is None or kept is None or promised - kept < BROKEN:
        return ""
    return (
        f" Validation had promised more (macro F1 {promised:.2f}, on the test {kept:.2f}): the "
        "test images are of another kind, or training has learned what does not hold there."
    )


def say_units(record: Record) -> str:
    """How often it is right where the images of a patient or clip make one answer."""
    right = percent(record.metrics.get("unit_accuracy"))
    unit = record.metrics.get("unit")
    return "" if right is None else f" By {unit}, many images making one answer: {right}."


def say_mistake(record: Record) -> str:
    """The most frequent mistake, as a sentence."""
    counts = np.array(record.predictions.confusion())
    totals = counts.sum(axis=1)
    np.fill_diagonal(counts, 0)
    if not counts.any():
        return " Not one image was answered wrong."
    if counts.max() == 1 and counts.sum() > 1:
        return f" Its {counts.sum()} mistakes are each of another kind."
    true, answered = np.unravel_index(counts.argmax(), counts.shape)
    names = record.class_names
    return (
        f" Its most frequent mistake: {names[true]} is taken for {names[answered]} "
        f"({counts[true, answered]:,} of {totals[true]:,})."
    )
