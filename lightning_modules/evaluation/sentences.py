"""What scores mean, in sentences for somebody who knows no statistics."""

from collections.abc import Mapping
from typing import Any

from lightning_modules.evaluation.calibration_file import IMAGES, Calibration

FEW_GROUPS = 10
FEW_IMAGES = 100
WIDE = 0.2  # an interval that leaves more open than this tells little
GOOD_ECE = 0.05
FEWEST_OF_BINS = 200  # images, below which the ECE of any model is far from 0 by chance


def say_intervals(metrics: Mapping[str, Any]) -> str | None:
    """How far accuracy and macro F1 may be off; None: there are no intervals."""
    intervals = metrics.get("test_intervals", {})
    if "accuracy" not in intervals:
        return None
    accuracy = intervals["accuracy"]
    count, unit = metrics["test_num_units"], metrics["test_unit"]
    said = f"accuracy between {span(accuracy)}"
    if "macro_f1" in intervals:
        ends = (intervals["macro_f1"][end] for end in ("low", "high"))
        said += " and macro F1 between {:.3f} and {:.3f}".format(*ends)
    return (
        f"On average over other {unit} like these {count}, expect {said} (95 % intervals, "
        f"{accuracy['method']})."
    )


def say_too_small(metrics: Mapping[str, Any]) -> str | None:
    """A warning where the test has too little to tell; None: it has enough."""
    if "test_num_units" not in metrics:
        return None
    count, unit = metrics["test_num_units"], metrics["test_unit"]
    intervals = metrics.get("test_intervals", {})
    name = "balanced accuracy" if "balanced_accuracy" in intervals else "accuracy"
    interval = intervals.get(name.replace(" ", "_"))
    few = FEW_GROUPS if unit == "groups" else FEW_IMAGES
    if interval is None and count > 1:
        return (
            f"How far the accuracy may be off on other {unit} is not known: all {count} {unit} are "
            "right equally often, and so tell nothing of how they differ."
        )
    if count == 1 or interval is None:
        return (
            f"The test set is TOO SMALL TO TELL: it has {count} {unit.removesuffix('s')}, so how "
            f"the model does on other {unit} is not known. Test on at least {few} of them."
        )
    if count < few:
        return (
            f"The test set is SMALL ({count} {unit}): its numbers say little about others. Test on "
            f"at least {few} {unit} before you rely on them."
        )
    if interval["high"] - interval["low"] > WIDE:
        return (
            f"The test set is TOO SMALL TO TELL: by {count} {unit} the {name} may be anything "
            f"between {span(interval)}. Test on more {unit}."
        )
    return None


def say_calibration(metrics: Mapping[str, Any], calibration: Calibration | None) -> str | None:
    """Whether its probabilities can be believed, by itself and with a temperature; None: unknown.

    Args:
        metrics: Of the test.
        calibration: Whose temperature was used in them; None: there is none.
    """
    if "test_ece" not in metrics:
        return None
    ece, sure = metrics["test_ece"], metrics["test_mean_confidence"]
    right = metrics["test_accuracy"]
    beside = f"on average it is {percent(sure)} sure and right in {percent(right)}"
    num = metrics.get("test_images", FEWEST_OF_BINS)
    num = round(num * metrics.get("test_answered_share", 1))
    if num < FEWEST_OF_BINS:
        return (
            f"{beside[0].upper()}{beside[1:]}: that {_judge_few(sure, metrics)}; "
            f"{num} image{' is' if num == 1 else 's are'} too few to say more of its probabilities."
        )
    if ece <= GOOD_ECE:
        said = f"Its probabilities can be taken at their word: {beside}"
    elif abs(sure - right) < ece / 2:
        said = f"It is too sure of some answers and not sure enough of others: {beside}"
    else:
        word = "too sure of itself" if sure > right else "more often right than it says"
        said = f"It is {word}: {beside}"
    said += f" (ECE {ece:.3f}, 0 is best)"
    if calibration is None or "test_calibrated_ece" not in metrics:
        reason = None if calibration is None else calibration.why_no_temperature
        if reason is None:
            return f"{said}."
        images = IMAGES[calibration.chosen_on]
        return f"{said}. No temperature was fitted on {images} images: {reason}."
    after, temperature = metrics["test_calibrated_ece"], metrics["test_temperature"]
    helps = metrics["test_calibrated_log_loss"] < metrics["test_log_loss"] and after < ece
    change = "does not mend it"
    if helps:
        change = "mends it" if after <= GOOD_ECE else "makes it a little better, and not good"
    if ece <= GOOD_ECE:
        gains = helps and ece - after > 0.005  # as three decimals show it
        change = "makes them a little better" if gains else "is not needed"
    return (
        f"{said}; dividing its logits by the temperature of {temperature:.2f}, fitted on "
        f"{IMAGES[calibration.chosen_on]} images, {change} (ECE {after:.3f})."
    )


def _judge_few(sure: float, metrics: Mapping[str, Any]) -> str:
    """Whether the mean confidence fits the accuracy of a small test."""
    if abs(sure - metrics["test_accuracy"]) <= GOOD_ECE:
        return "fits"
    interval = metrics.get("test_intervals", {}).get("accuracy")
    by_chance = interval is not None and interval["low"] <= sure <= interval["high"]
    return "may be chance" if by_chance else "does NOT fit"


def probability(value: float) -> str:
    """A probability by three digits, or by more where these would make it 1."""
    digits = 3
    while value < 1 and float(f"{value:.{digits}g}") == 1:
        digits += 1
    return f"{value:.{digits}g}"


def span(interval: Mapping[str, Any], word: str = "and") -> str:
    """The two ends of an interval of a share."""
    return f"{percent(interval['low'])} {word} {percent(interval['high'])}"


def percent(share: float) -> str:
    """A share in [0, 1]."""
    return f"{100 * share:.1f} %"
