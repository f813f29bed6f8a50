"""Lists of JSON objects, read a key at a time and checked without a loop where all is well."""

import gc
import json
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

REQUIRED = object()
TEXT = (str,)
NUMBER = (int, float)
HIGHEST = 1e9  # of numbers that mean pixels
# the quotes cannot stand within a JSON text, so this is a key and its value up to the last bracket
POLYGONS = re.compile(rb'"segmentation"\s*:\s*\[[][0-9eE+.,\s-]*\]')


def load_json(path: Path, without_polygons: bool = False) -> Any:  # noqa: ANN401
    """Read a JSON file.

    Args:
        path: The file.
        without_polygons: Reads each ``segmentation`` of polygons as null: nine tenths of the
            numbers in a large file of COCO, which would otherwise take most of time and memory.

    Raises:
        ValueError: It is none, or nested without end.
    """
    text = path.read_bytes()
    if without_polygons:
        text = POLYGONS.sub(b'"segmentation":null', text)
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        raise ValueError(f"{path} cannot be read as JSON: {error}.") from error


@contextmanager
def many_objects() -> Iterator[None]:
    """Millions are made in here: looking for cycles among them would double the time."""
    collecting = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if collecting:
            gc.enable()


def take(
    records: list[dict[str, Any]],
    key: str,
    kinds: tuple[type, ...],
    expected: str,
    where: str,
    problems: list[str],
    default: Any = REQUIRED,  # noqa: ANN401
) -> list[Any]:
    """The values of a key, one a record.

    Args:
        records: JSON objects.
        key: Which value.
        kinds: Types that it may have, exactly: true is no number.
        expected: These in words.
        where: The list's own name: problems are of ``<where>[<index>]``.
        problems: Takes what is missing or of another type.
        default: Of records without the key; left out: all must have it.
    """
    values = [record.get(key, default) for record in records]
    allowed = {*kinds, *([] if default is REQUIRED else [type(default)])}
    if set(map(type, values)) <= allowed:
        return values
    for index, value in enumerate(values):
        if value is REQUIRED:
            found = ", ".join(records[index]) or "nothing"
            problems.append(f"{where}[{index}] has no {key!r}, expected {expected}; found {found}")
        elif type(value) not in allowed:
            problems.append(f"{where}[{index}]: {key} is {shorten(value)}, expected {expected}")
    return values


def check_records(records: Any, where: str, problems: list[str]) -> None:  # noqa: ANN401
    """Take what is not a list of objects, or not an object in it."""
    if not isinstance(records, list):
        problems.append(f"{where} is {shorten(records)}, expected a list of objects")
    elif not set(map(type, records)) <= {dict}:
        problems += [
            f"{where}[{index}] is {shorten(record)}, expected an object"
            for index, record in enumerate(records)
            if type(record) is not dict
        ]


def take_numbers(
    values: list[Any], length: int, name: Callable[[int], str], problems: list[str]
) -> np.ndarray:
    """Lists of finite numbers as one array, (N, length) float64; takes what is none."""
    if set(map(type, values)) <= {list} and set(map(len, values)) <= {length}:
        try:
            numbers = np.array(values).reshape(len(values), length)
        except (ValueError, OverflowError):
            numbers = np.empty(0, object)
        if numbers.dtype.kind in "if" and (np.abs(numbers) < HIGHEST).all():
            return numbers.astype(float)
    numbers = np.full((len(values), length), np.nan)
    for index, value in enumerate(values):
        if not is_numbers(value, length):
            problems.append(
                f"{name(index)} is {shorten(value)}, expected {length} finite numbers below 1e9"
            )
        else:
            numbers[index] = value
    return numbers


def take_optional_numbers(
    records: list[dict[str, Any]], key: str, where: str, problems: list[str]
) -> np.ndarray:
    """Finite numbers of a key, (N,) float64, NaN of records without it; takes what is none."""
    values = take(records, key, (*NUMBER, type(None)), "a number", where, problems, None)
    numbers = np.full(len(values), np.nan)
    for index, value in enumerate(values):
        if type(value) in NUMBER and abs(value) < HIGHEST:
            numbers[index] = value
        elif type(value) in NUMBER:
            problems.append(
                f"{where}[{index}]: {key} is {shorten(value)}, expected a finite number below 1e9"
            )
    return numbers


def is_numbers(value: Any, length: int | None = None) -> bool:  # noqa: ANN401
    """Whether this is a list of finite numbers, of a length if one is given."""
    return (
        isinstance(value, list)
        and (length is None or len(value) == length)
        and all(type(one) in NUMBER and abs(one) < HIGHEST for one in value)
    )


def shorten(value: Any) -> str:  # noqa: ANN401
    """A value as a message shows it."""
    text = repr(value) if not isinstance(value, int) else str(value)
    return text if len(text) <= 60 else f"{text[:57]}..."
