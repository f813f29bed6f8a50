"""Heat maps: where in an image something speaks for a class, to a first approximation.

They are secondary evidence. A map that lies on the object does not show that the model ignores the
background (arXiv 1910.00199); the interventions do.
"""

from collections.abc import Mapping
from itertools import chain
from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch.nn import functional

from lightning_modules.networks import ROINetwork
from lightning_modules.networks.cells import Cells, watch_cells
from lightning_modules.networks.gates.base import GateInput, NetworkOutput, Promise
from lightning_modules.networks.grids import find_grid
from lightning_modules.objective import run_network


class Explained(NamedTuple):
    """An answer and where it comes from.

    output: Of the network. heat (B, K, H, W) in [0, 1] for K classes an image, each map relative to
    its own maximum, 0 all over where nothing speaks for the class; None: no place to look.
    """

    output: NetworkOutput
    heat: Tensor | None


def explain(
    network: ROINetwork, batch: Mapping[str, Any], classes: Tensor, cells: Cells | None
) -> Explained:
    """Draw heat maps of classes (B, K), whatever the backbone and the gate.

    A map gets Grad-CAM, tokens ``token_relevance``; of several grids the sum. Behind a gate that
    gives a promise, what it hides stays dark: no pixel there can change the answer. Weights, their
    gradients, the mode and the random numbers stay as they are.

    Args:
        network: In whatever mode.
        batch: On its device.
        classes: (B, K) long; there are two classes or more.
        cells: One of ``ROINetwork.cells``, see ``choose_cells``; None: there is no map.
    """
    training = network.training
    network.eval()
    try:
        with watch_cells(cells) as leaves:
            output = run_network(network, batch)
            gradients = [_follow(output.logits, one, leaves) for one in classes.T]
    finally:
        network.train(training)
    if not leaves or any(one is None for one in chain(*gradients)):
        return Explained(_detach(output), None)
    given = GateInput(batch["image"], output.mask, batch["roi"], batch["has_roi"], None)
    heat = torch.cat([_draw(network, cells, leaves, one, given) for one in gradients], dim=1)
    return Explained(_detach(output), heat)


def grad_cam(features: Tensor, gradient: Tensor) -> Tensor:
    """Maps (B, 1, h, w): channels (B, D, h, w) weighed by their mean gradient.

    Selvaraju et al. 2017, "Grad-CAM", eq. 1, and eq. 2 before its negative parts are cut.
    """
    return (gradient.mean(dim=(2, 3), keepdim=True) * features).sum(dim=1, keepdim=True)


def token_relevance(tokens: Tensor, gradient: Tensor, kept: Tensor) -> Tensor:
    """How much a class would lose if a token were the mean one, (B, N).

    Gradient times input (Shrikumar et al. 2017, "DeepLIFT") with the image's mean token as the
    baseline. The mean gradient that Grad-CAM weighs by says little here: a class token reads some
    tokens and leaves others. With a planted square that decides, this peaks at it in 96 and 100 %
    of images behind ViT-tiny and DeiT-tiny, Grad-CAM at the same tokens in 0 and 23 %.

    Args:
        tokens: (B, N, D).
        gradient: Of the class's logit in them.
        kept: (B, N) bool, those that took part.
    """
    weight = kept[..., None].to(tokens.dtype)
    mean = (weight * tokens).sum(dim=1, keepdim=True) / weight.sum(dim=1, keepdim=True)
    return ((tokens - mean) * gradient * weight).sum(dim=2)


def log_odds(logits: Tensor, classes: Tensor) -> Tensor:
    """Of classes (B,) against all others, (B,) in nats: what moves all logits alike moves none."""
    own, logits = classes[:, None], logits.float()
    return logits.gather(1, own)[:, 0] - logits.scatter(1, own, -torch.inf).logsumexp(dim=1)


def _follow(logits: Tensor, classes: Tensor, leaves: list[Tensor]) -> list[Tensor | None]:
    """Gradients of the log-odds of classes (B,) in leaves; None: they do not come from one."""
    if not leaves or not logits.requires_grad:
        return [None]
    score = log_odds(logits, classes).sum()
    return list(torch.autograd.grad(score, leaves, retain_graph=True, allow_unused=True))


def _draw(
    network: ROINetwork,
    cells: Cells,
    leaves: list[Tensor],
    gradients: list[Tensor],
    given: GateInput,
) -> Tensor:
    """Heat map (B, 1, H, W) in [0, 1] of one class."""
    drawn = []
    for grid, leaf, gradient in zip(cells.grids, leaves, gradients, strict=True):
        values, slopes = leaf.detach().float(), gradient.float()
        if values.ndim == 4:
            values, slopes = (one.movedim(grid.channels, 1) for one in (values, slopes))
            drawn.append(grad_cam(values, slopes))
        else:
            drawn.append(_draw_tokens(network, values, slopes, grid.first, given))
    heat = network.gate.put_back(_add(drawn).relu(), given)
    if network.gate.promise is not Promise.NONE:
        heat = torch.where(given.mask, heat, 0.0)
    return heat / heat.amax(dim=(2, 3), keepdim=True).clamp_min(torch.finfo(heat.dtype).tiny)


def _draw_tokens(
    network: ROINetwork, tokens: Tensor, gradient: Tensor, first: int, given: GateInput
) -> Tensor:
    """Map (B, 1, h, w) of tokens whose patches begin at ``first``."""
    gate, backbone = network.gate, network.backbone
    tokens, kept = gate.all_tokens(backbone, tokens, given.mask)
    gradient, _ = gate.all_tokens(backbone, gradient, given.mask)
    kept = torch.ones(tokens.shape[:2], dtype=torch.bool) if kept is None else kept
    kept = kept[:, first:].to(tokens.device)
    relevance = token_relevance(tokens[:, first:], gradient[:, first:], kept)
    grid = find_grid(relevance.shape[1], gate.backbone_size or given.image.shape[2:])
    return relevance.view(-1, 1, *grid)


def _add(drawn: list[Tensor]) -> Tensor:
    """Sum maps on the finest grid; a coarse cell's part is spread over the cells that it covers."""
    finest = max((one.shape[2:] for one in drawn), key=lambda size: size[0] * size[1])
    spread = [one * one.shape[2] * one.shape[3] for one in drawn]
    return torch.stack([functional.interpolate(one, finest, mode="area") for one in spread]).sum(0)


def _detach(output: NetworkOutput) -> NetworkOutput:
    logits = output.mask_logits
    return output._replace(
        logits=output.logits.detach(), mask_logits=None if logits is None else logits.detach()
    )
