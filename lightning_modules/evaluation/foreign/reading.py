"""Any table of predictions: one that this project wrote, or one of another program."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pyarrow as pa

from lightning_modules.evaluation.foreign.answers import find_other_answers, read_answers
from lightning_modules.evaluation.foreign.classes import find_classes, read_codes
from lightning_modules.evaluation.foreign.text_table import (
    name_rows,
    raise_problems,
    read_text_table,
    to_text,
)
from lightning_modules.evaluation.predictions import PredictionTable
from lightning_modules.evaluation.predictions_file import (
    LOGIT,
    OWN,
    PROB,
    classes_of,
    read_predictions,
)

NEEDED = ("id", "label")
MOST_NAMED = 5


@dataclass(frozen=True)
class Given:
    """A table of predictions as somebody gives it.

    Args:
        table: Its rows.
        own: Whether this project wrote it.
        notes: What is to be said of how it was read.
    """

    table: PredictionTable
    own: bool
    notes: list[str] = field(default_factory=list)


def read_given(path: Path) -> Given:
    """Read a table with ``id``, ``label`` and ``prob_<class>`` or ``logit_<class>`` a class.

    ``group`` and ``predicted`` are optional: a row whose ``predicted`` is blank got no answer, and
    another must name the class of the highest probability. Further columns are kept. Classes are in
    the order of their columns. What this project wrote is read to the last bit.

    Raises:
        ValueError: It is no such table; all mistakes of it are listed, with their rows.
    """
    text = read_text_table(path)
    own = _is_own(text.column_names)
    problems = list(_find_ids(text)) if "id" in text.column_names else []
    if own:
        every = np.ones(text.num_rows, bool)
        problems += read_codes(text, "label", classes_of(text.column_names), every)[1]
        raise_problems(path, problems)
        return Given(_check_answers(path, read_predictions(path)), own)
    missing = [name for name in NEEDED if name not in text.column_names]
    if missing:
        shown = ", ".join(text.column_names[:12])
        problems.insert(0, f"it has no column {' and no column '.join(missing)}. Columns: {shown}")
    class_names, wrong = find_classes(text.column_names)
    problems += [*wrong, *_find_misspelt(text.column_names)]
    raise_problems(path, problems)
    return _read(path, text, class_names)


def _is_own(names: list[str]) -> bool:
    return tuple(names[: len(OWN)]) == OWN and names[-1].startswith(LOGIT)


def _find_misspelt(names: list[str]) -> Iterator[str]:
    """Columns that are meant but for their capitals, or blanks around them."""
    for name in names:
        plain = name.strip()
        kind = next((k for k in (PROB, LOGIT) if plain.casefold().startswith(k)), None)
        meant = plain.casefold() if kind is None else kind + plain[len(kind) :]
        if name != meant and meant not in names and (kind or meant in NEEDED):
            yield f"column {name!r}: write {meant!r} (capitals and blanks count)"


def _find_ids(text: pa.Table) -> Iterator[str]:
    """Ids that are blank or stand twice."""
    ids = to_text(text, "id")
    blank = np.flatnonzero(ids == "").tolist()
    if blank:
        yield f"id is blank in {name_rows(blank)}: every image needs a name of its own"
    names, first, counts = np.unique(ids, return_index=True, return_counts=True)
    twice = np.flatnonzero((counts > 1) & (names != ""))
    for place in twice[np.argsort(first[twice])][:MOST_NAMED].tolist():
        rows = np.flatnonzero(ids == names[place]).tolist()
        twin = str(names[place])
        yield f"id {twin!r} is in {name_rows(rows)}: one row an image, remove the others"
    if len(twice) > MOST_NAMED:
        yield f"{len(twice) - MOST_NAMED} more ids are in several rows"


def _read(path: Path, text: pa.Table, class_names: list[str]) -> Given:
    """A table whose columns are there."""
    names, every = text.column_names, np.ones(text.num_rows, bool)
    answered = to_text(text, "predicted") != "" if "predicted" in names else every
    if not answered.any():
        raise_problems(path, ["predicted is blank in every row: no image got an answer"])
    labels, problems, notes = read_codes(text, "label", class_names, every)
    logits, wrong, said = read_answers(text, class_names, answered)
    notes += said
    if "predicted" in names:
        predicted, bad, said = read_codes(text, "predicted", class_names, answered)
        notes += said
        wrong = [*wrong, *bad] or list(find_other_answers(predicted, logits, answered, class_names))
    raise_problems(path, [*problems, *wrong])
    scores = {f"{kind}{name}" for kind in (PROB, LOGIT) for name in class_names}
    taken = {*NEEDED, "predicted", "group", *scores}
    groups, said = _read_groups(text) if "group" in names else (None, [])
    notes += said
    table = PredictionTable(
        ids=text["id"].to_pylist(),
        labels=labels,
        logits=logits.astype(np.float32),
        class_names=class_names,
        mask_origin=np.where(answered, "none", "abstain").tolist(),
        mask_share=np.ones(text.num_rows),  # nothing is known to have been hidden
        roi_share=np.zeros(text.num_rows),  # and no region of interest is known
        columns={name: to_text(text, name) for name in names if name not in taken},
        groups=groups,
    )
    return Given(table, False, notes)


def _read_groups(text: pa.Table) -> tuple[np.ndarray | None, list[str]]:
    """Groups (N,), None where all are blank, and what is to be said of them.

    A blank group is unknown: that image stands for itself, as in tables of images.
    """
    groups = to_text(text, "group")
    blank = groups == ""
    if not blank.any() or blank.all():
        return None if blank.all() else groups, []
    alone = np.char.add("image ", to_text(text, "id"))
    note = (
        f"The group of {blank.sum()} of {len(groups)} images is blank: each of them counts as a "
        "group of its own."
    )
    return np.where(blank, alone, groups), [note]


def _check_answers(path: Path, table: PredictionTable) -> PredictionTable:
    if not len(table.answered):
        raise_problems(path, ["no image got an answer (mask_origin is abstain in every row)"])
    return table
