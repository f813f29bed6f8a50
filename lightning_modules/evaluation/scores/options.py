"""What is asked of the scores."""

from dataclasses import dataclass
from typing import Literal

from lightning_modules.evaluation.statistics.bootstrap import NUM_RESAMPLES

RULES = ("youden", "sensitivity", "specificity", "cost")


@dataclass(frozen=True)
class ScoreOptions:
    """How thresholds are chosen, and how much is drawn for the intervals.

    Args:
        operating_point: Rule by which the threshold of the positive class is chosen on validation:
            ``youden`` (largest sensitivity + specificity), ``sensitivity`` or ``specificity`` (at
            least ``at``, and the other as large as can be), ``cost`` (least cost of errors).
        at: Sensitivity or specificity to keep, in (0, 1].
        cost_ratio: A missed positive costs so many false alarms, above 0.
        abstain_risk: Share of wrong answers, in (0, 1), that is allowed among those that are given;
            the least confident are withheld until validation keeps to it.
        resamples: Of the bootstrap, at least 200.

    Raises:
        ValueError: A value is out of its range.
    """

    operating_point: Literal["youden", "sensitivity", "specificity", "cost"] = "youden"
    at: float = 0.95
    cost_ratio: float = 1.0
    abstain_risk: float = 0.05
    resamples: int = NUM_RESAMPLES

    def __post_init__(self) -> None:
        problems = []
        if self.operating_point not in RULES:
            problems.append(
                f"scores.operating_point is {self.operating_point!r}, expected {', '.join(RULES)}."
            )
        if not 0 < self.at <= 1:
            problems.append(f"scores.at is {self.at}, expected above 0 and at most 1.")
        if not self.cost_ratio > 0:
            problems.append(f"scores.cost_ratio is {self.cost_ratio}, expected above 0.")
        if not 0 < self.abstain_risk < 1:
            problems.append(f"scores.abstain_risk is {self.abstain_risk}, expected from 0 to 1.")
        if self.resamples < 200:
            problems.append(f"scores.resamples is {self.resamples}, expected 200 or more.")
        if problems:
            raise ValueError("\n".join(problems))
