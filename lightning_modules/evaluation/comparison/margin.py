"""Whether a model is shown to be no worse than another by more than a margin: non-inferiority."""

from dataclasses import dataclass

from lightning_modules.evaluation.comparison.comparing import Comparison
from lightning_modules.evaluation.comparison.metrics import Metric
from lightning_modules.evaluation.comparison.wording import number

RULE = (
    "Shown is what holds at the lower end of the 95 % interval: of models that are worse by the "
    "margin or more, one in 40 would pass (97.5 % to one side)."
)


@dataclass(frozen=True)
class MarginVerdict:
    """Of one later variant.

    Args:
        name: Of the variant.
        worst: The largest loss that the interval leaves room for, as a loss below 0; None: there
            is no interval.
        shown: Whether that is less than the margin.
        sentence: That says so.
    """

    name: str
    worst: float | None
    shown: bool
    sentence: str


def judge_margin(comparison: Comparison, metric: Metric, margin: float) -> list[MarginVerdict]:
    """Judge every later variant against the first.

    Each has to be shown by itself, so that several need no correction.

    Args:
        comparison: What was compared.
        metric: By which.
        margin: As a difference of the metric: 0.01 is one point of a share.
    """
    first, verdicts = comparison.variants[0].name, []
    room = f"{number(metric, margin)} {metric.unit} of {metric.phrase}"
    for one in comparison.against:
        difference = one.differences[metric.name]
        end = difference.low if metric.sign > 0 else difference.high
        if end is None:
            sentence = f"NOT shown: there is no interval for {one.name}, so it may be worse."
            verdicts.append(MarginVerdict(one.name, None, False, sentence))
            continue
        worst = metric.sign * end
        loss = f"loses {number(metric, -worst)} {metric.unit}" if worst < 0 else "loses nothing"
        if worst > -margin:
            sentence = (
                f"Shown: {one.name} is not worse than {first} by {room} or more; at worst it "
                f"{loss}."
            )
        else:
            sentence = (
                f"NOT shown: {one.name} may be worse than {first} by {room} or more; at worst it "
                f"{loss}."
            )
        verdicts.append(MarginVerdict(one.name, worst, worst > -margin, sentence))
    return verdicts
