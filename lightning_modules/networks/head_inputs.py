"""What the last layer of a network reads, and whether its answers follow from that alone."""

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor

from lightning_modules.networks.gates.base import Gate
from lightning_modules.networks.roi_network import ROINetwork


@contextmanager
def watch_head(network: ROINetwork) -> Iterator[list[Tensor]]:
    """Collect what the last layer reads meanwhile."""
    seen: list[Tensor] = []
    hook = network.backbone.head.register_forward_pre_hook(lambda _, read: seen.append(read[0]))
    try:
        yield seen
    finally:
        hook.remove()


@torch.no_grad()
def find_head_obstacle(network: ROINetwork, num_regions: int) -> str | None:
    """Say why a network cannot be trained on what its last layer reads of each image, once.

    It can if nothing else is trained, and if its answer is the last layer's to one tensor, which is
    the same whenever the same image is shown.

    Args:
        network: As it is trained.
        num_regions: R of the ROI.

    Returns:
        The reason; None where it can.
    """
    head = {id(parameter) for parameter in network.backbone.head.parameters()}
    trained = [name for name, p in network.named_parameters() if p.requires_grad]
    others = [n for n in trained if id(network.get_parameter(n)) not in head]
    gate = type(network.gate)
    if others:
        return f"{gate.__name__} trains weights ahead of the last layer ({others[0]})"
    if gate.losses is not Gate.losses:
        return f"{gate.__name__} has a training loss of its own, which reads the image"
    training = network.training
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        reads, same = zip(*(_answer(network.train(), num_regions) for _ in range(2)), strict=True)
    network.train(training)
    if any(len(read) != 1 for read in reads):
        return f"{gate.__name__} asks the last layer {len(reads[0])} times for an answer, not once"
    if not all(same):
        return f"{gate.__name__} does more than the last layer with what that reads"
    if not torch.equal(reads[0][0], reads[1][0]):
        return "what the last layer reads of an image varies by chance"
    return None


def _answer(network: ROINetwork, num_regions: int) -> tuple[list[Tensor], bool]:
    """What the last layer reads of two images, and whether its answer is the network's."""
    generator = torch.Generator().manual_seed(0)
    image = torch.randn(2, 3, *network.backbone.image_size, generator=generator)
    roi = torch.ones(2, num_regions, *image.shape[2:], dtype=torch.bool)
    roi[..., : image.shape[3] // 4] = False
    with watch_head(network) as seen:
        output = network(image, roi, roi.any(dim=(2, 3)))
    same = len(seen) == 1 and torch.equal(network.backbone.head(seen[0]), output.logits)
    return seen, same
