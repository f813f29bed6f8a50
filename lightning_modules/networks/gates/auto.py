"""Which gate suits the data; decided before torch is imported."""

from typing import Literal


def choose_gate(
    roi_share: dict[str, float],
    *,
    dilate: int = 0,
    fill: float = 0.0,
    roi_missing: Literal["error", "full"] = "error",
) -> tuple[str, str]:
    """Choose the gate's configuration file and say why.

    Args:
        roi_share: Split to the share in [0, 1] of its images that have a ROI.
        dilate: Passed on to the chosen gate, where it has it.
        fill: Passed on likewise.
        roi_missing: Passed on likewise; with ``full``, images without ROI do not stand in the way
            of a gate as long as some have one.

    Returns:
        The name of a file in conf/gate and one sentence.
    """
    shares = ", ".join(f"{share:.0%} of {split}" for split, share in roi_share.items())
    if all(share == 1 for share in roi_share.values()):
        return "pixel", "gate=auto chose pixel: every image has a ROI."
    if roi_missing == "full" and all(share > 0 for share in roi_share.values()):
        return "pixel", (
            f"gate=auto chose pixel: a ROI is given for {shares} images; the others are shown "
            "whole (gate.roi_missing=full) and are not gated."
        )
    if not any(roi_share.values()):
        return "none", (
            "gate=auto chose none: the data has no ROI, so this run is NOT gated and may read the "
            "background. Add masks (column mask, or data.masks) or boxes (column box) to gate it."
        )
    return "none", (
        f"gate=auto chose none: a ROI is given for {shares} images only, so this run is NOT gated "
        "and may read the background. Complete the ROIs, or set gate.roi_missing=full."
    )
