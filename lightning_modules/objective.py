"""What a batch costs: the losses of classifier, gate and extras, added up."""

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from lightning_modules.extras import Extras, jensen_shannon
from lightning_modules.networks import ROINetwork
from lightning_modules.networks.across import weigh_mean
from lightning_modules.networks.gates.base import NetworkOutput
from lightning_modules.networks.mask_source import MaskOrigin
from lightning_modules.networks.mixing import Mixing


def run_network(
    network: ROINetwork, batch: Mapping[str, Any], mixing: Mixing | None = None
) -> NetworkOutput:
    """Run a network on a batch of the loaders, or on mixtures of its images.

    A batch may hold what the last layer reads in the place of the images.
    """
    if "features" in batch:
        return network.answer(batch["features"], batch["mask"], batch["origin"])
    return network(batch["image"], batch["roi"], batch["has_roi"], batch.get("detected"), mixing)


def training_loss(
    network: ROINetwork, batch: dict[str, Any], criterion: nn.Module, extras: Extras
) -> tuple[Tensor, NetworkOutput]:
    """Return the sum of all training losses of a batch, and what the network said of it.

    Args:
        network: Whose losses.
        batch: As the loaders give it.
        criterion: Of the classification.
        extras: What is done to the batch before.

    Returns:
        A scalar, and outputs whose rows are those of the batch and then the swapped copies; all of
        them may be mixtures.
    """
    mixing, copied = None, ()
    if "features" not in batch:  # which are those of images as they are
        batch, copied = extras.extend(
            batch, network.gate.dilate, background_seen=network.shows_background
        )
        mixing = extras.draw_mixing(batch["image"], copied)
    output = run_network(network, batch, mixing)
    loss = classification_loss(output, batch, criterion)
    loss = loss + sum(network.gate.losses(network, output, batch).values())
    if extras.swap and extras.consistency:
        loss = loss + extras.consistency * _inconsistency(output.logits, copied)
    return loss, output


def _inconsistency(logits: Tensor, copied: Tensor) -> Tensor:
    """Divergence between the answers to images and to their copies, the last rows; 0 without."""
    divergence = logits.new_zeros(())
    if len(copied):
        divergence = jensen_shannon(logits[copied], logits[-len(copied) :])
    return weigh_mean(divergence, len(copied))


def classification_loss(
    output: NetworkOutput, batch: Mapping[str, Any], criterion: nn.Module
) -> Tensor:
    """Return the mean loss of the logits; an image without an answer has no weight."""
    weight = batch.get("weight")
    abstained = output.origin == MaskOrigin.ABSTAIN
    if bool(abstained.any()):
        weight = torch.ones_like(abstained, dtype=torch.float) if weight is None else weight
        weight = weight * ~abstained
    if "own_share" not in output.maps:
        return criterion(output.logits, batch["label"], weight)
    target, weight = mix_targets(output, batch["label"], weight)
    return criterion(output.logits, target, weight)


def count_once(
    output: NetworkOutput, batch: Mapping[str, Any]
) -> tuple[NetworkOutput, dict[str, Any]]:
    """The rows of a batch, and of what a network said of it, that count: its first.

    A batch of a test that was filled up has ``num_own``, the images that are its own; one that is
    borrowed has none.
    """
    size = len(batch["label"])
    num_own = 0 if batch.get("borrowed") else batch.get("num_own", size)
    if num_own == size:
        return output, dict(batch)
    logits, mask, origin, mask_logits, maps = output
    maps = {name: values[:num_own] for name, values in maps.items()}
    found = None if mask_logits is None else mask_logits[:num_own]
    cut = NetworkOutput(logits[:num_own], mask[:num_own], origin[:num_own], found, maps)
    rows = {k: v[:num_own] if isinstance(v, Tensor | list) else v for k, v in batch.items()}
    return cut, rows


def mix_targets(
    output: NetworkOutput, label: Tensor, weight: Tensor | None
) -> tuple[Tensor, Tensor]:
    """Shares (B, C) of the labels in each mixture, and its weight (B,).

    Each of the two images counts by its share times its own weight.
    """
    partner, share = output.maps["partner"], output.maps["own_share"]
    weight = torch.ones_like(share) if weight is None else weight.to(share.dtype)
    one_hot = functional.one_hot(label, output.logits.shape[1]).to(share.dtype) * weight[:, None]
    target = share[:, None] * one_hot + (1 - share)[:, None] * one_hot[partner]
    total = target.sum(dim=1)
    return target / total.clamp_min(torch.finfo(total.dtype).tiny)[:, None], total


def dominant_label(output: NetworkOutput, label: Tensor) -> Tensor:
    """The label (B,) of the larger part of each mixture; the own one where nothing is mixed."""
    if "own_share" not in output.maps:
        return label
    partner, share = (output.maps[name][: len(label)] for name in ("partner", "own_share"))
    return torch.where(share >= 0.5, label, label[partner])


def window_scale(batch_idx: int, num_batches: int, num_accumulated: int) -> float:
    """Factor of a batch's loss that makes every optimizer step the mean of its batches.

    Lightning divides by ``num_accumulated``, in an epoch's last step as well, which may have fewer.

    Args:
        batch_idx: From 0.
        num_batches: Of the epoch.
        num_accumulated: Batches a step (``trainer.accumulate_grad_batches``).
    """
    first = batch_idx - batch_idx % num_accumulated
    return num_accumulated / min(num_accumulated, num_batches - first)
