"""What a network made of an image: what its gate let through, where its answer comes from."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor

from lightning_modules.evaluation.heat_maps import explain
from lightning_modules.evaluation.heat_places import choose_cells
from lightning_modules.networks import ROINetwork
from lightning_modules.pictures import to_pixels

NO_HEAT = (
    "There are no heat maps: none could be drawn of this model whose marked places, once hidden, "
    "change its answers clearly more than other places do."
)
BLANK = "Where the heat map of a class is missing, no part of the image raised its score."


class Look(NamedTuple):
    """Of one image, at the resolution of the network's input.

    seen: (H, W, 3) uint8, what the gate lets through; None: all. heat: (K, H, W) in [0, 1] of the
    classes asked about; None: no heat map can be believed. found: (H, W) bool, the mask that was
    predicted, before its margin; None: none was.
    """

    seen: np.ndarray | None
    heat: np.ndarray | None
    found: np.ndarray | None


def look(
    network: ROINetwork,
    batches: Iterable[dict[str, Any]],
    classes: Mapping[str, tuple[int, ...]],
    preprocessing: Mapping[str, Any],
) -> dict[str, Look]:
    """Look at images, by id; the first batch decides where heat maps are drawn.

    Args:
        network: On its device.
        batches: Of the images, as the loaders give them.
        classes: To draw heat maps of, K for each id.
        preprocessing: Mean and std of the images.
    """
    device, looks, cells = next(network.parameters()).device, {}, None
    for turn, batch in enumerate(batches):
        batch = {k: v.to(device) if isinstance(v, Tensor) else v for k, v in batch.items()}
        asked = torch.tensor([classes[name] for name in batch["id"]], device=device)
        cells = cells if turn else choose_cells(network, batch)
        output, heat = explain(network, batch, asked, cells)
        image = batch["image"]
        hidden = network.gate.hide(image, output.mask)
        differs = (hidden != image).flatten(1).any(dim=1).tolist()
        seen = to_pixels(hidden, preprocessing)
        heat = None if heat is None else heat.cpu().numpy()
        found = None if output.mask_logits is None else (output.mask_logits > 0).cpu().numpy()[:, 0]
        for row, name in enumerate(batch["id"]):
            looks[name] = Look(
                seen[row] if differs[row] else None,
                None if heat is None else heat[row],
                None if found is None else found[row],
            )
    return looks


def explain_gaps(looks: Sequence[Look]) -> list[str]:
    """Why heat maps are missing, in a sentence; none where none is."""
    if any(one.heat is None for one in looks):
        return [NO_HEAT]
    return [BLANK] if any(not heat.any() for one in looks for heat in one.heat) else []
