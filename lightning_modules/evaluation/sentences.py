"""What scores mean, in sentences for somebody who knows no statistics."""

from collections.abc import Mapping
from typing import Any

from lightning_modules.evaluation.calibration_file import Calibration

FEW_GROUPS = 10
FEW_IMAGES = 100
WIDE = 0.2  # an interval that leaves more open than this tells little
GOOD_ECE = 0.05
FEWEST_OF_BINS = 200  # images, below which the ECE of any model is far from 0 by chance
SPLITS = {"val": "validation", "out_of_fold": "out-of-fold"}
RULES = {
    "youden": "the largest sensitivity + specificity",
    "sensitivity": "a sensitivity of at least {at:.0%}",
    "specificity": "a specificity of at least {at:.0%}",
    "cost": "the least cost where a miss costs {at:g} times a false alarm",
}


def say_intervals(metrics: Mapping[str, Any]) -> str | None:
    """How far accuracy and macro F1 may be off; None: there are no intervals."""
    intervals = metrics.get("test_intervals", {})
    if "accuracy" not in intervals:
        return None
    accuracy = intervals["accuracy"]
    count, unit = metrics["test_num_units"], metrics["test_unit"]
    said = f"accuracy between {_span(accuracy)}"
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
            f"between {_span(interval)}. Test on more {unit}."
        )
    return None


def say_calibration(metrics: Mapping[str, Any]) -> str | None:
    """Whether its probabilities can be believed; None: not known."""
    if "test_ece" not in metrics:
        return None
    ece, sure = metrics["test_ece"], metrics["test_mean_confidence"]
    right = metrics["test_accuracy"]
    beside = f"on average it is {_percent(sure)} sure and right in {_percent(right)}"
    num = metrics.get("test_images", FEWEST_OF_BINS)
    if num < FEWEST_OF_BINS:
        return (
            f"{beside[0].upper()}{beside[1:]}: that {_judge_few(sure, metrics)}; {num} images are "
            "too few to say more of its probabilities."
        )
    if ece <= GOOD_ECE:
        said = f"Its probabilities can be taken at their word: {beside}"
    elif abs(sure - right) < ece / 2:
        said = f"It is too sure of some answers and not sure enough of others: {beside}"
    else:
        word = "too sure of itself" if sure > right else "more often right than it says"
        said = f"It is {word}: {beside}"
    said += f" (ECE {ece:.3f}, 0 is best)"
    if "test_calibrated_ece" not in metrics or metrics["test_temperature"] == 1:
        return f"{said}."
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
        f"validation, {change} (ECE {after:.3f})."
    )


def _judge_few(sure: float, metrics: Mapping[str, Any]) -> str:
    """Whether the mean confidence fits the accuracy of a small test."""
    if abs(sure - metrics["test_accuracy"]) <= GOOD_ECE:
        return "fits"
    interval = metrics.get("test_intervals", {}).get("accuracy")
    by_chance = interval is not None and interval["low"] <= sure <= interval["high"]
    return "may be chance" if by_chance else "does NOT fit"


def say_operating_point(metrics: Mapping[str, Any], calibration: Calibration | None) -> str | None:
    """What it is worth as a detector of the positive class; None: it is none."""
    point = None if calibration is None else calibration.operating_point
    if point is None or "test_sensitivity" not in metrics:
        return None
    rule = RULES[point.rule].format(at=point.at) if point.at is not None else RULES[point.rule]
    groups = "" if calibration.num_groups is None else f" of {calibration.num_groups} groups"
    parts, detected = [], repr(point.positive_class)
    for name, words in (
        ("sensitivity", f"it finds {{}} of the images of {detected}"),
        ("specificity", "it raises no alarm in {} of the others"),
        ("ppv", f"of its alarms {{}} are right while {detected} is as frequent as here"),
    ):
        value = metrics[f"test_{name}"]
        if value == value:
            parts.append(words.format(_with_ends(metrics, name)))
    said = "; ".join(parts)
    return (
        f"To detect {detected} from a probability of {point.threshold:.3g} on "
        f"(chosen on {calibration.num_images} {SPLITS[calibration.chosen_on]} images{groups} for "
        f"{rule}): {said}."
    )


def say_abstention(metrics: Mapping[str, Any], calibration: Calibration | None) -> str | None:
    """What is gained by answering only where it is sure; None: not known."""
    if calibration is None or "test_coverage" not in metrics:
        return None
    rule, target = calibration.abstain, _percent(calibration.abstain.target_risk)
    if rule.threshold > 1:
        return (
            f"No threshold keeps wrong answers below {target} on "
            f"{SPLITS[calibration.chosen_on]} images: withholding unsure answers does not make "
            "this model reliable (scores.abstain_risk)."
        )
    if rule.threshold == 0:
        return None
    risk = metrics["test_selective_risk"]
    answers = f"{_percent(metrics['test_coverage'])} of the images, and {_percent(risk)} of these "
    said = "it answers none of the images" if risk != risk else f"it answers {answers}are wrong"
    return (
        f"If it answers only where it is at least {rule.threshold:.3g} sure (chosen on "
        f"{SPLITS[calibration.chosen_on]} images for at most {target} wrong), {said}."
    )


def _with_ends(metrics: Mapping[str, Any], name: str) -> str:
    said = _percent(metrics[f"test_{name}"])
    if f"test_{name}_low" not in metrics:
        return said
    ends = {end: metrics[f"test_{name}_{end}"] for end in ("low", "high")}
    return f"{said} (95 % interval {_span(ends, 'to')})"


def _span(interval: Mapping[str, Any], word: str = "and") -> str:
    return f"{_percent(interval['low'])} {word} {_percent(interval['high'])}"


def _percent(share: float) -> str:
    return f"{100 * share:.1f} %"
