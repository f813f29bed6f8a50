"""Which metrics can be required, as far as that is known before anything is measured."""

import difflib
from collections.abc import Iterable

from lightning_modules.evaluation.robustness.names import SLICES, STRENGTHS
from lightning_modules.metric_names import CLASS_METRIC_NAMES, ENDS, METRIC_NAMES

PHASES = ("test_", "unit_")  # of images, and of patients or clips
# metrics that lie between 0 and 1, without the word test_
SHARES = (
    *(name for name in METRIC_NAMES if name != "loss"),
    *("worst_group_accuracy", "worst_set_accuracy", "pair_flip_rate", "pair_accuracy"),
    *("answered_share",),
    *("flip_rate", "bit_exact_share", "mask_dice", "mask_iou", "mask_recall", "mask_stability"),
    *("gradient_outside_mask", "gradient_outside_roi"),
    *("average_precision", "ece", "sensitivity", "specificity", "coverage"),
    *("ppv", "npv", "threshold", "abstain_threshold", "selective_risk", "aurc"),
    *("mean_confidence", "calibrated_ece"),
    *("macro_precision", "macro_recall", "empty_mask_share", "constant_accuracy"),
)
NUMBERS = (
    *("loss", "log_loss", "brier", "background_gap", "logit_change", "images", "pairs"),
    *("mask_roi_area_ratio", "promise_held_images", "calibration_slope", "calibration_intercept"),
    *("temperature", "num_groups", "flip_rate_images"),
    *("false_alarms_per_hour", "false_alarms", "events", "missed_events", "negative_hours"),
    *("delay_seconds_median", "delay_seconds_mean", "delay_seconds_max"),
    *("num_units", "num_folds", "num_pooled_folds", "num_label_errors"),
)
# names that go on with a class, a mask's origin, a region, a change, ...; those of shares first
SHARE_FAMILIES = (
    *(f"{name}_" for name in CLASS_METRIC_NAMES),
    *("accuracy_", "region_weight_", "auroc_", "average_precision_"),
    *(f"{slice_}_{strength}_" for slice_ in SLICES for strength in STRENGTHS),
    *("clean_", "no_roi_", "mask_only_", "same_background_", "next_background_"),
    *("far_background_", "random_background_", "sample_", "full_mask_", "distractor_"),
)
# the last are of training
FAMILIES = (
    *("calibrated_", "without_margin_", "net_benefit_"),
    *("control_", "val_", "best_val_", "train_", "cost_", "gate_"),
)


def bare(name: str) -> str:
    """A metric's name without ``test_`` or ``unit_`` and without what is behind it for ends."""
    for phase in PHASES:
        name = name.removeprefix(phase)
    for end in ENDS:
        name = name.removesuffix(end)
    return name


def is_share(name: str) -> bool:
    """Whether a metric lies between 0 and 1."""
    return bare(name) in SHARES or bare(name).startswith(SHARE_FAMILIES)


def find_unknown(name: str, measured: Iterable[str]) -> str | None:
    """What is to be said of a name that no evaluation measures; None: it may be measured.

    Args:
        name: As written.
        measured: Names that the model's own test has measured, if that is known.
    """
    own = {bare(one) for one in measured} | set(measured)
    known = {*SHARES, *NUMBERS, *own}
    families = (*SHARE_FAMILIES, *FAMILIES)
    if name in known or bare(name) in known or bare(name).startswith(families):
        return None
    near = difflib.get_close_matches(bare(name), known, n=1)
    hint = f" Did you mean {near[0]!r}?" if near else ""
    return f"{name} is no metric of an evaluation.{hint}"
