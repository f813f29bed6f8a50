"""The answers of all variants to the same images, in the same order."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from lightning_modules.evaluation.comparison.same_images import (
    Answers,
    check_groups,
    check_labels,
    check_runs,
    choose_ids,
)
from lightning_modules.evaluation.comparison.variants import Variant

NO_GROUPS = (
    "No groups are known, so every image counts as independent of the others. If several images "
    "are of the same person or object, the intervals are too narrow: say which in a column 'group'."
)


@dataclass(frozen=True)
class Paired:
    """What was asked, and what each run of each variant answered.

    Args:
        ids: Of the images.
        labels: (N,) int.
        class_names: In the order of the logits.
        units: (N,) int, the group of each image; without groups each is its own.
        grouped: Whether the groups are known.
        logits: A list a variant, (N, C) a run.
        columns: Columns that all tables have, (N,) text.
        notes: What is to be said of the images.
    """

    ids: list[str]
    labels: np.ndarray
    class_names: Sequence[str]
    units: np.ndarray
    grouped: bool
    logits: list[list[np.ndarray]]
    columns: dict[str, np.ndarray]
    notes: list[str] = field(default_factory=list)

    @property
    def num_units(self) -> int:
        """Groups, or images where no groups are known."""
        return int(self.units.max()) + 1

    @property
    def unit_name(self) -> str:
        """What the units are called."""
        return "groups" if self.grouped else "images"


def pair(variants: Sequence[Variant], shared: bool = False) -> Paired:
    """Bring the answers of all runs in the same order.

    Args:
        variants: At least two.
        shared: Compare on the images that all runs have where they differ, and say so.

    Raises:
        ValueError: The runs have different images, labels, groups or classes, twice the same
            image, or answers that are no numbers.
    """
    runs = [run for variant in variants for run in variant.runs]
    check_runs(runs)
    ids, notes = choose_ids(runs, shared)
    first = runs[0].table
    answers = [Answers.of(run, ids, list(first.class_names)) for run in runs]
    check_labels(answers, ids, first.class_names)
    groups = _settle_groups(answers, ids, notes)
    kept = np.all([one.answered for one in answers], axis=0)
    if not kept.any():
        raise ValueError("There is no image that all of these runs have answered.")
    if not kept.all():
        notes.append(
            f"{int((~kept).sum())} of {len(ids)} images got no answer from at least one run (no "
            "mask) and are left out of the comparison."
        )
    units = np.arange(len(ids)) if groups is None else groups
    logits = iter([one.logits[kept] for one in answers])
    return Paired(
        ids=[one for one, keep in zip(ids, kept.tolist(), strict=True) if keep],
        labels=answers[0].labels[kept],
        class_names=first.class_names,
        units=np.unique(units[kept], return_inverse=True)[1],
        grouped=groups is not None,
        logits=[[next(logits) for _ in variant.runs] for variant in variants],
        columns={
            name: values[kept]
            for name, values in answers[0].columns.items()
            if all(name in one.columns for one in answers)
        },
        notes=notes,
    )


def _settle_groups(
    answers: Sequence[Answers], ids: Sequence[str], notes: list[str]
) -> np.ndarray | None:
    """(N,) groups of the runs that know them; None: no run does."""
    known = [one for one in answers if one.groups is not None]
    if not known:
        notes.append(NO_GROUPS)
        return None
    check_groups(known, ids)
    if len(known) < len(answers):
        notes.append(f"The groups are those of {known[0].name}: not all of the runs know them.")
    return known[0].groups
