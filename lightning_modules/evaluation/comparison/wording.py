"""What a comparison comes to, in sentences for whoever has to decide."""

from lightning_modules.evaluation.comparison.comparing import Against, Comparison
from lightning_modules.evaluation.comparison.metrics import METRICS, Metric
from lightning_modules.evaluation.statistics.difference import Difference

LEVEL = 0.05  # p-values below it are taken for more than chance
OF_PROBABILITIES = ("auroc", "log_loss")  # metrics that do not count answers
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


def verdict(one: Against, metric: Metric) -> str:
    """What the interval says of a later variant: ``better``, ``worse`` or ``cannot tell``.

    ``maybe better`` and ``maybe worse`` do not survive the correction for several comparisons.
    """
    found = one.differences[metric.name]
    includes_0 = found.low is None or found.high is None or found.low <= 0 <= found.high
    if one.same_model or includes_0:  # the same model differs by rounding alone
        return "cannot tell"
    word = "better" if metric.sign * found.value > 0 else "worse"
    return word if one.adjusted.get(metric.name, 0.0) < LEVEL else f"maybe {word}"


def conclude(comparison: Comparison, one: Against, metric: Metric) -> str:
    """The sentence about a variant and the first, by one metric, and what stands against it."""
    first, other = comparison.variants[0].name, one.name
    if one.same_model:
        return f"{other} and {first} give the same answers: they are the same model."
    difference = one.differences[metric.name]
    found, over = verdict(one, metric), _over(comparison, one)
    if found == "cannot tell":
        bounds = interval(metric, difference)
        bounds = f"95 % interval {bounds}" if bounds else "no interval"
        reason = "The interval includes 0, so either" if difference.low is not None else "Either"
        return (
            f"{other} and {first} cannot be told apart by {metric.phrase}: {_lead(one, metric)} on "
            f"these images, {bounds}, over {over}. {reason} may be the better one."
        )
    lower, upper = sorted(abs(end) for end in (difference.low, difference.high))
    bounds = f"95 % interval {number(metric, lower)} to {number(metric, upper)}, over {over}"
    size = f"{number(metric, abs(difference.value))} {metric.unit} of {metric.phrase}"
    sentence = f"{other} is {found} than {first} by {size}, {bounds}"
    if found.startswith("maybe"):
        return (
            f"{sentence}. But it is one of {len(comparison.against)} comparisons, and among so "
            f"many a difference like this may be luck (p = {p_value(one.adjusted[metric.name])} "
            f"after Holm's correction, above {LEVEL}): do not rely on it."
        )
    return f"{sentence}.{_doubt(one, metric)}"


def is_close(one: Against, metric: Metric) -> bool:
    """Whether the interval sees a difference in answers that their exact test does not."""
    chance = one.adjusted.get("by_group")
    if metric.name in OF_PROBABILITIES or chance is None or chance < LEVEL:
        return False
    return "cannot tell" not in (verdict(one, metric), verdict(one, BY_NAME["accuracy"]))


def _doubt(one: Against, metric: Metric) -> str:
    if not is_close(one, metric):
        return ""
    return (
        " But it is close: counting right answers alone, chance brings about such a difference in "
        f"{100 * one.adjusted['by_group']:.0f} of 100 tests (p by groups), where fewer than "
        f"{100 * LEVEL:.0f} are asked for. Test on more images before you rely on it."
    )


def _lead(one: Against, metric: Metric) -> str:
    """Which of the two is ahead on the images at hand."""
    value = one.differences[metric.name].value
    if not value:
        return "they score the same"
    size = f"{number(metric, abs(value))} {metric.unit}"
    return f"{one.name} scores {size} {'higher' if value > 0 else 'lower'}"


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
