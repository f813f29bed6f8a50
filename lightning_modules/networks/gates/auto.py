"""Which situation the data is in; decided before torch is imported."""

from typing import Literal


def choose_gate(
    roi_share: dict[str, float],
    *,
    dilate: int | Literal["auto"] = "auto",
    fill: float = 0.0,
    roi_missing: Literal["error", "full", "abstain", "predict"] | None = None,
) -> tuple[str, str]:
    """Choose the experiment whose gate, extras and mask source suit the data, and say why.

    Args:
        roi_share: Split to the share in [0, 1] of its images that have a ROI.
        dilate: Passed on to the chosen gate, where it has it.
        fill: Passed on likewise.
        roi_missing: Passed on likewise; with ``full``, images without ROI do not stand in the way
            of the pixel gate as long as some of each split have one.

    Returns:
        The name of a file in conf/experiment and one sentence.
    """
    shares = ", ".join(f"{share:.0%} of {split}" for split, share in roi_share.items())
    if all(share == 1 for share in roi_share.values()):
        return "roi_given", "every image has a ROI"
    if roi_missing == "full" and all(share > 0 for share in roi_share.values()):
        return "roi_given", (
            f"a ROI is given for {shares} images; the others are shown whole "
            "(gate.roi_missing=full) and are not gated"
        )
    if not any(roi_share.values()):
        return "no_roi", (
            "the data has no ROI. EXPERIMENTAL: nobody tells the locator what matters. Masks "
            "(column mask, or data.masks) or boxes (column box) of some training images would"
        )
    if not roi_share["train"]:
        raise ValueError(
            f"gate=auto: a ROI is given for {shares} images, but for no training image. Give some "
            "training images a ROI, or choose gate=none, or gate=pixel gate.roi_missing=full."
        )
    if roi_share["train"] == 1 and not any(s for n, s in roi_share.items() if n != "train"):
        return "roi_in_training_only", "only the training images have a ROI"
    return "roi_for_some", f"a ROI is given for {shares} images"
