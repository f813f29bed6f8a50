"""The answers of a table of text: as logits, and whether what it calls its answer is theirs."""

from collections.abc import Iterator

import numpy as np
import pyarrow as pa

from lightning_modules.evaluation.foreign.numbers import (
    find_contradictions,
    find_wrong_probs,
    read_numbers,
    to_logits,
)
from lightning_modules.evaluation.foreign.text_table import name_rows
from lightning_modules.evaluation.predictions_file import LOGIT, PROB

TIE = 1e-9  # logits nearer to each other than that are the same


def read_answers(
    text: pa.Table, class_names: list[str], answered: np.ndarray
) -> tuple[np.ndarray, list[str], list[str]]:
    """Logits (N, C): those of the table, else the logarithms of its probabilities."""
    has = {kind: f"{kind}{class_names[0]}" in text.column_names for kind in (PROB, LOGIT)}
    read = {k: read_numbers(text, k, class_names, answered) for k, there in has.items() if there}
    problems = [problem for _, found in read.values() for problem in found]
    values = {kind: numbers for kind, (numbers, _) in read.items()}
    if not problems and has[PROB]:
        problems += find_wrong_probs(values[PROB], class_names, answered)
    if not problems and all(has.values()):
        problems += find_contradictions(values[PROB], values[LOGIT], answered)
    if has[LOGIT]:
        return values[LOGIT], problems, []
    logits, notes = to_logits(values[PROB], answered)
    return logits, problems, [] if problems else notes


def find_other_answers(
    predicted: np.ndarray, logits: np.ndarray, answered: np.ndarray, class_names: list[str]
) -> Iterator[str]:
    """Answers that are not of the highest probability."""
    own = logits[np.arange(len(logits)), predicted]
    other = np.flatnonzero((own < logits.max(axis=1) - TIE) & answered).tolist()
    if other:
        row = other[0]
        yield (
            f"predicted is not the class of the highest probability in {name_rows(other)} "
            f"({class_names[predicted[row]]}, and not {class_names[logits[row].argmax()]}, in the "
            "first): that class is what is scored here, whatever threshold was used elsewhere. "
            "Remove the column predicted, or correct it; blank means no answer"
        )
