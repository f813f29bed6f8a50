"""Whether what a checkpoint holds is what this project writes: tensors and plain values."""

import reprlib
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

PLAIN = (str, int, float, bool, type(None))
MOST_NAMED = 3
LARGEST_SIDE = 2**14


def check_content(checkpoint: object, newest: int) -> None:
    """Check what was read from a file.

    Args:
        checkpoint: All of it.
        newest: The newest format that is understood.

    Raises:
        ValueError: It is of another project, of a newer format, or something has another type.
    """
    written = checkpoint.get("roi_classifier") if isinstance(checkpoint, dict) else None
    if not isinstance(written, dict) or not isinstance(checkpoint.get("hyper_parameters"), dict):
        raise ValueError(
            "is a checkpoint of another project: it lacks this project's record. Expected one that "
            "train.py or checkpoint.py --export has written; weights of elsewhere are tested by "
            "evaluate.py with backbone= and classes=, and trained on by model.pretrained="
        )
    number = written.get("format")
    if type(number) is not int or number < 1:
        raise ValueError(f"has format {number!r}, expected a whole number from 1 up")
    if number > newest:
        raise ValueError(
            f"has format {number}, this version reads up to {newest}: update the project"
        )
    _check_plain(checkpoint)
    problems = [*_find_wrong(checkpoint), *_find_wrong_arguments(checkpoint["hyper_parameters"])]
    if problems:
        raise ValueError(f"is not as this project writes it: {'; '.join(problems)}")


def _check_plain(checkpoint: dict[str, Any]) -> None:
    """Tensors and plain values only, each tensor with room for all of its numbers."""
    waiting: list[Any] = [checkpoint]
    seen: set[int] = set()  # what is named often is looked at once, a ring ends
    while waiting:
        value = waiting.pop()
        if isinstance(value, Tensor):
            _check_tensor(value)
        elif isinstance(value, dict | list | tuple):
            if id(value) in seen:
                continue
            seen.add(id(value))
            waiting += value.values() if isinstance(value, dict) else value
            if isinstance(value, dict) and not all(type(key) in (str, int) for key in value):
                raise ValueError("holds a dict whose keys are neither text nor whole numbers")
        elif type(value) not in PLAIN:
            kind = type(value).__name__
            raise ValueError(f"holds a {kind}, expected tensors and plain values only")


def _check_tensor(tensor: Tensor) -> None:
    if tensor.layout is not torch.strided or tensor.is_quantized:
        raise ValueError(f"holds a tensor of layout {tensor.layout}, expected plain ones")
    if tensor.numel() * tensor.element_size() > tensor.untyped_storage().nbytes():
        raise ValueError(f"holds a tensor of size {tuple(tensor.shape)} with fewer numbers in it")


def _find_wrong(checkpoint: dict[str, Any]) -> Iterable[str]:
    weights = checkpoint.get("state_dict")
    if not isinstance(weights, dict) or not weights:
        yield "state_dict holds no weights"
    elif not all(isinstance(k, str) and isinstance(v, Tensor) for k, v in weights.items()):
        yield "state_dict holds more than named tensors"
    for name in ("epoch", "global_step"):
        value = checkpoint.get(name, 0)
        if type(value) is not int or value < 0:
            yield f"{name} is {value!r}, expected a whole number from 0 up"


def _find_wrong_arguments(arguments: dict[str, Any]) -> Iterable[str]:
    for name, least in (("class_names", 2), ("region_names", 1)):
        value = arguments.get(name)
        if not (
            isinstance(value, list | tuple)
            and all(isinstance(one, str) for one in value)
            and len(set(value)) == len(value) >= least
        ):
            yield f"{name} is {_shown(value)}, expected {least} or more different names"
    size = arguments.get("image_size")
    if size is not None and not _is_size(size):
        yield (
            f"image_size is {_shown(size)}, expected a height and a width of at most {LARGEST_SIDE}"
        )
    names, positive = arguments.get("class_names"), arguments.get("positive_class")
    if positive is not None and isinstance(names, list | tuple) and positive not in names:
        yield f"positive_class is {_shown(positive)}, which is none of its classes"
    if type(arguments.get("seed", 0)) is not int:
        yield f"seed is {_shown(arguments['seed'])}, expected a whole number"
    for name in ("model", "gate", "loss", "optimizer", "scheduler", "extras", "record"):
        value = arguments.get(name)
        if not isinstance(value, dict) and not (name in ("extras", "record") and value is None):
            yield f"{name} is {_shown(value)}, expected named values"
    record = arguments.get("record")
    if isinstance(record, dict):
        yield from _find_wrong_record(record)


def _find_wrong_record(record: Mapping[str, Any]) -> Iterable[str]:
    if not isinstance(record.get("config", {}), dict):
        yield "record.config is no configuration"
    known = record.get("trained_on")
    if known is None:
        return
    hashes = known.get("hashes") if isinstance(known, dict) else None
    if not isinstance(hashes, Tensor) or hashes.dtype != torch.int64 or hashes.ndim != 1:
        yield "record.trained_on holds no list of hashes"


def _is_size(size: object) -> bool:
    return (
        isinstance(size, Sequence)
        and len(size) == 2
        and all(type(side) is int and 1 <= side <= LARGEST_SIDE for side in size)
    )


def find_misfits(weights: Mapping[str, Tensor], expected: Mapping[str, Tensor]) -> list[str]:
    """What keeps weights from being loaded where others stand: names, shapes, kinds of numbers."""
    problems = [f"{key} is missing" for key in expected if key not in weights]
    problems += [f"{key} is unknown" for key in weights if key not in expected]
    for key in expected.keys() & weights.keys():
        own, want = weights[key], expected[key]
        if own.shape != want.shape:
            problems.append(f"{key} is {tuple(own.shape)}, expected {tuple(want.shape)}")
        elif own.dtype != want.dtype and not (own.is_floating_point() and want.is_floating_point()):
            problems.append(f"{key} holds {own.dtype}, expected {want.dtype}")
    return problems


def name_some(problems: Sequence[str]) -> str:
    """The first few of many."""
    more = f"; and {len(problems) - MOST_NAMED} more" if len(problems) > MOST_NAMED else ""
    return "; ".join(problems[:MOST_NAMED]) + more


def _shown(value: object) -> str:
    """As Python writes it, cut short: a few bytes of a file can mean any number of entries."""
    return "a tensor" if isinstance(value, Tensor) else reprlib.repr(value)
