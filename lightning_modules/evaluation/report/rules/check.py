"""A question to a test, and its answer by a rule."""

from dataclasses import dataclass

import numpy as np

from lightning_modules.evaluation.report.blocks import Level
from lightning_modules.evaluation.report.record import Record
from lightning_modules.evaluation.report.wording import interval

ORDER: tuple[Level, ...] = ("note", "good", "careful", "bad")
ANSWERS: dict[Level, str] = {"note": "Not known", "good": "Yes", "careful": "Partly", "bad": "No"}


@dataclass(frozen=True)
class Check:
    """A question and its answer.

    Args:
        question: Answered by yes where all is well.
        level: What the answer is worth.
        reason: In a sentence or two.
        rule: That the level follows, with its bounds.
        advice: What to do where all is not well, a sentence; "": nothing can be done.
        answer: Instead of yes, partly or no; "": those.
    """

    question: str
    level: Level
    reason: str
    rule: str
    advice: str = ""
    answer: str = ""

    @property
    def said(self) -> str:
        """The answer in a word."""
        return self.answer or ANSWERS[self.level]


def at_least(level: Level, other: Level) -> Level:
    """The worse of two levels."""
    return max(level, other, key=ORDER.index)


def chance_of(record: Record) -> float:
    """What the score that is judged comes to without looking at an image."""
    labels = np.bincount(record.predictions.labels, minlength=len(record.class_names))
    if score_of(record)[0] != "accuracy":
        return float(1 / (labels > 0).sum())
    return float(labels.max() / labels.sum())


def is_guessing(record: Record) -> bool:
    """Whether the score is not shown to be above chance."""
    return score_of(record)[2][0] <= chance_of(record)


def score_of(record: Record) -> tuple[str, float, tuple[float, float]]:
    """Name, value and interval of the score that is judged.

    Of a single group there is no interval, and nothing is known of others: it is 0 to 1 then.
    """
    for name in ("balanced_accuracy", "accuracy"):
        ends = interval(record.metrics, f"test_{name}")
        if ends is not None:
            return name.replace("_", " "), record.metrics[f"test_{name}"], ends
    return "accuracy", float(record.predictions.correct.mean()), (0.0, 1.0)
