"""Who or what an image shows: the subject that must never stand on both sides of a split."""

import re
from pathlib import PurePosixPath

import numpy as np

from datamodules.manifest import RawTable
from datamodules.patients import find_patients
from datamodules.problems import list_some


def find_groups(raw: RawTable, group_from: str | None, notes: list[str]) -> np.ndarray | None:
    """Find the group of every row, (rows,) text, or None when nothing tells.

    Args:
        raw: The source.
        group_from: A column, ``parent`` (the name of the image's folder), a regular expression on
            the image's path (its first group, else the whole match), or None for the column
            ``group`` where there is one.
        notes: Takes what is to be said.

    Raises:
        ValueError: The expression is none, or does not match every path.
    """
    names = raw.columns.column_names
    if group_from is None:
        if "group" not in names or not any(raw.columns["group"].to_pylist()):
            patients = find_patients(raw, notes)
            if patients is not None:
                return patients
            notes.append(
                "No groups are known: frames of one subject may stand on both sides of the split. "
                "Name the subject by a column 'group' or data.group_from=<column|parent|regex>."
            )
            return None
        group_from = "group"
    if group_from in names:
        return _fill_blanks(raw.columns[group_from].to_pylist(), raw, notes)
    paths = raw.columns["image"].to_pylist()
    if group_from == "parent":
        return np.array([PurePosixPath(path).parent.name for path in paths])
    return _match_all(paths, group_from, raw, notes)


def _fill_blanks(groups: list[str], raw: RawTable, notes: list[str]) -> np.ndarray:
    """A blank group is unknown: that image stands for itself."""
    if "" in groups:
        notes.append(
            f"The group of {groups.count('')} of {len(groups)} images is blank: each of them "
            "counts as a group of its own, and frames of one subject may stand on both sides."
        )
    images = raw.columns["image"].to_pylist()
    return np.array(
        [group or f"image {image}" for group, image in zip(groups, images, strict=True)]
    )


def _match_all(paths: list[str], pattern: str, raw: RawTable, notes: list[str]) -> np.ndarray:
    try:
        expression = re.compile(pattern)
    except re.error as error:
        raise ValueError(
            f"data.group_from={pattern} is neither a column "
            f"({', '.join(raw.columns.column_names)}), "
            f"nor parent, nor a regular expression: {error}."
        ) from error
    matches = [expression.search(path) for path in paths]
    found = [m and (m.group(1) if expression.groups else m.group(0)) for m in matches]
    unmatched = [path for path, group in zip(paths, found, strict=True) if not group]
    if unmatched:
        raise ValueError(
            f"data.group_from={pattern} is not a column and, as a regular expression, does not "
            f"match {len(unmatched)} of {len(paths)} paths: {list_some(unmatched)}."
        )
    groups = np.array(found)
    notes.append(
        f"data.group_from={pattern} finds {len(set(groups))} groups, "
        f"such as {list_some(sorted(set(groups)), 3)}."
    )
    return groups
