"""Where in a backbone an answer can be explained: the last cells through which all of it comes.

No layer has to be named. One pass of noise is followed: of all that layers are given and return,
the last is taken that is laid out as the image is, from which the answer comes and which nothing of
the image passes by. That is the last map of a CNN or a Swin, and what enters the last block of a
ViT that is read from its class token; models of several scales have a grid for each.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, NamedTuple

import torch
from torch import Tensor, nn

from lightning_modules.networks.exchanging import exchange_at, find_tensors
from lightning_modules.networks.grids import Grid, lay_out

if TYPE_CHECKING:
    from lightning_modules.networks.roi_network import ROINetwork


class Cells(NamedTuple):
    """Where an answer is looked at: what a layer is given, or what it returns, and its grids."""

    layer: nn.Module
    returned: bool
    grids: tuple[Grid, ...]


class _Event(NamedTuple):
    """What a layer was given or returned in a pass, and the nodes of the graph that made it."""

    layer: nn.Module
    returned: bool
    tensors: list[Tensor]
    nodes: set[Any]


@contextmanager
def watch_cells(network: "ROINetwork") -> Iterator[list[Tensor]]:
    """Run a network without gradients up to its cells, and with them from there on.

    Yields:
        Of the last pass the grids of ``ROINetwork.cells``, as leaves; empty without any.
    """
    cells, leaves = network.cells, []

    def cut(tensors: list[Tensor]) -> dict[int, Tensor]:
        torch.set_grad_enabled(True)
        watched = [tensors[grid.place] for grid in cells.grids]
        leaves[:] = [one.detach().requires_grad_() for one in watched]
        # what follows may work in place
        return {id(one): leaf.clone() for one, leaf in zip(watched, leaves, strict=True)}

    hook = None if cells is None else exchange_at(cells.layer, cells.returned, cut)
    try:
        with torch.no_grad():
            yield leaves
    finally:
        if hook is not None:
            hook.remove()


def find_cells(network: "ROINetwork") -> Cells | None:
    """Follow a pass; None: nothing that is laid out as the image is carries the whole answer."""
    training, generator = network.training, torch.Generator().manual_seed(0)
    image = torch.randn(2, 3, *network.backbone.image_size, generator=generator)
    image = image.to(next(network.parameters())).requires_grad_()
    network.eval()
    try:
        with torch.enable_grad(), torch.random.fork_rng(devices=[]):
            return _search(network, image)
    finally:
        network.train(training)


def _search(network: "ROINetwork", image: Tensor) -> Cells | None:
    size = network.backbone.image_size
    num_prefix = getattr(network.backbone.net, "num_prefix_tokens", None)
    events, logits = _record(network, image)
    num_images = len(events[0].tensors[0])  # that the backbone sees: of crops there are more
    tried: set[int] = set()
    for late in reversed(events):
        if _reaches(logits, image, late.nodes):
            continue
        # where it stands first, all that is made of it has it from there
        place, event = next((n, one) for n, one in enumerate(events) if late.nodes <= one.nodes)
        if place in tried:
            continue
        tried.add(place)
        laid = [lay_out(n, one, size, num_prefix) for n, one in enumerate(event.tensors)]
        pairs = zip(laid, event.tensors, strict=True)
        grids = [grid for grid, one in pairs if grid and one.grad_fn and len(one) == num_images]
        grids = _find_speaking(network, image, event, grids) if grids else ()
        if grids:
            return Cells(event.layer, event.returned, grids)
    return None


def _record(network: "ROINetwork", image: Tensor) -> tuple[list[_Event], Tensor]:
    """What every layer of the backbone was last given and returned, in order, and the logits."""
    events: dict[tuple[nn.Module, bool], _Event] = {}

    def note(layer: nn.Module, returned: bool, given: object) -> None:
        tensors = list(find_tensors(given))
        nodes = {one.grad_fn for one in tensors if one.grad_fn is not None}
        events.pop((layer, returned), None)  # of a layer that is called again the last counts
        if nodes:
            events[layer, returned] = _Event(layer, returned, tensors, nodes)

    def before(layer: nn.Module, args: tuple, kwargs: dict[str, Any]) -> None:
        note(layer, False, (args, kwargs))

    def after(layer: nn.Module, _: tuple, output: object) -> None:
        note(layer, True, output)

    net = network.backbone.net
    layers = [one for one in net.modules() if one is not net]
    hooks = [one.register_forward_pre_hook(before, with_kwargs=True) for one in layers]
    hooks += [one.register_forward_hook(after) for one in layers]
    try:
        logits = _answer(network, image)
    finally:
        for hook in hooks:
            hook.remove()
    return list(events.values()), logits


def _answer(network: "ROINetwork", image: Tensor) -> Tensor:
    """Logits (B, C) where all of the image is region of interest."""
    shape = (len(image), network.num_regions, *image.shape[2:])
    roi = torch.ones(shape, dtype=torch.bool, device=image.device)
    return network(image, roi, roi.any(dim=(2, 3))).logits


def _reaches(logits: Tensor, image: Tensor, barrier: set[Any]) -> bool:
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


def _find_speaking(
    network: "ROINetwork", image: Tensor, event: _Event, grids: list[Grid]
) -> tuple[Grid, ...]:
    """Those grids of an event from which the answer comes; none where the image passes it by."""
    leaves: list[Tensor] = []

    def cut(tensors: list[Tensor]) -> dict[int, Tensor]:
        leaves[:] = [one.detach().requires_grad_(one.is_floating_point()) for one in tensors]
        return {id(one): leaf.clone() for one, leaf in zip(tensors, leaves, strict=True)}

    hook = exchange_at(event.layer, event.returned, cut)
    try:
        logits = _answer(network, image)
    finally:
        hook.remove()
    if _reaches(logits, image, set()):
        return ()
    watched = [leaves[grid.place] for grid in grids]
    gradients = torch.autograd.grad(logits.float().square().sum(), watched, allow_unused=True)
    pairs = zip(grids, gradients, strict=True)
    return tuple(grid for grid, gradient in pairs if _is_of_cells(grid, gradient))


def _is_of_cells(grid: Grid, gradient: Tensor | None) -> bool:
    """Whether a gradient is one of most cells: where a class token alone is read, it is of none."""
    if gradient is None:
        return False
    cells = gradient.abs().sum(dim=grid.channels).flatten(1)[:, grid.first :]
    return bool((cells > 0).float().mean() > 0.5)
