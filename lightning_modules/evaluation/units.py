"""Patients or clips in the place of images: the answers to a unit's images become one."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np

from lightning_modules.evaluation.predictions import PredictionTable

Aggregate = Literal["mean", "max"]
IMAGE, GROUP = "image", "group"
MOST_NAMED = 5
SIZE = "images"  # column of a table of units: how many of its images got an answer


@dataclass(frozen=True)
class _Unit:
    """The rows of a unit, all of them and those that got an answer."""

    name: str
    rows: np.ndarray
    answered: np.ndarray


def to_units(
    table: PredictionTable, unit: str, aggregate: Aggregate, positive_class: str | None = None
) -> PredictionTable:
    """Make a table whose rows are units, in the order in which they first appear.

    ``mean`` takes the mean of the probabilities of a unit's images: what they say on the whole.
    ``max`` takes the image with the highest probability of the positive class for all of them: one
    suspicious image makes the unit suspicious, the more easily the more images it has.
    Images without an answer are left out; a unit without any has none either. An image whose unit
    is blank stands for itself. Columns that do not differ within any unit are kept.

    Args:
        table: Of images.
        unit: ``group``, or a column such as ``sequence``; ``image`` changes nothing.
        aggregate: ``mean`` or ``max``.
        positive_class: That ``max`` looks for, one of two; not needed for ``mean``.

    Raises:
        ValueError: There is no such column, its images have different labels, or ``max`` has no
            class to look for.
    """
    if aggregate not in get_args(Aggregate):
        raise ValueError(f"aggregate is {aggregate!r}, expected mean or max.")
    if unit == IMAGE:
        return table
    if aggregate == "max" and positive_class is None:
        raise ValueError(
            "aggregate=max takes the image that is most surely of the positive class, and there "
            f"are {len(table.class_names)} classes, none of them the positive one: aggregate=mean."
        )
    units = _find_units(table, unit)
    _check_labels(table, unit, units)
    first = np.array([one.rows[0] for one in units])
    positive = None if positive_class is None else list(table.class_names).index(positive_class)
    probs = table.probs
    logits = [_join(table.logits, probs, one, aggregate, positive) for one in units]
    names = np.array([one.name for one in units])
    constant = {n: values[first] for n, values in table.columns.items() if _agrees(values, units)}
    return PredictionTable(
        ids=names.tolist(),
        labels=table.labels[first],
        logits=np.stack(logits),
        class_names=table.class_names,
        mask_origin=[_join_origins(table, one) for one in units],
        mask_share=np.array([table.mask_share[one.rows].mean() for one in units]),
        roi_share=np.array([table.roi_share[one.rows].mean() for one in units]),
        columns=constant | {SIZE: np.array([str(len(one.answered)) for one in units])},
        groups=_join_groups(table, unit, units, names),
    )


def check_unit(unit: str, columns: Iterable[str], grouped: bool) -> None:
    """Stop where a unit is none.

    Args:
        unit: See ``to_units``.
        columns: Of the table.
        grouped: Whether the groups of its images are known.

    Raises:
        ValueError: There is no such column.
    """
    if unit == GROUP and not grouped:
        raise ValueError(
            "unit=group: no groups are known. Name the subject of each image by a column 'group' "
            "or data.group_from=<column|parent|regex>."
        )
    if unit not in (IMAGE, GROUP, *columns):
        raise ValueError(
            f"unit={unit}: there is no such column. Expected image, group or one of "
            f"{', '.join(columns)}."
        )


def _find_units(table: PredictionTable, unit: str) -> list[_Unit]:
    check_unit(unit, table.columns, table.groups is not None)
    values = table.groups if unit == GROUP else table.columns[unit]
    ids = np.array(table.ids, dtype=np.str_)
    names, codes = np.unique(np.where(values == "", ids, values), return_inverse=True)
    order = np.argsort(codes, kind="stable")
    rows = np.split(order, np.cumsum(np.bincount(codes))[:-1])
    has_answer = np.array(table.mask_origin) != "abstain"
    found = [_Unit(str(n), r, r[has_answer[r]]) for n, r in zip(names, rows, strict=True)]
    return sorted(found, key=lambda one: int(one.rows[0]))


def _check_labels(table: PredictionTable, unit: str, units: list[_Unit]) -> None:
    names = table.class_names
    mixed = [
        f"{one.name} ({', '.join(names[label] for label in np.unique(table.labels[one.rows]))})"
        for one in units
        if len(np.unique(table.labels[one.rows])) > 1
    ]
    if mixed:
        more = f" and {len(mixed) - MOST_NAMED} more" if len(mixed) > MOST_NAMED else ""
        raise ValueError(
            f"unit={unit}: {len(mixed)} of {len(units)} units have images of several classes, so "
            f"they have no label of their own: {', '.join(mixed[:MOST_NAMED])}{more}. Choose a "
            "column within which the label is the same (unit=<column>), or score images "
            "(unit=image)."
        )


def _join(
    logits: np.ndarray, probs: np.ndarray, one: _Unit, aggregate: Aggregate, positive: int | None
) -> np.ndarray:
    """Logits (C,) whose softmax is the unit's probabilities."""
    if not len(one.answered):
        return logits[one.rows[0]]
    if aggregate == "max":
        return logits[one.answered[probs[one.answered, positive].argmax()]]
    mean = probs[one.answered].astype(np.float64).mean(axis=0)
    return np.log(np.maximum(mean, np.finfo(np.float32).tiny)).astype(logits.dtype)


def _join_origins(table: PredictionTable, one: _Unit) -> str:
    """Where its masks came from, all in one word where they differ."""
    origins = {table.mask_origin[row] for row in one.answered}
    return "abstain" if not origins else "+".join(sorted(origins))


def _join_groups(
    table: PredictionTable, unit: str, units: list[_Unit], names: np.ndarray
) -> np.ndarray | None:
    """Units of one subject are not independent of each other."""
    if unit == GROUP or table.groups is None:
        return names if unit == GROUP else None
    return np.array(["+".join(sorted(set(table.groups[one.rows].tolist()))) for one in units])


def _agrees(values: np.ndarray, units: list[_Unit]) -> bool:
    return all((values[one.rows] == values[one.rows[0]]).all() for one in units)
