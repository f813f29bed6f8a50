"""Who or what an image shows: the subject that must never stand on both sides of a split."""

import re

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from datamodules.problems import list_some
from datamodules.splitting.patients import find_patients
from datamodules.tables.codes import Codes
from datamodules.tables.manifest import RawTable


def find_groups(raw: RawTable, group_from: str | None, notes: list[str]) -> Codes | None:
    """Find the group of every row, or None when nothing tells.

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
        patients = None if raw.is_filled("group") else find_patients(raw, notes)
        if patients is not None:
            return Codes.encode(patients)
        if raw.is_filled("group"):
            group_from = "group"
        elif raw.is_filled("sequence"):
            notes.append(
                "No groups are known but sequences are: frames of one sequence stay on one side of "
                "the split, several sequences of one subject may not. Name the subject by a column "
                "'group' or data.group_from=<column|parent|regex>."
            )
            group_from = "sequence"
        else:
            notes.append(
                "No groups are known: frames of one subject may stand on both sides of the split. "
                "Name the subject by a column 'group' or data.group_from=<column|parent|regex>."
            )
            return None
    if group_from in names:
        return Codes.encode(_fill_blanks(raw, group_from, notes))
    if group_from == "parent":
        parents = pc.replace_substring_regex(raw.columns["image"], r"/?[^/]*$", "")
        return Codes.encode(pc.replace_substring_regex(parents, r"^.*/", ""))
    return _match_all(raw, group_from, notes)


def image_units(raw: RawTable) -> np.ndarray:
    """(rows,) number of the image of each row, for where every image stands for itself."""
    if raw.images_repeat:
        return Codes.encode(raw.columns["image"]).numbers
    return np.arange(raw.columns.num_rows)


def _fill_blanks(raw: RawTable, column: str, notes: list[str]) -> pa.ChunkedArray:
    """A blank group is unknown: that image stands for itself."""
    groups = raw.columns[column]
    blank = pc.equal(groups, "")
    num_blank = pc.sum(blank).as_py()
    if not num_blank:
        return groups
    notes.append(
        f"The group of {num_blank} of {len(groups)} images is blank: each of them "
        "counts as a group of its own, and frames of one subject may stand on both sides."
    )
    alone = pc.binary_join_element_wise("image ", raw.columns["image"], "")
    return pc.if_else(blank, alone, groups)


def _match_all(raw: RawTable, pattern: str, notes: list[str]) -> Codes:
    try:
        expression = re.compile(pattern)
    except re.error as error:
        raise ValueError(
            f"data.group_from={pattern} is neither a column "
            f"({', '.join(raw.columns.column_names)}), "
            f"nor parent, nor a regular expression: {error}."
        ) from error
    found, unmatched = [], []
    for chunk in raw.columns["image"].chunks:
        paths = chunk.to_pylist()
        matches = [expression.search(path) for path in paths]
        groups = [m and (m.group(1) if expression.groups else m.group(0)) for m in matches]
        unmatched += [path for path, group in zip(paths, groups, strict=True) if not group]
        found.append(pa.array(groups, pa.string()))
    if unmatched:
        raise ValueError(
            f"data.group_from={pattern} is not a column and, as a regular expression, does not "
            f"match {len(unmatched)} of {raw.columns.num_rows} paths: {list_some(unmatched)}."
        )
    groups = Codes.encode(pa.chunked_array(found))
    examples = list_some(groups.words[:3].to_pylist(), 3)
    notes.append(f"data.group_from={pattern} finds {len(groups.words)} groups, such as {examples}.")
    return groups
