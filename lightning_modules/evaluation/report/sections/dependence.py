"""What exchanged backgrounds, real pairs and outlines tell, in sentences."""

from collections.abc import Mapping
from typing import Any

from markupsafe import Markup

from lightning_modules.evaluation.report.blocks import sentence, term
from lightning_modules.evaluation.report.wording import (
    count,
    decimal,
    interval,
    percent,
    percent_range,
)


def say_flips(metrics: Mapping[str, Any]) -> list[Markup]:
    """Flip rate, with how surely it is known, and background gap."""
    items = []
    if metrics.get("test_flip_rate") is not None:
        items.append(
            sentence(
                "{f} with random backgrounds: {value} of {images}{ends} (0 % if the "
                "background does not count).",
                f=term("flip rate", "Flip rate"),
                value=percent(metrics["test_flip_rate"]),
                images=_count(metrics.get("test_flip_rate_images"), "image"),
                ends=_within(metrics, "test_flip_rate"),
            )
        )
    if metrics.get("test_background_gap") is not None:
        items.append(
            sentence(
                "{g}: {value} points of accuracy (0 if the background does not count; where many "
                "answers flip, a small one proves nothing).",
                g=term("background gap", "Background gap"),
                value=decimal(100 * metrics["test_background_gap"], 1),
            )
        )
    return items


def say_outline(metrics: Mapping[str, Any]) -> list[Markup]:
    """The geometry of the training masks alone, and how much the network looks outside."""
    items = []
    if "mask_only_balanced_accuracy" in metrics:
        items.append(
            sentence(
                "{m}, learned from the outlines of training images alone: {value} (95 % interval "
                "{ends}; guessing reaches {chance}). {judged}",
                m=term("mask-only accuracy", "Mask-only accuracy"),
                value=percent(metrics["mask_only_balanced_accuracy"]),
                ends=percent_range((metrics["mask_only_low"], metrics["mask_only_high"])),
                chance=percent(metrics["mask_only_chance"], 0),
                judged="The outline alone gives the class away; no gate on pixels hides that."
                if metrics.get("mask_only_warning")
                else "The outline does not give the class away.",
            )
        )
    share = metrics.get("test_gradient_outside_roi")
    if share is not None:
        items.append(
            sentence(
                "Secondary evidence: {share} of what the network is sensitive to (input gradient) "
                "lies outside the {roi}.",
                share="nothing" if share == 0 else percent(share),
                roi=term("region of interest"),
            )
        )
    return items


def say_pairs(metrics: Mapping[str, Any]) -> Markup:
    """How many real pairs of images get two answers."""
    return sentence(
        "Real pairs: in {flips} of {num} of images that differ in the background only, the "
        "two answers differ{ends}.",
        flips=percent(metrics["test_pair_flip_rate"]),
        num=count(metrics["test_pairs"], "pair"),
        ends=_within(metrics, "test_pair_flip_rate"),
    )


def _count(number: int | None, one: str) -> str:
    return f"{one}s" if number is None else count(number, one)


def _within(metrics: Mapping[str, Any], name: str) -> str:
    ends = percent_range(interval(metrics, name))
    return "" if ends is None else f", 95 % interval {ends}"
