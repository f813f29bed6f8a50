"""Patients or clips in the place of images: the answers to a unit's images become one."""

from collections.abc import Iterable
from typing import Literal, get_args

import numpy as np

from lightning_modules.evaluation.members import Members, find_members
from lightning_modules.evaluation.predictions import PredictionTable

Aggregate = Literal["mean", "max"]
IMAGE, GROUP = "image", "group"
MOST_NAMED = 5
SIZE = "images"  # column of a table of units: how many of its images got an answer


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
    positive = None if positive_class is None else list(table.class_names).index(positive_class)
    answers = np.bincount(units.codes[units.answered], minlength=len(units))
    constant = {n: v[units.first] for n, v in table.columns.items() if units.agree(v).all()}
    return PredictionTable(
        ids=units.names.tolist(),
        labels=table.labels[units.first],
        logits=_join(table, units, answers, aggregate, positive),
        class_names=table.class_names,
        mask_origin=_join_origins(table, units),
        mask_share=units.mean(table.mask_share),
        roi_share=units.mean(table.roi_share),
        columns=constant | {SIZE: answers.astype(np.str_)},
        groups=_join_groups(table, unit, units),
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
        known = ", ".join(dict.fromkeys((IMAGE, GROUP, *columns)))
        raise ValueError(f"unit={unit}: there is no such column. Expected one of {known}.")


def _find_units(table: PredictionTable, unit: str) -> Members:
    check_unit(unit, table.columns, table.groups is not None)
    values = table.groups if unit == GROUP else table.columns[unit]
    ids = np.array(table.ids, dtype=np.str_)
    return find_members(np.where(values == "", ids, values), table)


def _check_labels(table: PredictionTable, unit: str, units: Members) -> None:
    mixed = np.flatnonzero(~units.agree(table.labels)).tolist()
    if mixed:
        more = f" and {len(mixed) - MOST_NAMED} more" if len(mixed) > MOST_NAMED else ""
        some = []
        for one in mixed[:MOST_NAMED]:
            labels = np.unique(table.labels[units.codes == one])
            classes = ", ".join(table.class_names[label] for label in labels)
            some.append(f"{units.names[one]} ({classes})")
        raise ValueError(
            f"unit={unit}: {len(mixed)} of {len(units)} units have images of several classes, so "
            f"they have no label of their own: {', '.join(some)}{more}. Choose a "
            "column within which the label is the same (unit=<column>), or score images "
            "(unit=image)."
        )


def _join(
    table: PredictionTable,
    units: Members,
    answers: np.ndarray,
    aggregate: Aggregate,
    positive: int | None,
) -> np.ndarray:
    """Logits (U, C) whose softmax is the units' probabilities; ``answers`` (U,) of their images."""
    probs, logits = table.probs, table.logits[units.first]
    there = answers > 0
    if aggregate == "max":
        rows = np.flatnonzero(units.answered)
        order = rows[np.lexsort((-probs[rows, positive], units.codes[rows]))]
        begins = np.unique(units.codes[order], return_index=True)[1]
        logits[there] = table.logits[order[begins]]
        return logits
    columns = [units.mean(column, units.answered) for column in probs.astype(np.float64).T]
    mean = np.log(np.maximum(np.stack(columns, axis=1), np.finfo(np.float32).tiny))
    return np.where(there[:, None], mean, logits).astype(table.logits.dtype)


def _join_origins(table: PredictionTable, units: Members) -> list[str]:
    """Where the masks of each came from, all in one word where they differ."""
    words, codes = np.unique(np.array(table.mask_origin), return_inverse=True)
    seen = np.zeros((len(units), len(words)), bool)
    seen[units.codes[units.answered], codes[units.answered]] = True
    kinds, kind_of = np.unique(seen, axis=0, return_inverse=True)
    named = ["+".join(words[kind].tolist()) or "abstain" for kind in kinds]
    return [named[kind] for kind in kind_of.ravel().tolist()]


def _join_groups(table: PredictionTable, unit: str, units: Members) -> np.ndarray | None:
    """Units of one subject are not independent of each other."""
    if unit == GROUP or table.groups is None:
        return units.names if unit == GROUP else None
    words, codes = np.unique(table.groups, return_inverse=True)
    pairs = np.unique(units.codes * len(words) + codes)
    begins = np.searchsorted(pairs // len(words), np.arange(1, len(units)))
    return np.array(["+".join(own.tolist()) for own in np.split(words[pairs % len(words)], begins)])
