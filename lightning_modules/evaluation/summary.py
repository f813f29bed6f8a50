"""What a test came to, in plain sentences."""

from typing import TYPE_CHECKING, Any

import numpy as np

from lightning_modules.evaluation.calibration_file import Calibration
from lightning_modules.evaluation.predictions import PredictionTable
from lightning_modules.evaluation.sentences import (
    percent,
    say_calibration,
    say_intervals,
    say_too_small,
)
from lightning_modules.evaluation.threshold_sentences import say_abstention, say_operating_point

if TYPE_CHECKING:
    from lightning_modules.networks.gates.base import Promise  # brings torch


def summarize(
    predictions: PredictionTable,
    metrics: dict[str, Any],
    promise: "Promise | None",
    caveat: str | None,
    unseen: bool = True,
    tested: str = "test",
    calibration: Calibration | None = None,
) -> list[str]:
    """Say how good the model is, and how much it depends on the background as far as known.

    Args:
        predictions: Of the test.
        metrics: Of the test, by name.
        promise: Of the gate; None: the answers alone are there, and no model was asked.
        caveat: What is to be said beside every score; None: nothing.
        unseen: Whether its groups are known to be none of those trained on.
        tested: Split that the images are of; "": of several.
        calibration: Of the model; None: there is none.
    """
    sentences = [
        _say_quality(predictions, metrics, caveat, unseen, tested),
        _say_background(predictions, metrics, promise),
        say_intervals(metrics),
        say_too_small(metrics),
        say_calibration(metrics, calibration),
        say_operating_point(metrics, calibration),
        say_abstention(metrics, calibration),
    ]
    return [sentence for sentence in sentences if sentence is not None]


def _say_quality(
    predictions: PredictionTable,
    metrics: dict[str, Any],
    caveat: str | None,
    unseen: bool,
    tested: str,
) -> str:
    groups = predictions.answered.groups
    subjects = "" if groups is None else f" of {_count_groups(groups)}"
    if groups is not None and unseen:
        subjects += " unseen in training"
    sentence = (
        f"It is right in {percent(metrics['test_accuracy'])} of {len(predictions.answered)} "
        f"{tested + ' ' if tested else ''}images"
        f"{subjects} (balanced accuracy {percent(metrics['test_balanced_accuracy'])}, "
        f"macro F1 {metrics['test_macro_f1']:.3f})"
    )
    return f"{sentence}; {caveat}." if caveat else f"{sentence}."


def _count_groups(groups: np.ndarray) -> str:
    number = len(set(groups.tolist()))
    return "1 group" if number == 1 else f"{number} groups"


def _say_background(
    predictions: PredictionTable, metrics: dict[str, Any], promise: "Promise | None"
) -> str:
    parts = []
    if "test_worst_group" in metrics:
        number = len(metrics["test_groups"])
        bounds = _within(metrics, "worst_group_accuracy", f", the worst of {number}")
        parts.append(
            f"in its worst group ({metrics['test_worst_group']}) it is right in "
            f"{percent(metrics['test_worst_group_accuracy'])}{bounds}"
        )
    if "test_pair_flip_rate" in metrics:
        right = f"{percent(metrics['test_pair_accuracy'])} of their images are answered right"
        parts.append(
            "changing only the background changes the answer in "
            f"{percent(metrics['test_pair_flip_rate'])} of {metrics['test_pairs']} pairs"
            f"{_within(metrics, 'pair_flip_rate', f'; {right}') or f' ({right})'}"
        )
    if "test_flip_rate" in metrics:
        images = metrics.get("test_flip_rate_images")
        parts.append(
            "another background, drawn at random, changes the answer in "
            f"{percent(metrics['test_flip_rate'])} of {f'{images} ' if images else ''}images"
            f"{_within(metrics, 'flip_rate')}"
        )
    if promise is None:
        opening = (
            "How much of it is background is not known: only its answers were given, nothing was"
        )
        opening += " asked of it"
    elif promise.value == "none":
        opening = "It is NOT gated: nothing keeps it from reading the background"
        if not parts:
            parts.append(
                "how much it does is not known (ROIs of test images, data.slice_by or data.pair_by "
                "measure it)"
            )
    else:
        opening = _say_promise(predictions, metrics)
    return "; ".join([opening, *parts]) + "."


def _within(metrics: dict[str, Any], name: str, more: str = "") -> str:
    """Between which bounds a metric lies, in brackets; "": there are none, as of one subject."""
    ends = [metrics.get(f"test_{name}_{end}") for end in ("low", "high")]
    if None in ends:
        return ""
    return " (95 % interval {} to {}{})".format(*map(percent, ends), more)


def _say_promise(predictions: PredictionTable, metrics: dict[str, Any]) -> str:
    ungated = predictions.mask_origin.count("full")
    if ungated == len(predictions):
        return (
            "NONE of its answers is gated: no image had a mask, so all were shown whole and the "
            "promise holds for none"
        )
    sentence = "Its answers come from inside the applied mask alone"
    origins = {name: predictions.mask_origin.count(name) for name in ("predicted", "detected")}
    found = [f"{name} for {number}" for name, number in origins.items() if number]
    if found:
        sentence += f" ({' and '.join(found)} of {len(predictions)} images)"
    if predictions.area_ratio is not None:
        sentence += f", which covers {predictions.area_ratio:.2f} times the area of the ROI"
    if "test_mask_dice" in metrics:
        sentence += (
            f"; predicted masks overlap the ROI with a Dice of {metrics['test_mask_dice']:.2f}"
        )
    if ungated:
        sentence += (
            f"; {ungated} of {len(predictions)} images had no mask, were shown whole and are NOT "
            f"gated: the promise does not hold for them"
        )
    unanswered = predictions.mask_origin.count("abstain")
    if unanswered:
        sentence += f"; {unanswered} images without a mask got NO answer and count in no score"
    answered = predictions.answered
    empty = int((answered.mask_share == 0).sum())
    if empty:
        sentence += f"; for {empty} images the mask is empty, so their answers are guesses"
    return sentence
