"""Secondary evidence: where the gradient and the heat map of an answer lie.

Attribution does not rank robustness; it goes beside the interventions, never instead of them.
"""

from collections.abc import Iterable
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor

from lightning_modules.evaluation.heat_maps import grad_cam
from lightning_modules.networks import ROINetwork
from lightning_modules.networks.mask_source import MaskOrigin, join_regions
from lightning_modules.networks.masks import shares_of
from lightning_modules.objective import run_network


class Attribution(NamedTuple):
    """Means over images, of the answered class's logit; None: there is nothing to measure.

    gradient_outside_mask, gradient_outside_roi: share in [0, 1] of the absolute input gradient
    that lies outside the applied mask (exactly 0 behind an EXACT gate), outside the user's ROI.
    heat_map_roi_ratio: share of Grad-CAM (Selvaraju et al. 2017, eq. 1 and 2) inside the ROI over
    the ROI's share of the image: 1 is what chance puts there.
    """

    num_images: int
    gradient_outside_mask: float | None
    gradient_outside_roi: float | None
    heat_map_roi_ratio: float | None


def measure_attribution(
    network: ROINetwork, batches: Iterable[dict[str, Any]], device: torch.device
) -> Attribution:
    """Follow the logits of answered classes back to the last map and to the pixels."""
    found: list[tuple[Tensor, Tensor, Tensor]] = []
    for batch in batches:
        batch = {k: v.to(device) if isinstance(v, Tensor) else v for k, v in batch.items()}
        mask = join_regions(batch["roi"], batch["annotated"])
        usable = batch["annotated"].all(dim=1) & mask.flatten(1).any(dim=1)
        image = batch["image"].requires_grad_()
        with network.backbone.watch_features() as maps:
            output = run_network(network, batch | {"image": image})
        usable = usable & (output.origin != MaskOrigin.ABSTAIN)
        score = output.logits.float().amax(dim=1)[usable].sum()
        features = maps[0] if len(maps) == 1 and isinstance(maps[0], Tensor) else None
        wanted = [image] if features is None else [image, features]
        gradient, *of_map = torch.autograd.grad(score, wanted, allow_unused=True)
        if gradient is None:
            gradient = torch.zeros_like(image)
        ratio = torch.full((len(mask),), torch.nan, device=device)
        # no map of the whole image: tokens that stayed, or crops
        whole = network.gate.backbone_size is None and features is not None and features.ndim == 4
        if whole and of_map[0] is not None:
            views = (network.backbone.as_map(one).float() for one in (features, of_map[0]))
            cam = grad_cam(*views).relu()
            ratio = energy_share(cam, mask) / mask.float().mean(dim=(1, 2, 3))
        shares = [_share_outside(gradient, inside) for inside in (output.mask, mask)]
        found.append((*(share[usable] for share in shares), ratio[usable]))
    columns = [
        torch.cat(column).detach().double().cpu().numpy() for column in zip(*found, strict=True)
    ]
    outside_mask, outside_roi, ratio = map(_mean, columns)
    if not network.gate.hides:
        outside_mask = None
    return Attribution(len(columns[0]), outside_mask, outside_roi, ratio)


def energy_share(heat: Tensor, mask: Tensor) -> Tensor:
    """Share (B,) in [0, 1] of a heat map (B, 1, h, w) inside a mask (B, 1, H, W); NaN of nothing.

    A cell that the mask covers in part counts in part.
    """
    inside = (heat * shares_of(mask, heat.shape[2:])).sum(dim=(1, 2, 3))
    return inside / heat.sum(dim=(1, 2, 3))


def _share_outside(gradient: Tensor, inside: Tensor) -> Tensor:
    size = gradient.float().abs().sum(dim=1, keepdim=True)
    total = size.sum(dim=(1, 2, 3))
    # of no gradient at all nothing lies outside
    tiny = torch.finfo(size.dtype).tiny
    return torch.where(inside, 0.0, size).sum(dim=(1, 2, 3)) / total.clamp_min(tiny)


def _mean(values: np.ndarray) -> float | None:
    known = values[np.isfinite(values)]
    return float(known.mean()) if len(known) else None
