"""Where in a backbone an answer can be explained: in the cells of its last map, or in its tokens.

No layer has to be named: a backbone that ends in a feature map is watched there. One that ends in
tokens is watched before its last block, since behind that only the class token may be read.
"""

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor, nn

from lightning_modules.networks.backbone import Backbone


class Cells:
    """What was caught of one pass: a map (B, D, h, w) or (B, h, w, D), or tokens (B, N, D).

    They are leaves, so that nothing before them is asked for a gradient. None: there was nothing.
    """

    def __init__(self) -> None:
        self.map: Tensor | None = None
        self.tokens: Tensor | None = None

    def cut(self, features: Tensor) -> Tensor:
        """Keep a map or tokens as a leaf, and return what the network goes on with."""
        torch.set_grad_enabled(True)
        leaf = features.detach().requires_grad_()
        if leaf.ndim == 4:
            self.map = leaf
        else:
            self.tokens = leaf
        return leaf.clone()  # what follows may work in place


@contextmanager
def watch_cells(backbone: Backbone) -> Iterator[Cells]:
    """Run a backbone without gradients up to its cells, and with them from there on."""
    cells = Cells()

    def before_block(block: nn.Module, inputs: tuple) -> tuple | None:
        tokens = inputs[0] if inputs else None
        if not (isinstance(tokens, Tensor) and tokens.ndim == 3):
            return None
        return cells.cut(tokens), *inputs[1:]

    def behind(features: Tensor) -> Tensor:
        # tokens of a model without blocks to look into
        last = cells.tokens is None and isinstance(features, Tensor) and features.ndim == 3
        return cells.cut(features) if last or features_are_map(features) else features

    block = _last_block(backbone.net)
    hook = None if block is None else block.register_forward_pre_hook(before_block)
    try:
        with torch.no_grad(), backbone.watch_features(behind):
            yield cells
    finally:
        if hook is not None:
            hook.remove()


def features_are_map(features: object) -> bool:
    """Whether a backbone has ended in a feature map."""
    return isinstance(features, Tensor) and features.ndim == 4


def _last_block(net: nn.Module) -> nn.Module | None:
    """The last of what timm's models of tokens call their blocks."""
    block = getattr(net, "blocks", None)
    while isinstance(block, nn.ModuleList | nn.Sequential) and len(block):
        block = block[-1]
    return block


def find_grid(net: nn.Module, num_tokens: int, size: tuple[int, int]) -> tuple[int, int] | None:
    """Rows and columns of the patches that are the last of so many tokens; None: no grid.

    Args:
        net: The timm model.
        num_tokens: With those before the patches (class token, registers).
        size: Height and width of the image.
    """
    patches = num_tokens - (getattr(net, "num_prefix_tokens", None) or 0)
    for count in (patches, num_tokens):  # some count a class token that joins later
        rows = round((count * size[0] / size[1]) ** 0.5)
        if count > 1 and rows and count % rows == 0:
            return rows, count // rows
    return None
