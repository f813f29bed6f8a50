"""What a comparison comes to, in sentences for whoever has to decide."""

from lightning_modules.evaluation.comparison.comparing import Against, Comparison
from lightning_modules.evaluation.comparison.metrics import METRICS, Metric
from lightning_modules.evaluation.statistics.difference import Difference

LEVEL = 0.05  # p-values below it are taken for more than chance
FEW = 10  # groups, below which intervals are rough
BY_NAME = {metric.name: metric for metric in METRICS}


def number(metric: Metric, value: float, signed: bool = False) -> str:
    """A difference or its bound, scaled and rounded; a real minus, so that columns align."""
    text = f"{metric.scale * value:{'+' if signed else ''}.{metric.decimals}f}"
    if float(text) == 0:
        text = text.lstrip("+-")
    return text.replace("-", "\N{MINUS SIGN}")


def interval(metric: Metric, difference: Difference) -> str:
    """``1.2 to 5.0``; nothing where there is none."""
    if difference.low is None or difference.high is None:
        return ""
    return f"{number(metric, difference.low)} to {number(metric, difference.high)}"


def p_value(value: float | None) -> str:
    """``0.012``, ``< 0.001``; nothing where there is none."""
    if value is None:
        return ""
    return "< 0.001" if value < 0.001 else f"{value:.3f}"


def verdict(difference: Difference, metric: Metric) -> str:
    """``better``, ``worse`` or ``cannot tell``: what the interval says of the later variant."""
    if difference.low is None or difference.high is None or difference.low <= 0 <= difference.high:
        return "cannot tell"
    return "better" if metric.sign * difference.value > 0 else "worse"


def conclude(comparison: Comparison, one: Against, metric: Metric) -> list[str]:
    """The sentence about a variant and the first, by one metric, and what stands against it."""
    first, other = comparison.variants[0].name, one.name
    if one.same_model:
        return [f"{other} and {first} give the same answers: they are the same model."]
    difference = one.differences[metric.name]
    found, over = verdict(difference, metric), _over(comparison, one)
    if difference.low is None:
        return [
            f"{other} and {first} cannot be told apart by {metric.title}: the difference is "
            f"{_size(metric, difference)}, and {over} give no interval."
        ]
    bounds = f"95 % interval {interval(metric, difference)}, over {over}"
    if found == "cannot tell":
        return [
            f"{other} and {first} cannot be told apart by {metric.title}: the difference is "
            f"{_size(metric, difference)}, {bounds}. The interval includes 0, so either may be the "
            "better one."
        ]
    lower, upper = sorted(abs(end) for end in (difference.low, difference.high))
    bounds = f"95 % interval {number(metric, lower)} to {number(metric, upper)}, over {over}"
    size = f"{number(metric, abs(difference.value))} {metric.unit} of {metric.title}"
    sentence = f"{other} is {found} than {first} by {size}, {bounds}"
    adjusted = one.adjusted.get(metric.name, 0.0)
    if adjusted >= LEVEL:
        return [
            f"{sentence}. But it is one of {len(comparison.against)} comparisons, and among so "
            "many a difference like this may be luck (p = "
            f"{p_value(adjusted)} after Holm's correction, above {LEVEL}): do not rely on it."
        ]
    return [f"{sentence}."]


def _size(metric: Metric, difference: Difference) -> str:
    return f"{number(metric, difference.value, signed=True)} {metric.unit}"


def _over(comparison: Comparison, one: Against) -> str:
    """``24 groups``, with the runs where a variant has several."""
    paired = comparison.paired
    over = f"{paired.num_units} {paired.unit_name}"
    runs = [len(comparison.values["accuracy"][place]) for place in (0, _place(comparison, one))]
    if max(runs) == 1:
        return over
    counts = str(runs[0]) if runs[0] == runs[1] else f"{runs[0]} and {runs[1]}"
    return f"{over} and {counts} {'runs each' if runs[0] == runs[1] else 'runs'}"


def _place(comparison: Comparison, one: Against) -> int:
    return 1 + [id(other) for other in comparison.against].index(id(one))


def caveats(comparison: Comparison) -> list[str]:
    """What is to be known before the numbers are believed."""
    paired = comparison.paired
    runs = [len(values) for values in comparison.values["accuracy"]]
    notes = list(paired.notes)
    if paired.num_units < FEW:
        notes.append(
            f"{paired.num_units} {paired.unit_name} are too few to tell models apart unless they "
            f"differ greatly: intervals over fewer than {FEW} are rough."
        )
    if max(runs) == 1:
        notes.append(
            "Each variant is one training. The intervals say what other test "
            f"{paired.unit_name} would change, not what another seed would: train each with "
            "several seeds (--multirun seed=0,1,2) and compare the sweep to know both."
        )
    elif min(runs) == 1:
        names = [v.name for v, n in zip(comparison.variants, runs, strict=True) if n == 1]
        notes.append(
            f"{', '.join(names)}: one training each, so what another seed would change is in the "
            "intervals for the others alone."
        )
    else:
        notes.append(
            "Variants are means over their runs; the intervals cover other test "
            f"{paired.unit_name} and other seeds."
        )
    if len(comparison.against) > 1:
        notes.append(
            f"{len(comparison.against)} comparisons: each interval is a 95 % interval by itself; "
            "the p-values are corrected for their number (Holm)."
        )
    return notes


def explain_mcnemar(comparison: Comparison) -> str:
    """Which of the two tests of single runs to trust; "": there is none."""
    if not any(one.mcnemar for one in comparison.against):
        return ""
    text = "McNemar asks whether one model is right more often on the images where just one is; "
    if comparison.paired.grouped:
        return text + (
            "it takes all images for independent of each other. Images of one group are not: trust "
            "the p-value by groups, which asks the same and moves the images of a group together."
        )
    return text + "it takes all images for independent of each other."


def plain_verdict(comparison: Comparison, metric: Metric, margin: float) -> list[tuple[str, bool]]:
    """Of each later variant: whether it is shown to be no worse than the first by the margin.

    Args:
        comparison: What was compared.
        metric: By which.
        margin: As a difference of the metric, 0.01 for one point.

    Returns:
        A sentence and whether it is shown, for each.
    """
    return [_judge_margin(comparison, one, metric, margin) for one in comparison.against]


def _judge_margin(
    comparison: Comparison, one: Against, metric: Metric, margin: float
) -> tuple[str, bool]:
    difference, first = one.differences[metric.name], comparison.variants[0].name
    least = difference.low if metric.sign > 0 else difference.high
    room = f"{number(metric, margin)} {metric.unit} of {metric.title}"
    if least is None:
        return f"NOT shown: {one.name} has no interval to say that it is not worse.", False
    worst = metric.sign * least  # the worst that the interval leaves room for
    shown = worst > -margin
    # rounded bounds may look as if they touched
    loss = f"{number(metric, -worst)} {metric.unit}" if worst < 0 else "nothing"
    if shown:
        return (
            f"Shown: {one.name} is not worse than {first} by {room}; at worst it loses {loss} "
            "(lower end of the 95 % interval, wrong once in 40 times).",
            True,
        )
    return (
        f"NOT shown: {one.name} may be worse than {first} by more than {room}; it may lose up to "
        f"{loss} (lower end of the 95 % interval).",
        False,
    )
