"""Whether runs answered the same question: images, labels, groups and classes; else which not."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from lightning_modules.evaluation.comparison.other_names import say_other_names
from lightning_modules.evaluation.comparison.variants import Run

MOST_NAMED = 3  # images that a message names
AGAIN = "Evaluate both on the same data (evaluate.py ckpt=... data=...)"


@dataclass(frozen=True)
class Answers:
    """What one run says of the images that all are compared on, in the order of the first run.

    Args:
        name: Of the run.
        labels: (N,) int.
        logits: (N, C), the classes in the order of the first run.
        answered: (N,) bool.
        groups: (N,) text; None: unknown.
        columns: By name, (N,) text.
    """

    name: str
    labels: np.ndarray
    logits: np.ndarray
    answered: np.ndarray
    groups: np.ndarray | None
    columns: dict[str, np.ndarray]

    @classmethod
    def of(cls, run: Run, ids: Sequence[str], class_names: list[str]) -> "Answers":
        """Bring a run's table in order."""
        table = run.table
        row_of = {one: row for row, one in enumerate(table.ids)}
        rows = np.array([row_of[one] for one in ids])
        own = list(table.class_names)
        code = np.array([class_names.index(name) for name in own])
        return cls(
            name=run.name,
            labels=code[table.labels[rows]],
            logits=table.logits[rows][:, [own.index(name) for name in class_names]],
            answered=np.array(table.mask_origin)[rows] != "abstain",
            groups=None if table.groups is None else table.groups[rows],
            columns={name: values[rows] for name, values in table.columns.items()},
        )


def check_runs(runs: Sequence[Run]) -> None:
    """Check what needs no pairing: each table is whole, and all have the same classes.

    Raises:
        ValueError: It is not so.
    """
    problems, expected = [], runs[0].table.class_names
    for run in runs:
        table = run.table
        twice = len(table) - len(set(table.ids))
        if twice:
            problems.append(f"{run.name} has {_images(twice)} more than once: test it again.")
        broken = int((~np.isfinite(table.answered.logits)).any(axis=1).sum())
        if broken:
            problems.append(
                f"{run.name}: {broken} of {len(table)} answers are not numbers, so its weights are "
                "broken. Leave it out."
            )
        if set(table.class_names) != set(expected):
            problems.append(
                f"{run.name} has the classes {', '.join(table.class_names)}, and {runs[0].name} "
                f"has {', '.join(expected)}: they answer different questions. {AGAIN}."
            )
    _raise(problems)


def choose_ids(runs: Sequence[Run], shared: bool) -> tuple[list[str], list[str]]:
    """The images to compare on, in the order of the first run, and what is to be said of them.

    Raises:
        ValueError: The runs have different images, and those that they share are not asked for, or
            there are none.
    """
    first = runs[0]
    own = [set(run.table.ids) for run in runs]
    different = [run for run, ids in zip(runs, own, strict=True) if ids != own[0]]
    if not different:
        return first.table.ids, []
    common = set.intersection(*own)
    if not shared or not common:
        how = "No image is in all of them." if not common else f"{len(common)} are in all of them: "
        how += "shared=true compares on those alone." if common else ""
        _raise([*(_tell_apart(first, run) for run in different), f"{how} {AGAIN}."])
    note = (
        f"The runs were tested on DIFFERENT images. This compares the {len(common)} that all of "
        f"them have, of up to {max(map(len, own))}; what it says holds for those alone."
    )
    return [one for one in first.table.ids if one in common], [note]


def _tell_apart(first: Run, other: Run) -> str:
    one, two = set(first.table.ids), set(other.table.ids)
    parts = [
        f"{len(ids)} in {name} alone ({_some(sorted(ids))})"
        for ids, name in ((one - two, first.name), (two - one, other.name))
        if ids
    ]
    return (
        f"{first.name} and {other.name} were tested on different images ({len(one)} and "
        f"{len(two)}): {'; '.join(parts)}.{say_other_names(sorted(one - two), sorted(two - one))}"
    )


def check_labels(
    answers: Sequence[Answers], ids: Sequence[str], class_names: Sequence[str]
) -> None:
    """Check that all have the same label for each image.

    Raises:
        ValueError: They have not; it names some.
    """
    first, problems = answers[0], []
    for other in answers[1:]:
        rows = np.flatnonzero(other.labels != first.labels).tolist()
        if rows:
            shown = [
                f"{ids[row]}: {class_names[first.labels[row]]} and {class_names[other.labels[row]]}"
                for row in rows[:MOST_NAMED]
            ]
            problems.append(
                f"{first.name} and {other.name} have different labels for {_images(len(rows))} "
                f"({_some(shown, len(rows))}). {AGAIN}."
            )
    _raise(problems)


def check_groups(known: Sequence[Answers], ids: Sequence[str]) -> None:
    """Check that all have the same group for each image.

    Raises:
        ValueError: They have not; it names some.
    """
    problems = []
    for other in known[1:]:
        rows = np.flatnonzero(other.groups != known[0].groups).tolist()
        if rows:
            problems.append(
                f"{known[0].name} and {other.name} have different groups for {_images(len(rows))} "
                f"({_some([ids[row] for row in rows[:MOST_NAMED]], len(rows))}). {AGAIN}."
            )
    _raise(problems)


def _images(number: int) -> str:
    return "1 image" if number == 1 else f"{number} images"


def _some(names: Sequence[str], total: int | None = None) -> str:
    total = len(names) if total is None else total
    more = f" and {total - MOST_NAMED} more" if total > MOST_NAMED else ""
    return ", ".join(names[:MOST_NAMED]) + more


def _raise(problems: Sequence[str]) -> None:
    if problems:
        many = f"{len(problems)} reasons why these runs cannot be compared:"
        lines = problems if len(problems) == 1 else [many, *(f"  {one}" for one in problems)]
        raise ValueError("\n".join(lines))
