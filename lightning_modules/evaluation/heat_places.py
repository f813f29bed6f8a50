"""Which place in a backbone gives heat maps that can be believed, or that none does.

A map is drawn to first order, and where a class token has made up its mind before, what is left of
the image beside it counts for little: such a map lies anywhere. So each map is put to the test: the
pixels where it is hottest are hidden (Petsiuk et al. 2018, "RISE", the deletion test), and as many
in another place. What the answer comes from takes more of it along than its share of the image.
"""

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from lightning_modules.evaluation.heat_maps import explain, log_odds
from lightning_modules.networks import ROINetwork
from lightning_modules.networks.cells import Cells
from lightning_modules.networks.gates.base import Promise
from lightning_modules.objective import run_network

# share of the visible pixels that are hidden, and what of the answer they must take along
SHARE = 1 / 8


def choose_cells(network: ROINetwork, batch: Mapping[str, Any]) -> Cells | None:
    """The latest of ``ROINetwork.cells`` whose maps pass the test on a batch; None: none does.

    Hidden pixels are 0, the mean colour of the data. A pass for each place, and two to test it.
    """
    for cells in network.cells:
        if measure_worth(network, batch, cells) >= SHARE:
            return cells
    return None


def measure_worth(network: ROINetwork, batch: Mapping[str, Any], cells: Cells) -> float:
    """What the hottest ``SHARE`` of images explains of their answers, more than another place.

    By how much the log-odds of the answered class fall where it is hidden, less the fall where the
    same shape is hidden half an image away, as a share of what hiding everything moves them by.
    0 or less: nothing; 1: all.
    """
    training = network.training
    network.eval()
    try:
        with torch.no_grad():
            output = run_network(network, batch)
        answered = output.logits.argmax(dim=1)
        heat = explain(network, batch, answered[:, None], cells).heat
        if heat is None:
            return 0.0
        visible = output.mask if network.gate.promise is not Promise.NONE else None
        hot = _find_hottest(heat, visible)
        height, width = heat.shape[2:]
        elsewhere = hot.roll((height // 2, width // 2), dims=(2, 3))
        hidden = [_hide(network, batch, one, answered) for one in (hot, elsewhere, hot | True)]
    finally:
        network.train(training)
    before = log_odds(output.logits, answered)
    return float((hidden[1] - hidden[0]).mean() / (before - hidden[2]).abs().mean())


def _find_hottest(heat: Tensor, visible: Tensor | None) -> Tensor:
    """Bool (B, 1, H, W), the hottest ``SHARE`` of the visible pixels; of a blank map none."""
    values = heat.flatten(1)
    num = torch.full_like(values[:, 0], values.shape[1])
    num = num if visible is None else visible.flatten(1).sum(dim=1)
    rank = values.argsort(dim=1, descending=True).argsort(dim=1)
    hottest = (rank < SHARE * num[:, None]) & (values > 0)
    return hottest.view_as(heat)


def _hide(network: ROINetwork, batch: Mapping[str, Any], pixels: Tensor, classes: Tensor) -> Tensor:
    """Log-odds (B,) of classes (B,) without some pixels (B, 1, H, W)."""
    image = batch["image"].masked_fill(pixels, 0.0)
    with torch.no_grad():
        return log_odds(run_network(network, {**batch, "image": image}).logits, classes)
