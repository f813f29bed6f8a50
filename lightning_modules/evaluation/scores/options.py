"""What is asked of the scores."""

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from lightning_modules.evaluation.statistics.level import NUM_RESAMPLES

MOST_RESAMPLES = 100_000  # take 0.8 GB; more change nothing that is shown
RULES = ("youden", "sensitivity", "specificity", "cost")


@dataclass(frozen=True)
class ScoreOptions:
    """How thresholds are chosen, and how much is drawn for the intervals.

    Args:
        operating_point: Rule by which the threshold of the positive class is chosen, on validation
            or out-of-fold images: ``youden`` (largest sensitivity + specificity), ``sensitivity``
            or ``specificity`` (at least ``at``, and the other as large as can be), ``cost`` (least
            cost of errors).
        at: Sensitivity or specificity to keep, in (0, 1].
        cost_ratio: A missed positive costs so many false alarms, above 0.
        abstain_risk: Share of wrong answers, in (0, 1), that is allowed among those that are given;
            the least confident are withheld until those images keep to it.
        resamples: Of the bootstrap, 200 to 100,000.

    Raises:
        ValueError: A value is out of its range.
    """

    operating_point: Literal["youden", "sensitivity", "specificity", "cost"] = "youden"
    at: float = 0.95
    cost_ratio: float = 1.0
    abstain_risk: float = 0.05
    resamples: int = NUM_RESAMPLES

    def __post_init__(self) -> None:
        problems = list(find_score_problems(vars(self)))
        if problems:
            raise ValueError(". ".join(problems) + ".")


def find_score_problems(options: Mapping[str, Any]) -> Iterator[str]:
    """What is wrong with the values of ``ScoreOptions``, in sentences; ``options`` by name."""
    rule = options["operating_point"]
    if rule not in RULES:
        yield f"scores.operating_point is {rule!r}, expected {', '.join(RULES)}"
    if not 0 < options["at"] <= 1:
        yield f"scores.at is {options['at']}, expected above 0 and at most 1"
    if not 0 < options["cost_ratio"] < math.inf:
        yield f"scores.cost_ratio is {options['cost_ratio']}, expected above 0, and finite"
    if not 0 < options["abstain_risk"] < 1:
        yield f"scores.abstain_risk is {options['abstain_risk']}, expected between 0 and 1"
    if not 200 <= options["resamples"] <= MOST_RESAMPLES:
        yield f"scores.resamples is {options['resamples']}, expected 200 to {MOST_RESAMPLES}"
