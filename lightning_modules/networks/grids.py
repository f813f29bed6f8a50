"""How tensors inside a backbone are laid out as its image is."""

import math
from collections.abc import Sequence
from typing import NamedTuple

from torch import Tensor

PREFIXES = (0, 1, 2)  # tokens before the patches, where a model does not say


class Grid(NamedTuple):
    """Cells of the image in a tensor: a map (B, D, h, w) or (B, h, w, D), or tokens (B, N, D).

    place: Among the tensors that a layer is given. channels: Their axis: 1 or 3 of a map, 2 of
    tokens. first: Tokens before those of the patches (class token, registers).
    """

    place: int
    channels: int
    first: int = 0


def lay_out(
    place: int, tensor: Tensor, size: tuple[int, int], num_prefix: int | None
) -> Grid | None:
    """Find the grid of a tensor; None: it has none.

    Args:
        place: Of the tensor, see ``Grid``.
        tensor: Of one pass.
        size: Height and width of the image.
        num_prefix: Tokens before the patches, as the model states it; None: it does not.
    """
    if tensor.ndim == 4:
        cells = {1: tensor.shape[2:], 3: tensor.shape[1:3]}
        fitting = [axis for axis, one in cells.items() if _is_laid_out(one, size)]
        return Grid(place, fitting[0]) if fitting else None
    if tensor.ndim == 3:
        prefixes = PREFIXES if num_prefix is None else (num_prefix, *PREFIXES)
        fitting = [n for n in prefixes if find_grid(tensor.shape[1] - n, size) is not None]
        return Grid(place, 2, fitting[0]) if fitting else None
    return None


def count_cells(grid: Grid, shape: Sequence[int]) -> int:
    """How many cells of the image a tensor of this shape has."""
    if len(shape) == 3:
        return shape[1] - grid.first
    return math.prod(shape[1:]) // shape[grid.channels]


def find_grid(num_cells: int, size: tuple[int, int]) -> tuple[int, int] | None:
    """Rows and columns of so many cells, laid out as an image (H, W) is; None: they are not."""
    rows = round((max(num_cells, 0) * size[0] / size[1]) ** 0.5)
    if not rows or num_cells % rows or not _is_laid_out((rows, num_cells // rows), size):
        return None
    return rows, num_cells // rows


def _is_laid_out(cells: Sequence[int], size: tuple[int, int]) -> bool:
    """Whether rows and columns are as those of the image, give or take one, and fewer."""
    rows, columns = cells
    fewer = 1 < rows * columns and rows < size[0] and columns < size[1]
    return fewer and abs(rows * size[1] - columns * size[0]) < max(size)
