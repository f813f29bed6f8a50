"""data.class_map: class names of the data in the words of the model, or of fewer classes."""

import difflib
from collections.abc import Iterable, Mapping

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from datamodules.problems import list_some
from datamodules.tables.codes import Codes
from datamodules.tables.manifest import RawTable


def map_classes(raw: RawTable, class_map: Mapping[str, str | None], notes: list[str]) -> RawTable:
    """Give labels the names that a map says; names that it does not have stay as they are.

    Args:
        raw: The source.
        class_map: Name in the data to that in the model; None leaves its images out.
        notes: Takes what is to be said: every image that is left out is counted.

    Raises:
        ValueError: All images are left out.
    """
    written = Codes.encode(raw.columns["label"])
    found = written.words.to_pylist()
    absent = sorted(class_map.keys() - set(found))
    if absent:
        notes.append(
            f"data.class_map names {list_some(absent)}, which no image of {raw.name} has"
            f" ({list_some(sorted(found), 12)})."
        )
    counts = np.bincount(written.numbers, minlength=len(found)).tolist()
    count_of = dict(zip(found, counts, strict=True))
    renamed = [f"{n} is {class_map[n]} ({count_of[n]})" for n in found if class_map.get(n)]
    if renamed:
        notes.append(f"Classes by data.class_map (images): {', '.join(renamed)}.")
    words = pa.array([class_map.get(name, name) for name in found], pa.string())
    labels = words.take(pa.array(written.numbers))
    place = raw.columns.column_names.index("label")
    columns = raw.columns.set_column(place, "label", pa.chunked_array([pc.fill_null(labels, "")]))
    raw, keep = raw.with_columns(columns), labels.is_valid().to_numpy(zero_copy_only=False)
    if keep.all():
        return raw
    left_out = {name: count_of[name] for name in found if class_map.get(name, name) is None}
    if not keep.any():
        raise ValueError(f"data.class_map leaves out every image of {raw.name}: nothing is left.")
    said = ", ".join(f"{count} {name}" for name, count in left_out.items())
    notes.append(
        f"LEFT OUT by data.class_map: {sum(left_out.values())} of {len(keep)} images of "
        f"{raw.name} ({said}). No score says anything about them."
    )
    return raw.keep(np.flatnonzero(keep), left_out)


def explain_unknown(unknown: Iterable[str], known: Iterable[str]) -> str:
    """What to do about class names of the data that a model does not know, each with a guess."""
    by_lower, lines = {name.lower(): name for name in known}, []
    for name in unknown:
        near = difflib.get_close_matches(name.lower(), by_lower, n=1)
        lines.append(f"{name}: {by_lower[near[0]] if near else '<one of the model, or null>'}")
    return (
        f"Say what they are in the model's words: 'data.class_map={{{', '.join(lines)}}}' "
        "(null leaves these images out)."
    )
