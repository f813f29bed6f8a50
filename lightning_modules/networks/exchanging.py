"""Other tensors in the place of those that a layer is given or returns, however they are nested."""

from collections.abc import Callable, Iterator
from typing import Any

from torch import Tensor, nn
from torch.utils.hooks import RemovableHandle

Exchange = Callable[[list[Tensor]], dict[int, Tensor]]


def exchange_at(layer: nn.Module, returned: bool, exchange: Exchange) -> RemovableHandle:
    """Put other tensors in the place of those that a layer is given or returns.

    Args:
        layer: Wherever it is called.
        returned: What it returns, else what it is given.
        exchange: Of the tensors to others by their ``id``; what is absent stays.
    """

    def put(given: Any) -> Any:  # noqa: ANN401
        return _put(exchange(list(find_tensors(given))), given)

    if returned:
        return layer.register_forward_hook(lambda _, args, output: put(output))
    return layer.register_forward_pre_hook(
        lambda _, args, kwargs: put((args, kwargs)), with_kwargs=True
    )


def find_tensors(given: object) -> Iterator[Tensor]:
    """All tensors of arguments, however they are nested."""
    if isinstance(given, Tensor):
        yield given
    elif isinstance(given, tuple | list | dict):
        for one in given.values() if isinstance(given, dict) else given:
            yield from find_tensors(one)


def _put(instead: dict[int, Tensor], given: Any) -> Any:  # noqa: ANN401
    if isinstance(given, Tensor):
        return instead.get(id(given), given)
    if isinstance(given, tuple | list):
        return type(given)(_put(instead, one) for one in given)
    if isinstance(given, dict):
        return {name: _put(instead, one) for name, one in given.items()}
    return given
