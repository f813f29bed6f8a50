"""Training extras: background swap, mask jitter, ROI dropout, mixup and CutMix."""

import math
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from lightning_modules.networks.gates.base import Gate
from lightning_modules.networks.mask_source import join_regions
from lightning_modules.networks.masks import move_rim
from lightning_modules.networks.mixing import Mixing, draw_mixing
from lightning_modules.swap import choose_donors, paste


class Extras:
    """What is done to training batches beside the augmentation.

    Args:
        swap: Share in [0, 1) of the images with ROI that are seen once more on the background of
            another image.
        mask_jitter: Pixels either way by which the mask's margin varies.
        roi_dropout: Share in [0, 1) of the images that are shown whole.
        consistency: Weight of the Jensen-Shannon divergence between the answers to an image and to
            its swapped copy, at least 0.
        mixup: Both parameters of the Beta distribution of the shares in which two images, behind
            their gates, are averaged; 0: none.
        cutmix: The same of the area that one image takes of the other; 0: none. Beside ``mixup``
            half of the batches are mixed by either.

    Raises:
        ValueError: A value is out of its range.
    """

    def __init__(
        self,
        *,
        swap: float | None = None,
        mask_jitter: int | None = None,
        roi_dropout: float | None = None,
        consistency: float = 1.0,
        mixup: float = 0.0,
        cutmix: float = 0.0,
    ) -> None:
        for name, share in (("swap", swap), ("roi_dropout", roi_dropout)):
            if not 0 <= (share or 0.0) < 1:
                raise ValueError(
                    f"extras.{name} is {share}, expected a share from 0 to below 1: images as they "
                    "are must stay among those trained on."
                )
        if (mask_jitter or 0) < 0:
            raise ValueError(f"extras.mask_jitter is {mask_jitter}, expected 0 pixels or more.")
        if not consistency >= 0:
            raise ValueError(f"extras.consistency is {consistency}, expected 0 or more.")
        for name, alpha in (("mixup", mixup), ("cutmix", cutmix)):
            if not 0 <= alpha < math.inf:
                raise ValueError(f"extras.{name} is {alpha}, expected 0 (off) or a number above.")
        self.mixup, self.cutmix = mixup, cutmix
        self.swap = swap or 0.0
        self.mask_jitter = mask_jitter or 0
        self.roi_dropout = roi_dropout or 0.0
        self.consistency = consistency

    def extend(
        self, batch: dict[str, Any], margin: int, background_seen: bool
    ) -> tuple[dict[str, Any], Tensor]:
        """Append swapped copies of some images to a batch.

        A classifier that sees the background would tell copies by their seams and read the
        background of whatever has none. So where it does, the images themselves get the same seams:
        each is pasted onto its own background, with the hole that its donor's ROI would leave.

        Args:
            batch: As the loaders give it.
            margin: Pixels that the pasted objects are grown by; negative: shrunk.
            background_seen: Whether the classifier sees what is around the ROI.

        Returns:
            The longer batch, and the rows (S,) that its last S rows are copies of.
        """
        rows, donors, chosen = self._draw(batch)
        copied = rows[chosen]
        if not len(copied):
            return batch, copied
        image, mask = batch["image"], join_regions(batch["roi"], batch["has_roi"])
        object_mask, hole = move_rim(mask[rows], min(margin, 0)), mask[rows] | mask[donors]
        copies = {name: value[copied] for name, value in batch.items() if isinstance(value, Tensor)}
        copies["image"] = paste(
            image[copied], object_mask[chosen], image[donors[chosen]], hole[chosen]
        )
        if background_seen:
            seamed = paste(image[rows], object_mask, image[rows], hole)
            batch = batch | {"image": image.index_copy(0, rows, seamed)}
        longer = {name: torch.cat([batch[name], value]) for name, value in copies.items()}
        return batch | longer, copied

    def check_gate(self, gate: Gate) -> None:
        """Refuse to mix images for a gate that cannot read mixtures.

        Raises:
            ValueError: It cannot.
        """
        if (self.mixup or self.cutmix) and not gate.mixes:
            raise ValueError(
                f"extras.mixup and extras.cutmix mix images behind their gates, and "
                f"{type(gate).__name__} as it is set has no answer to a mixture of two regions: "
                "take extras.mixup=0 extras.cutmix=0, or gate=none, pixel, token or two_stage."
            )

    def draw_mixing(self, image: Tensor, copied: Tensor) -> Mixing | None:
        """Draw how a batch that ends in swapped copies is mixed; None: not at all.

        A copy is mixed as the image that it is a copy of, with the same partner, so that the two
        still differ in their background alone.

        Args:
            image: (B, 3, H, W), the copies last.
            copied: (S,) rows that they are copies of.
        """
        if not (self.mixup or self.cutmix):
            return None
        partner = torch.arange(len(image) - len(copied), device=image.device).flip(0)
        # one number of the step's own generator: nothing else that is drawn depends on how many
        seed = int(torch.randint(2**63 - 1, ()))
        partner = torch.cat([partner, partner[copied]])
        return draw_mixing(partner, tuple(image.shape[2:]), self.mixup, self.cutmix, seed)

    def _draw(self, batch: dict[str, Any]) -> tuple[Tensor, Tensor, Tensor]:
        """Rows with a ROI (K,), their donors (K,), and which of them are copied (K,) bool."""
        mask = join_regions(batch["roi"], batch["has_roi"])
        # an unknown region of a donor would stay visible
        known = batch["has_roi"].all(dim=1) & mask.flatten(1).any(dim=1)
        rows = known.nonzero()[:, 0]
        if not self.swap or len(rows) < 2:
            rows = rows[:0]
            return rows, rows, rows.bool()
        chosen = torch.rand(len(rows), device=rows.device) < self.swap
        return rows, rows[choose_donors(mask[rows], batch["label"][rows])], chosen


def jensen_shannon(logits: Tensor, others: Tensor) -> Tensor:
    """Mean Jensen-Shannon divergence in nats between two sets of answers, (S, C) each."""
    first, second = logits.float().log_softmax(dim=1), others.float().log_softmax(dim=1)
    middle = torch.logsumexp(torch.stack([first, second]), dim=0) - math.log(2)
    divergences = [
        functional.kl_div(middle, one, reduction="batchmean", log_target=True)
        for one in (first, second)
    ]
    return sum(divergences) / 2
