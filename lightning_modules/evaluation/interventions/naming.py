"""What interventions came to, as metrics by name."""

from collections.abc import Mapping
from typing import Any

from lightning_modules.evaluation.interventions.measures import (
    AS_THEY_ARE,
    FULL_MASK,
    RANDOM,
    Row,
    background_gap,
)


def name_metrics(
    rows: Mapping[str, Row], full: Mapping[str, Row], constant: Row, stability: float | None
) -> dict[str, Any]:
    """Metrics by name; what could not be measured is absent.

    Args:
        rows: Of the model.
        full: Of the model under a mask that is true everywhere; may be empty.
        constant: Of the constant predictor.
        stability: Mean IoU of predicted masks before and after a swap.

    Returns:
        ``test_background_gap``; ``test_<change>_accuracy`` and ``_flip_rate``; over random
        backgrounds ``test_flip_rate`` with its interval, ``_low`` and ``_high``, and the number of
        its ``_images``, ``test_bit_exact_share`` and ``test_logit_change``;
        ``test_full_mask_...``, ``test_constant_accuracy`` and ``test_mask_stability``.
    """
    metrics: dict[str, Any] = {"test_constant_accuracy": constant.accuracy}
    if stability is not None:
        metrics["test_mask_stability"] = stability
    for prefix, found in (("test", rows), (f"test_{FULL_MASK}", full)):
        for name, row in found.items():
            if name == AS_THEY_ARE:
                name = "sample" if prefix == "test" else None
            stem = prefix if name is None else f"{prefix}_{name}"
            metrics[f"{stem}_accuracy"] = row.accuracy
            if row.flip_rate is not None and name != RANDOM:
                metrics[f"{stem}_flip_rate"] = row.flip_rate
    if RANDOM in rows:
        random, gap = rows[RANDOM], background_gap(rows)
        metrics |= {} if gap is None else {"test_background_gap": gap}
        metrics["test_flip_rate"] = random.flip_rate
        metrics["test_flip_rate_images"] = random.images
        if random.flip_rate_low is not None:
            metrics["test_flip_rate_low"] = random.flip_rate_low
            metrics["test_flip_rate_high"] = random.flip_rate_high
        metrics["test_bit_exact_share"] = random.bit_exact_share
        metrics["test_logit_change"] = random.logit_change
    return metrics
