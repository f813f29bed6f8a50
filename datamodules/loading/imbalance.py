"""Classes of unequal size: how many images of each an epoch has, and what is done about it.

One word, ``data.imbalance``, says what:

``none``: nothing.
``class_weights``: a class's images weigh in the loss by its inverse frequency.
``balanced_sampler``: an epoch has as many images of each class, repeated or left out.
``focal``: images that are answered well hardly count (``loss.gamma``).
``logit_adjustment``: training shifts the logits by the classes' shares (``loss.tau``).
"""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from datamodules.loading.sequences import Sequences, find_sequences
from datamodules.options import DataOptions
from datamodules.problems import list_some, raise_problems
from datamodules.tables.table import ImageTable

# option of the loss that belongs to a word, and its value where the user gives none
OWN_OPTIONS = {"focal": ("gamma", 2.0), "logit_adjustment": ("tau", 1.0)}
# images of the largest class for one of the smallest from which on something should be done
NOTABLE = 3.0
MOST_NAMED = 8
# up to so many times the smallest class all are as good as equal
EQUAL = 1.1


def count_images(table: ImageTable, sequences: Sequences | None = None) -> list[float]:
    """Images of each class in training, (C,): of an epoch, where it draws among frames."""
    labels, shares = table.labels[table.rows_of("train")], None
    if sequences is not None:
        labels, shares = labels[sequences.order], sequences.shares()
    return np.bincount(labels, shares, len(table.class_names)).tolist()


def inform_loss(table: ImageTable, options: DataOptions) -> dict[str, list[float] | None]:
    """What the loss has to know of the classes: ``class_weights`` and ``class_counts``, (C,)."""
    known: dict[str, list[float] | None] = {"class_weights": None, "class_counts": None}
    if options.imbalance in ("class_weights", "logit_adjustment"):
        rows = table.rows_of("train")
        counts = count_images(table, find_sequences(table, rows, options.frames_per_sequence))
        if options.imbalance == "class_weights":
            return known | {"class_weights": weigh_classes(counts)}
        return known | {"class_counts": counts}
    return known


def weigh_classes(counts: Sequence[float]) -> list[float]:
    """Inverse frequency of each class, (C,): 1 on average over the images."""
    total = sum(counts)
    return [total / (len(counts) * count) for count in counts]


def settle_imbalance(loss: dict[str, Any], imbalance: str) -> None:
    """Fill in the loss's options of this word, in place, and set those of others to 0.

    Raises:
        ValueError: An option of the loss is set that belongs to another word.
    """
    problems = []
    for word, (name, default) in OWN_OPTIONS.items():
        given = loss.get(name)
        if word == imbalance:
            loss[name] = default if given is None else given
            if not 0 < loss[name] < math.inf:
                problems.append(
                    f"loss.{name} is {given}, expected above 0 with data.imbalance={word}; "
                    f"leave it out for {default:g}, or take data.imbalance=none"
                )
        elif given:
            problems.append(
                f"loss.{name} is {given}, an option of data.imbalance={word}, but data.imbalance "
                f"is {imbalance}: choose data.imbalance={word}, or leave loss.{name} out"
            )
        else:
            loss[name] = 0.0
    raise_problems(problems, "the loss")


def describe_imbalance(
    counts: Sequence[float], class_names: Sequence[str], imbalance: str, loss: dict[str, Any]
) -> str:
    """Say in one line how many images an epoch has of each class, and what is done about it."""
    order = sorted(range(len(counts)), key=lambda index: counts[index])
    ratio = counts[order[-1]] / counts[order[0]]
    named = [f"{class_names[i]} {counts[i]:.6g} ({counts[i] / sum(counts):.1%})" for i in order]
    done = {
        "none": "nothing is done about it",
        "class_weights": "their images weigh in the loss "
        + list_some(
            [f"{class_names[i]} {weigh_classes(counts)[i]:.3g}" for i in order], MOST_NAMED
        ),
        "balanced_sampler": f"an epoch shows {sum(counts) / len(counts):.6g} of each instead",
        "focal": f"what is answered well hardly counts (loss.gamma={loss['gamma']:g})",
        "logit_adjustment": "training adds "
        + ("" if loss["tau"] == 1 else f"{loss['tau']:g} times ")
        + "the logarithm of a class's share to its logit (loss.tau)",
    }[imbalance]
    if imbalance == "none" and ratio >= NOTABLE:
        done += " (class_weights, balanced_sampler, focal or logit_adjustment would)"
    size = f"; the largest class is {ratio:.3g} times the smallest" if ratio > EQUAL else ""
    return (
        f"Training images of each class, rarest first: {list_some(named, MOST_NAMED)}{size}. "
        f"data.imbalance={imbalance}: {done}."
    )
