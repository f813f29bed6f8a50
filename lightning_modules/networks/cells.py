"""Where in a backbone an answer can be explained: the last cells through which all of it comes.

No layer has to be named. One pass of noise is followed: of all layers that are given something laid
out as the image is, the last is taken from which the answer comes and which nothing of the image
passes by. That is the pooling of a CNN or a Swin, and the last block of a ViT that is read from its
class token; models of several scales have a grid for each.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, NamedTuple

import torch
from torch import Tensor, nn

from lightning_modules.networks.grids import Grid, lay_out

if TYPE_CHECKING:
    from lightning_modules.networks.roi_network import ROINetwork

Exchange = Callable[[list[Tensor]], dict[int, Tensor]]


class Cells(NamedTuple):
    """The layer before which an answer is looked at, and the grids that it is given."""

    layer: nn.Module
    grids: tuple[Grid, ...]


class _Call(NamedTuple):
    """What a layer was given in a pass, and the nodes of the graph that made it."""

    layer: nn.Module
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

    hook = None if cells is None else _exchange_before(cells.layer, cut)
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
        with torch.enable_grad(), torch.random.fork_rng():
            return _search(network, image)
    finally:
        network.train(training)


def _search(network: "ROINetwork", image: Tensor) -> Cells | None:
    size = network.backbone.image_size
    num_prefix = getattr(network.backbone.net, "num_prefix_tokens", None)
    calls, logits = _record(network, image)
    seen: set[nn.Module] = set()
    for call in reversed(calls):
        again = call.layer in seen
        seen.add(call.layer)
        if again or _reaches(logits, image, call.nodes):
            continue
        # the layer around others that are given the same adds it to what they make of it
        call = next(one for one in calls if call.nodes <= one.nodes)
        laid = (lay_out(n, one, size, num_prefix) for n, one in enumerate(call.tensors))
        grids = [grid for grid in laid if grid and _speaks(logits, call.tensors, grid)]
        if grids and _is_passed_by_nothing(network, image, call.layer):
            return Cells(call.layer, tuple(grids))
    return None


def _record(network: "ROINetwork", image: Tensor) -> tuple[list[_Call], Tensor]:
    """All calls of the backbone's layers in their order, and the logits (B, C)."""
    calls: list[_Call] = []

    def before(layer: nn.Module, args: tuple, kwargs: dict[str, Any]) -> None:
        tensors = list(_find_tensors((args, kwargs)))
        nodes = {one.grad_fn for one in tensors if one.grad_fn is not None}
        if nodes:
            calls.append(_Call(layer, tensors, nodes))

    net = network.backbone.net
    layers = [one for one in net.modules() if one is not net]
    hooks = [one.register_forward_pre_hook(before, with_kwargs=True) for one in layers]
    try:
        return calls, _answer(network, image)
    finally:
        for hook in hooks:
            hook.remove()


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


def _speaks(logits: Tensor, tensors: list[Tensor], grid: Grid) -> bool:
    """Whether the answer comes from most cells of a grid: of a class token's layer from none."""
    tensor = tensors[grid.place]
    if not tensor.requires_grad:
        return False
    score = logits.float().square().sum()
    (gradient,) = torch.autograd.grad(score, tensor, retain_graph=True, allow_unused=True)
    if gradient is None:
        return False
    cells = gradient.abs().sum(dim=grid.channels).flatten(1)[:, grid.first :]
    return bool((cells > 0).float().mean() > 0.5)


def _is_passed_by_nothing(network: "ROINetwork", image: Tensor, layer: nn.Module) -> bool:
    """Whether an answer has nothing of the image left when a layer is given constants."""
    hook = _exchange_before(layer, lambda tensors: {id(one): one.detach() for one in tensors})
    try:
        return not _reaches(_answer(network, image), image, set())
    finally:
        hook.remove()


def _exchange_before(layer: nn.Module, exchange: Exchange) -> torch.utils.hooks.RemovableHandle:
    """Give a layer other tensors, by the identity of its own."""

    def before(_: nn.Module, args: tuple, kwargs: dict[str, Any]) -> tuple[tuple, dict]:
        return _put(exchange(list(_find_tensors((args, kwargs)))), (args, kwargs))

    return layer.register_forward_pre_hook(before, with_kwargs=True)


def _find_tensors(given: object) -> Iterator[Tensor]:
    """All tensors of arguments, however they are nested."""
    if isinstance(given, Tensor):
        yield given
    elif isinstance(given, tuple | list | dict):
        for one in given.values() if isinstance(given, dict) else given:
            yield from _find_tensors(one)


def _put(instead: dict[int, Tensor], given: Any) -> Any:  # noqa: ANN401
    if isinstance(given, Tensor):
        return instead.get(id(given), given)
    if isinstance(given, tuple | list):
        return type(given)(_put(instead, one) for one in given)
    if isinstance(given, dict):
        return {name: _put(instead, one) for name, one in given.items()}
    return given
