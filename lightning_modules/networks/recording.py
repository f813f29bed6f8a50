"""One pass of a network, written down: what every layer was given and returned, and from what."""

from typing import TYPE_CHECKING, Any, NamedTuple

import torch
from torch import Tensor, nn

from lightning_modules.networks.exchanging import find_tensors

if TYPE_CHECKING:
    from lightning_modules.networks.roi_network import ROINetwork


class Event(NamedTuple):
    """What a layer was given or returned in a pass, and the nodes of the graph that made it."""

    layer: nn.Module
    returned: bool
    tensors: list[Tensor]
    nodes: set[Any]


def record(network: "ROINetwork", image: Tensor) -> tuple[list[Event], Tensor]:
    """What every layer of the backbone was last given and returned, in order, and the logits."""
    events: dict[tuple[nn.Module, bool], Event] = {}

    def note(layer: nn.Module, returned: bool, given: object) -> None:
        tensors = list(find_tensors(given))
        nodes = {one.grad_fn for one in tensors if one.grad_fn is not None}
        events.pop((layer, returned), None)  # of a layer that is called again the last counts
        if nodes:
            events[layer, returned] = Event(layer, returned, tensors, nodes)

    def before(layer: nn.Module, args: tuple, kwargs: dict[str, Any]) -> None:
        note(layer, False, (args, kwargs))

    def after(layer: nn.Module, _: tuple, output: object) -> None:
        note(layer, True, output)

    net = network.backbone.net
    layers = [one for one in net.modules() if one is not net]
    hooks = [one.register_forward_pre_hook(before, with_kwargs=True) for one in layers]
    hooks += [one.register_forward_hook(after) for one in layers]
    try:
        logits = answer_all(network, image)
    finally:
        for hook in hooks:
            hook.remove()
    return list(events.values()), logits


def answer_all(network: "ROINetwork", image: Tensor) -> Tensor:
    """Logits (B, C) where all of the image is region of interest."""
    shape = (len(image), network.num_regions, *image.shape[2:])
    roi = torch.ones(shape, dtype=torch.bool, device=image.device)
    return network(image, roi, roi.any(dim=(2, 3))).logits


def reaches(logits: Tensor, image: Tensor, barrier: set[Any]) -> bool:
    """Whether a way leads from the logits back to the image around a barrier of graph nodes."""
    ways, known = [logits.grad_fn], set(barrier)
    while ways:
        node = ways.pop()
        if node is None or node in known:
            continue
        if getattr(node, "variable", None) is image:
            return True
        known.add(node)
        ways += [before for before, _ in node.next_functions]
    return False
