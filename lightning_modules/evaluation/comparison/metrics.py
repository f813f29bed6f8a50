"""What models are compared by, and how each is said."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Metric:
    """A metric of a comparison.

    Args:
        name: As metrics.json has it behind ``test_``.
        title: Its head in a table.
        phrase: As it stands in a sentence: points of it.
        meaning: One short line.
        scale: What a difference is multiplied by; 100 makes points of a share.
        unit: What a scaled difference is of.
        decimals: Of a scaled difference as it is shown.
        sign: 1 where more is better, -1 where less is.
    """

    name: str
    title: str
    phrase: str
    meaning: str
    scale: float = 100.0
    unit: str = "points"
    decimals: int = 1
    sign: int = 1


METRICS = (
    Metric("accuracy", "accuracy", "accuracy", "share of right answers"),
    Metric(
        "balanced_accuracy",
        "balanced accuracy",
        "balanced accuracy",
        "share of right answers of each class, averaged: rare classes count as much as others",
    ),
    Metric(
        "macro_f1",
        "macro F1",
        "macro F1",
        "how well each class is found without false alarms (F1), averaged over the classes",
    ),
    Metric(
        "auroc",
        "AUROC",
        "AUROC",
        "how well the probability of a class ranks its images above the others; 50 is chance",
    ),
    Metric(
        "log_loss",
        "log loss",
        "log loss",
        "how far the probabilities are from the truth; LESS is better, 0 is perfect",
        scale=1.0,
        unit="nats",
        decimals=3,
        sign=-1,
    ),
    Metric(
        "worst_group_accuracy",
        "worst group",
        "accuracy in the worst group",
        "share of right answers where there are fewest, over each class in each slice "
        "(data.slice_by)",
    ),
)
NAMES = tuple(metric.name for metric in METRICS)
