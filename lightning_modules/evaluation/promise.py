"""What a gate's promise was worth in a test: for how many images it held, and with which masks."""

from typing import Any

import numpy as np

from lightning_modules.evaluation.predictions import PredictionTable
from lightning_modules.networks.gates.base import Promise

# origins of a mask behind which a promise holds, if the gate gives one
HELD = ("given", "detected", "predicted", "abstain")


def measure_promise(predictions: PredictionTable, promise: Promise) -> dict[str, Any]:
    """Metrics of the masks that were applied.

    Args:
        predictions: Of the test, unanswered images included.
        promise: Of the gate.

    Returns:
        ``test_promise_held_images`` and ``test_images``; ``test_mask_origins`` (origin to number
        of images) and, where there are several, the accuracy of each; ``test_answered_share``;
        ``test_mask_roi_area_ratio``; ``test_mask_dice``, ``_iou`` and ``_recall``, the means of the
        predicted masks;
        ``test_region_weight_<region>``, the mean share of each region in the answers.
    """
    origins = np.array(predictions.mask_origin)
    counts = {name: int((origins == name).sum()) for name in dict.fromkeys(origins.tolist())}
    held = sum(counts.get(name, 0) for name in HELD)
    metrics: dict[str, Any] = {
        "gate_promise": promise.value,
        "test_images": len(predictions),
        "test_promise_held_images": held if promise is not Promise.NONE else 0,
        "test_mask_origins": counts,
        "test_mask_roi_area_ratio": predictions.area_ratio,
    }
    answered = {name: number for name, number in counts.items() if name != "abstain"}
    if len(answered) < len(counts):
        metrics["test_answered_share"] = sum(answered.values()) / len(predictions)
    if len(answered) > 1:
        for name in answered:
            metrics[f"test_accuracy_{name}"] = float(predictions.correct[origins == name].mean())
    for name, values in predictions.mask_quality.items():
        metrics[f"test_{name}"] = float(np.nanmean(values))
    for name, weights in predictions.region_weights.items():
        metrics[f"test_region_weight_{name}"] = float(weights.mean())
    return metrics
