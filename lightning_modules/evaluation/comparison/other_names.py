"""Whether two tables call the same images by other names: another folder, slash or suffix."""

from collections.abc import Iterable
from pathlib import PureWindowsPath

DEPTHS = (4, 3, 2, 1)  # last parts of a path, by which images are recognised
ENOUGH = 0.5  # share of the smaller table, from which on it is no accident


def say_other_names(first: Iterable[str], other: Iterable[str]) -> str:
    """A hint where ids of both seem to name the same images; "": they do not.

    Args:
        first: Ids that the other table lacks.
        other: Ids that the first table lacks.
    """
    for depth in DEPTHS:
        one, two = (_by_end(ids, depth) for ids in (first, other))
        shared = [end for end in one if end in two]
        if one and two and len(shared) >= ENOUGH * min(len(one), len(two)):
            return (
                f" They may be the same images by other names: {one[shared[0]]!r} and "
                f"{two[shared[0]]!r}. Ids are compared letter by letter: write the column id of "
                "one table as the other has it."
            )
    return ""


def _by_end(ids: Iterable[str], depth: int) -> dict[str, str]:
    """Ids by the last parts of their path without its suffix, where no other ends so."""
    found: dict[str, str] = {}
    twice = set()
    for name in ids:
        path = PureWindowsPath(name)  # takes both slashes
        end = "/".join([*path.parts[:-1], path.stem][-depth:]).lower()
        if end in found:
            twice.add(end)
        found[end] = name
    return {end: name for end, name in found.items() if end not in twice}
