"""Whether a gate can work with the ROIs that there are, and whether they give the label away."""

import logging
from typing import Any

import numpy as np

from datamodules.checks.mask_only import MaskOnly, measure_mask_only
from datamodules.checks.roi_presence import find_association, presence_table
from datamodules.problems import list_some
from datamodules.tables.table import ImageTable

log = logging.getLogger(__name__)
HIDING = ("PixelGate", "TokenGate", "CropsGate")


def check_roi(config: dict[str, Any], table: ImageTable) -> None:
    """Stop a gate that has no answer for the images without ROI, before any work.

    Where having a ROI goes with the label, nothing may treat images with ROI apart: a locator
    predicts all masks and no background is swapped.

    Args:
        config: Of the run, plain; ``gate.teacher_forcing`` and ``extras.swap`` may change.
        table: The images.

    Raises:
        ValueError: The gate cannot serve these images, or would give the label away.
    """
    gate = config["gate"]
    two_stage = gate["_target_"].endswith("TwoStageGate")
    _refuse_untaught(gate, table, config["data"]["roi_fraction"])
    if gate.get("roi_missing") == "error":
        _refuse_missing(table)
    if gate.get("roi_missing") in ("abstain", "full") and not two_stage:
        _refuse_nothing_known(gate, table)
    if two_stage and gate["unsupervised"] and table.has_roi().any():
        raise ValueError(
            "gate=two_stage_unsupervised is for images without any ROI, and these have some: "
            "gate=two_stage learns from them. experiment=no_roi lays them aside."
        )
    association = find_association(table)
    if association is None:
        return
    counts = "\n".join(f"  {line}" for line in presence_table(table).splitlines())
    if gate.get("roi_missing") == "full" and not two_stage:
        raise ValueError(f"{association}\n{counts}\nOr let a locator find them: gate=two_stage.")
    log.warning("%s\n%s", association, counts)
    if config["extras"]["swap"]:
        config["extras"]["swap"] = 0.0
        log.info("So no background is swapped (extras.swap is 0): only images with ROI could be.")
    if two_stage and gate["teacher_forcing"]:
        gate["teacher_forcing"] = 0.0
        log.info("So all masks are predicted: gate.teacher_forcing is 0 in this run.")


def check_empty(config: dict[str, Any], table: ImageTable, empty: np.ndarray) -> None:
    """Keep swapped copies from marking a class, and say what a locator makes of empty ROIs.

    Args:
        config: Of the run, plain; ``extras.swap`` may change.
        table: The images.
        empty: (rows,) bool, ROIs that are annotated as absent.
    """
    usable = table.has_roi().all(axis=1) & ~empty
    swap = config["extras"]["swap"]
    if swap and usable[table.splits == "train"].sum() < 2:
        log.warning("extras.swap=%g does nothing: it needs images whose whole ROI is known.", swap)
    elif swap and find_association(table, usable) is not None:
        config["extras"]["swap"] = 0.0
        log.warning(
            "No background is swapped (extras.swap is 0): only images whose whole ROI is known and "
            "not empty could be, and these go with the label."
        )
    if empty.any() and config["gate"]["_target_"].endswith("TwoStageGate"):
        log.warning(
            "What the locator finds absent it shows whole, while an empty ROI that is given shows "
            "nothing; gate.roi_missing=abstain gives no answer instead."
        )


def _refuse_untaught(gate: dict[str, Any], table: ImageTable, roi_fraction: float) -> None:
    """Stop a gate that learns from ROIs of training images when there are none to learn from."""
    has_roi = table.has_roi()[table.splits == "train"]
    name = gate["_target_"].rpartition(".")[2]
    if name in ("AttentionGate", "GuideGate") and not has_roi.any():
        raise ValueError(
            "This gate is taught by ROIs of training images, and none of them has one: give some a "
            "mask or a box, or choose gate=none."
        )
    if name != "TwoStageGate" or gate["unsupervised"]:
        return
    if not has_roi.any():
        raise ValueError(
            "gate=two_stage: no training image has a ROI to teach its locator (data.roi_fraction "
            f"is {roi_fraction:g}). Give some training images a mask or a box, or choose "
            "experiment=no_roi (experimental) or gate=none."
        )
    if not has_roi.all(axis=1).any():
        raise ValueError(
            f"gate=two_stage: no training image has all of its regions "
            f"({', '.join(table.region_names)}), and a region that is unknown would teach the "
            "locator that nothing is there. Complete some images; an empty mask says that a "
            "region is absent."
        )


def _refuse_nothing_known(gate: dict[str, Any], table: ImageTable) -> None:
    """Stop a gate that would have no mask for any image of a split."""
    without = [split for split, share in table.roi_share().items() if share == 0]
    if not without:
        return
    policy, splits = gate["roi_missing"], " and ".join(without)
    sentence = f"gate.roi_missing={policy}: no image of {splits} has a ROI that the gate may use"
    if policy == "abstain":
        raise ValueError(f"{sentence}, so none would get an answer. Take gate=two_stage.")
    if "train" in without and gate["_target_"].endswith(HIDING):
        raise ValueError(f"{sentence}, so nothing would ever be gated. Take gate=none.")
    log.warning(
        "%s: they are shown whole, and the gate's promise holds for none of them.", sentence
    )


def _refuse_missing(table: ImageTable) -> None:
    missing = np.flatnonzero(~table.has_roi().any(axis=1))
    if len(missing):
        names = [table.row_name(row) for row in missing[:3].tolist()]
        aside = (
            "" if table.roi_at_test else " (data.roi_at_test=false lays those of the test aside)"
        )
        raise ValueError(
            f"{len(missing)} of {len(table)} images have no ROI, which the gate needs{aside}: "
            f"{list_some(names, 3, len(missing))}. Complete the masks or boxes, let a locator find "
            "them (gate=two_stage), set gate.roi_missing=full to show such images whole or "
            "gate.roi_missing=abstain to leave them without an answer, or choose gate=none."
        )


def report_mask_only(table: ImageTable, seed: int) -> MaskOnly | None:
    """Say how well the masks alone tell the label; None: there is nothing to measure."""
    found = measure_mask_only(table, seed)
    if found is not None:
        log.log(logging.WARNING if found.warning else logging.INFO, found.sentence)
    return found
