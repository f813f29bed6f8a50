"""What a batch costs: the losses of classifier, gate and extras, added up."""

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn

from lightning_modules.extras import Extras, jensen_shannon
from lightning_modules.networks import ROINetwork
from lightning_modules.networks.gates.base import NetworkOutput
from lightning_modules.networks.mask_source import MaskOrigin


def run_network(network: ROINetwork, batch: Mapping[str, Any]) -> NetworkOutput:
    """Run a network on a batch of the loaders."""
    return network(batch["image"], batch["roi"], batch["has_roi"], batch.get("detected"))


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
        A scalar, and outputs whose rows are those of the batch and then the swapped copies.
    """
    batch, copied = extras.extend(
        batch, network.gate.dilate, background_seen=network.shows_background
    )
    output = run_network(network, batch)
    loss = classification_loss(output, batch, criterion)
    loss = loss + sum(network.gate.losses(network, output, batch).values())
    if len(copied) and extras.consistency:
        copies = output.logits[-len(copied) :]
        loss = loss + extras.consistency * jensen_shannon(output.logits[copied], copies)
    return loss, output


def classification_loss(
    output: NetworkOutput, batch: Mapping[str, Any], criterion: nn.Module
) -> Tensor:
    """Return the mean loss of the logits; an image without an answer has no weight."""
    weight = batch.get("weight")
    abstained = output.origin == MaskOrigin.ABSTAIN
    if bool(abstained.any()):
        weight = torch.ones_like(abstained, dtype=torch.float) if weight is None else weight
        weight = weight * ~abstained
    return criterion(output.logits, batch["label"], weight)
