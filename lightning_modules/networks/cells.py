"""Where in a backbone an answer can be explained: cells through which all of it comes.

No layer has to be named. One pass of noise is followed: of all that layers are given and return,
those count that are laid out as the image is, from which the answer comes and which nothing of the
image passes by; of each resolution the last. The first of them is the last map of a CNN or a Swin,
and what enters the last block of a ViT that is read from its class token; models of several scales
have a grid for each.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from itertools import islice
from typing import TYPE_CHECKING, NamedTuple

import torch
from torch import Tensor, nn

from lightning_modules.networks.exchanging import exchange_at
from lightning_modules.networks.grids import Grid, count_cells, lay_out
from lightning_modules.networks.recording import Event, answer_all, reaches, record

if TYPE_CHECKING:
    from lightning_modules.networks.roi_network import ROINetwork

NUM_PLACES = 6  # that are looked at, for time; a CNN halves its sides five times


class Cells(NamedTuple):
    """Where an answer is looked at: what a layer is given, or what it returns, and its grids."""

    layer: nn.Module
    returned: bool
    grids: tuple[Grid, ...]


@contextmanager
def watch_cells(cells: Cells | None) -> Iterator[list[Tensor]]:
    """Run a network without gradients up to cells of it, and with them from there on.

    Yields:
        Of the last pass the grids of the cells, as leaves; of None none.
    """
    leaves: list[Tensor] = []

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


def find_cells(network: "ROINetwork") -> tuple[Cells, ...]:
    """Follow a pass; the last place of each resolution, the latest first.

    Empty: nothing that is laid out as the image is carries the whole answer.
    """
    training, generator = network.training, torch.Generator().manual_seed(0)
    image = torch.randn(2, 3, *network.backbone.image_size, generator=generator)
    image = image.to(next(network.parameters())).requires_grad_()
    network.eval()
    try:
        with torch.enable_grad(), torch.random.fork_rng(devices=[]):
            return tuple(islice(_search(network, image), NUM_PLACES))
    finally:
        network.train(training)


def _search(network: "ROINetwork", image: Tensor) -> Iterator[Cells]:
    size = network.backbone.image_size
    num_prefix = getattr(network.backbone.net, "num_prefix_tokens", None)
    events, logits = record(network, image)
    num_images = len(events[0].tensors[0])  # that the backbone sees: of crops there are more
    tried: set[int] = set()
    known: set[tuple[tuple[int, int], ...]] = set()
    for late in reversed(events):
        if reaches(logits, image, late.nodes):
            continue
        # where it stands first, all that is made of it has it from there
        place, event = next((n, one) for n, one in enumerate(events) if late.nodes <= one.nodes)
        if place in tried:
            continue
        tried.add(place)
        laid = [lay_out(n, one, size, num_prefix) for n, one in enumerate(event.tensors)]
        pairs = zip(laid, event.tensors, strict=True)
        grids = [grid for grid, one in pairs if grid and one.grad_fn and len(one) == num_images]
        resolution = tuple(
            (event.tensors[grid.place].ndim, count_cells(grid, event.tensors[grid.place].shape))
            for grid in grids
        )
        if not grids or resolution in known:
            continue
        speaking = _find_speaking(network, image, event, grids)
        if speaking:
            known.add(resolution)
            yield Cells(event.layer, event.returned, speaking)


def _find_speaking(
    network: "ROINetwork", image: Tensor, event: Event, grids: list[Grid]
) -> tuple[Grid, ...]:
    """Those grids of an event from which the answer comes; none where the image passes it by."""
    leaves: list[Tensor] = []

    def cut(tensors: list[Tensor]) -> dict[int, Tensor]:
        leaves[:] = [one.detach().requires_grad_(one.is_floating_point()) for one in tensors]
        return {id(one): leaf.clone() for one, leaf in zip(tensors, leaves, strict=True)}

    hook = exchange_at(event.layer, event.returned, cut)
    try:
        logits = answer_all(network, image)
    finally:
        hook.remove()
    if reaches(logits, image, set()):
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
