"""What the pooled answers of a cross-validation come to, and what was chosen by them, in words."""

from collections.abc import Mapping, Sequence
from typing import Any

from lightning_modules.evaluation.calibration_file import Calibration
from lightning_modules.evaluation.scores.risk_coverage import AbstainRule
from lightning_modules.evaluation.sentences import percent, probability
from lightning_modules.evaluation.threshold_sentences import say_rule


def describe_pooled(metrics: Mapping[str, Any], missing: Sequence[int]) -> list[str]:
    """Say what was pooled and how good it is.

    Args:
        metrics: Of the pooled table, with ``num_folds``, ``num_pooled_folds`` and the spread.
        missing: Numbers of folds that have no predictions.
    """
    parts = []
    for name, word in (("accuracy", "right"), ("macro_f1", "macro F1")):
        if f"test_{name}" not in metrics:
            continue
        beside = []
        for what, ends in (("95 % interval", ("low", "high")), ("folds", ("fold_min", "fold_max"))):
            low, high = (metrics.get(f"test_{name}_{end}") for end in ends)
            if low is not None and high is not None:
                beside.append(f"{what} {100 * low:.1f} to {100 * high:.1f} %")
        text = f"{word} {100 * metrics[f'test_{name}']:.1f} %"
        parts.append(f"{text} ({'; '.join(beside)})" if beside else text)
    pooled = (
        f"Cross-validation: {metrics['num_pooled_folds']} of {metrics['num_folds']} folds pooled, "
        f"{metrics['test_images']} images, "
    )
    if parts:
        pooled += f"each answered by a model that was not trained on it: {', '.join(parts)}."
    else:
        pooled += "none of which has an answer."
    return [pooled, *_warn_missing(missing, metrics["num_folds"])]


def _warn_missing(missing: Sequence[int], num_folds: int) -> list[str]:
    if not missing:
        return []
    one = len(missing) == 1
    return [
        f"WARNING: fold{'' if one else 's'} {', '.join(map(str, missing))} of {num_folds} (from 0) "
        f"{'is' if one else 'are'} missing, and with {'it' if one else 'them'} the images that "
        f"{'it tests' if one else 'they test'}: the result is of the others alone."
    ]


def say_chosen(calibration: Calibration) -> str:
    """What was chosen on the pooled answers, and what it is for."""
    temperature, point = calibration.temperature, calibration.operating_point
    parts = [f"no temperature, as {calibration.why_no_temperature}"]
    if temperature is not None:
        parts = [f"logits are divided by the temperature {temperature:.2f}"]
    if point is not None:
        parts.append(
            f"an image counts as {point.positive_class!r} from a probability of "
            f"{probability(point.threshold)} on ({say_rule(point)})"
        )
    parts.append(_say_abstain(calibration.abstain))
    return (
        f"Chosen on {calibration.images}, for a model of the same recipe that is trained on all of "
        f"them (calibration.json): {'; '.join(parts)}. No score above uses any of it, for it was "
        "chosen on these very images."
    )


def _say_abstain(rule: AbstainRule) -> str:
    target = percent(rule.target_risk)
    if rule.threshold > 1:
        return f"no threshold for withholding unsure answers, as none keeps wrong ones to {target}"
    if rule.threshold == 0:
        return f"no answer has to be withheld to keep wrong ones to {target}"
    sure = probability(rule.threshold)
    return f"it had better answer only where it is at least {sure} sure (at most {target} wrong)"
