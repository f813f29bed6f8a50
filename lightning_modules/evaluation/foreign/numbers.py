"""Probabilities and logits of a table of text, checked."""

import re
from collections.abc import Iterator, Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from lightning_modules.evaluation.foreign.text_table import name_rows

ROUNDING = 1e-6  # beyond [0, 1] that a probability may lie: of single precision
SUMS = 0.01  # that the probabilities of a row may be away from 1: of two decimals
LARGEST = float(np.finfo(np.float32).max)  # logits are kept in single precision
DECIMAL_COMMA = re.compile(r"[-+]?\d*,\d+")
LEAST = 1e-12  # what a smaller probability is taken as: the logarithm of 0 is no number


def read_numbers(
    table: pa.Table, prefix: str, class_names: Sequence[str], answered: np.ndarray
) -> tuple[np.ndarray, list[str]]:
    """Columns ``<prefix><class>`` as (N, C) float64, and what is wrong with them.

    Args:
        table: Of text.
        prefix: ``prob_`` or ``logit_``.
        class_names: In the order of the result.
        answered: (N,) bool; what the other rows have is not read, and becomes 0.
    """
    values = np.zeros((table.num_rows, len(class_names)))
    problems: list[str] = []
    for place, name in enumerate(class_names):
        column = f"{prefix}{name}"
        numbers = _parse(table[column])
        usable = np.abs(numbers) <= LARGEST  # NaN is not
        bad = np.flatnonzero(~usable & answered).tolist()
        if bad:
            found = sorted({table[column][row].as_py() for row in bad[:100]})
            some = ", ".join(repr(text) for text in found[:3]) + (", ..." if found[3:] else "")
            problems.append(
                f"{column} is no finite number in {name_rows(bad)} ({some}): {_advise(found)}"
            )
        values[:, place] = np.where(answered & usable, numbers, 0.0)
    return values, problems


def _advise(found: list[str]) -> str:
    """What to do about texts that are no numbers."""
    if all(text.strip().endswith("%") for text in found):
        return "they are percentages: write shares, such as 0.25 for 25%"
    if all(DECIMAL_COMMA.fullmatch(text.strip()) for text in found):
        return "decimals are written with a point, such as 0.25 for 0,25"
    return "write a number, or leave 'predicted' blank in rows that got no answer"


def _parse(texts: pa.ChunkedArray) -> np.ndarray:
    """(N,) float64; NaN where there is no number."""
    try:
        return pc.cast(texts, pa.float64()).to_numpy()
    except pa.ArrowInvalid:
        return np.array([_parse_one(text) for text in texts.to_pylist()])


def _parse_one(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return float("nan")


def find_wrong_probs(
    probs: np.ndarray, class_names: Sequence[str], answered: np.ndarray
) -> Iterator[str]:
    """What keeps (N, C) numbers from being probabilities, in sentences."""
    outside = (probs < -ROUNDING) | (probs > 1 + ROUNDING)
    if outside.any():
        columns = ", ".join(f"prob_{class_names[c]}" for c in np.flatnonzero(outside.any(axis=0)))
        rows = np.flatnonzero(outside.any(axis=1)).tolist()
        hint = "they may be logits (name the columns logit_<class>)"
        if probs.min() >= 0 and np.allclose(probs.sum(axis=1)[answered], 100, atol=100 * SUMS):
            hint = "they are percentages: divide them by 100"
        yield f"{columns} is not within 0 and 1 in {name_rows(rows)}: {hint}"
        return
    wrong = np.flatnonzero((np.abs(probs.sum(axis=1) - 1) > SUMS) & answered).tolist()
    if wrong:
        yield (
            f"the probabilities do not sum to 1 in {name_rows(wrong)} (to "
            f"{probs[wrong[0]].sum():.4g} in the first): every class needs its column, and an "
            "image is of one class, so that outputs of independent sigmoids are none"
        )


def find_contradictions(
    probs: np.ndarray, logits: np.ndarray, answered: np.ndarray
) -> Iterator[str]:
    """Rows whose probabilities are not the softmax of their logits."""
    top = np.exp(logits - logits.max(axis=1, keepdims=True))
    softmax = top / top.sum(axis=1, keepdims=True)
    wrong = np.flatnonzero((np.abs(softmax - probs).max(axis=1) > SUMS) & answered).tolist()
    if wrong:
        yield (
            f"prob_<class> is not the softmax of logit_<class> in {name_rows(wrong)}: remove the "
            "columns that are not the model's answer"
        )


def to_logits(probs: np.ndarray, answered: np.ndarray) -> tuple[np.ndarray, list[str]]:
    """Logarithms (N, C) of probabilities, and what is to be said of them."""
    notes = []
    tiny = int(((probs < LEAST).any(axis=1) & answered).sum())
    if tiny:
        notes.append(
            f"In {tiny} rows a probability is 0 (or below {LEAST:g}) and counts as {LEAST:g}: the "
            "log loss of a wrong answer would be infinite otherwise."
        )
    off = float(np.abs(probs.sum(axis=1) - 1)[answered].max())
    if off > ROUNDING:
        notes.append(
            f"The probabilities of a row sum to 1 but for up to {off:.2g} (rounding): each is "
            "divided by that sum."
        )
    return np.where(answered[:, None], np.log(np.maximum(probs, LEAST)), 0.0), notes
