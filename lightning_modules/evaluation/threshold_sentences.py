"""What thresholds come to, and where they come from, for somebody who knows no statistics."""

from collections.abc import Mapping
from typing import Any

from lightning_modules.evaluation.calibration_file import IMAGES, Calibration
from lightning_modules.evaluation.scores.operating_points import OperatingPoint
from lightning_modules.evaluation.sentences import percent, probability, span

RULES = {
    "youden": "the largest sensitivity + specificity",
    "sensitivity": "a sensitivity of at least {share:g} %",
    "specificity": "a specificity of at least {share:g} %",
    "cost": "the least cost where a miss costs {at:g} times a false alarm",
}


def say_operating_point(metrics: Mapping[str, Any], calibration: Calibration | None) -> str | None:
    """What it is worth as a detector of the positive class; None: it is none."""
    point = None if calibration is None else calibration.operating_point
    if point is None or "test_sensitivity" not in metrics:
        return None
    rule = say_rule(point)
    parts, detected = [], repr(point.positive_class)
    for name, before, after in (
        ("sensitivity", "it finds", f"of the images of {detected}"),
        ("specificity", "it raises no alarm in", "of the others"),
        ("ppv", "of its alarms", f"are right while {detected} is as frequent as here"),
    ):
        value = metrics[f"test_{name}"]
        if value == value:
            parts.append(f"{before} {_with_ends(metrics, name)} {after}")
    said = "; ".join(parts)
    return (
        f"To detect {detected} from a probability of {probability(point.threshold)} on "
        f"(chosen on {calibration.images} for {rule}): {said}."
    )


def say_rule(point: OperatingPoint) -> str:
    """What a threshold was chosen for."""
    at = 0.0 if point.at is None else point.at  # of Youden's there is none
    return RULES[point.rule].format(at=at, share=100 * at)


def say_abstention(metrics: Mapping[str, Any], calibration: Calibration | None) -> str | None:
    """What is gained by answering only where it is sure; None: not known."""
    if calibration is None or "test_coverage" not in metrics:
        return None
    rule, target = calibration.abstain, percent(calibration.abstain.target_risk)
    if rule.threshold > 1:
        return (
            f"No threshold keeps wrong answers below {target} on "
            f"{IMAGES[calibration.chosen_on]} images: withholding unsure answers does not make "
            "this model reliable (scores.abstain_risk)."
        )
    if rule.threshold == 0:
        return None
    risk = metrics["test_selective_risk"]
    answers = f"{percent(metrics['test_coverage'])} of the images, and {percent(risk)} of these "
    said = "it answers none of the images" if risk != risk else f"it answers {answers}are wrong"
    return (
        f"If it answers only where it is at least {probability(rule.threshold)} sure (chosen on "
        f"{IMAGES[calibration.chosen_on]} images for at most {target} wrong), {said}."
    )


def _with_ends(metrics: Mapping[str, Any], name: str) -> str:
    said = percent(metrics[f"test_{name}"])
    if f"test_{name}_low" not in metrics:
        return said
    ends = {end: metrics[f"test_{name}_{end}"] for end in ("low", "high")}
    return f"{said} (95 % interval {span(ends, 'to')})"
