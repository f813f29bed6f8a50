"""Which classes a table of text has answers for, and what its labels mean."""

from collections.abc import Iterator, Sequence

import numpy as np
import pyarrow as pa

from lightning_modules.evaluation.foreign.text_table import name_rows, to_text
from lightning_modules.evaluation.predictions_file import LOGIT, PROB

MOST_NAMED = 5


def find_classes(names: Sequence[str]) -> tuple[list[str], list[str]]:
    """Classes in the order of the columns of their answers, and what is wrong with these."""
    probs, logits = ([n.removeprefix(p) for n in names if n.startswith(p)] for p in (PROB, LOGIT))
    found = logits or probs
    if not found:
        shown = ", ".join(names[:12]) + (", ..." if names[12:] else "")
        return [], [
            "it has no column prob_<class> (probabilities) or logit_<class>, one a class, such as "
            f"prob_cat and prob_dog. Its columns: {shown}"
        ]
    problems = []
    if probs and logits:
        for name in sorted(set(probs) ^ set(logits)):
            there, lacks = (PROB, LOGIT) if name in probs else (LOGIT, PROB)
            problems.append(
                f"class {name} has a column {there}{name} and no {lacks}{name}: add it, or remove "
                f"all columns {lacks}<class>"
            )
    if "" in found:
        problems.append(
            f"a column is called {LOGIT if logits else PROB} and names no class: write its class "
            "behind that, or remove the column"
        )
    if len(found) == 1:
        only, kind = found[0], LOGIT if logits else PROB
        rest = "1 less it" if kind == PROB else "0, as a sigmoid has it"
        problems.append(
            f"{kind}{only} is the only column of answers: the other class needs one too. Of a "
            f"model with a single sigmoid output that is {rest}, in a column {kind}<other class>"
        )
    return found, problems


def read_codes(
    table: pa.Table, column: str, class_names: Sequence[str], answered: np.ndarray
) -> tuple[np.ndarray, list[str], list[str]]:
    """Class indices (N,) of a column of classes, what is wrong with it, what is to be said of it.

    Args:
        table: Of text.
        column: ``label`` or ``predicted``; names of classes, or all of it their numbers from 0.
        class_names: In the order of the indices.
        answered: (N,) bool, the rows that are read; others become 0.
    """
    texts = to_text(table, column)
    words, places = np.unique(texts, return_inverse=True)
    asked = np.bincount(places[answered], minlength=len(words)) > 0
    known = list(class_names)
    code_of, notes = {name: code for code, name in enumerate(known)}, []
    numbers = {str(code): code for code in range(len(known))}
    used = words[asked].tolist()
    if not set(used) & set(known) and used and set(used) <= set(numbers):
        code_of = numbers
        told = ", ".join(f"{code} is {name}" for name, code in zip(known, numbers, strict=True))
        notes = [f"The column {column} has numbers, read in the order of the columns: {told}."]
    unknown = [word for word in used if word not in code_of]
    problems = list(_say_unknown(column, unknown, texts, answered, known))
    codes = np.array([code_of.get(word, 0) for word in words.tolist()])
    return codes[places], problems, notes


def _say_unknown(
    column: str, unknown: list[str], texts: np.ndarray, answered: np.ndarray, known: list[str]
) -> Iterator[str]:
    for word in unknown[:MOST_NAMED]:
        rows = np.flatnonzero((texts == word) & answered).tolist()
        like = [name for name in known if name.strip().casefold() == word.strip().casefold()]
        hint = "correct it, remove the row, or give the class its column of answers"
        if like:
            hint = f"write {like[0]!r} (capitals and blanks count)"
        what = repr(word) if word else "blank"
        yield f"{column} is {what} in {name_rows(rows)}, expected {', '.join(known[:12])}: {hint}"
    if unknown[MOST_NAMED:]:
        yield f"{column} has {len(unknown) - MOST_NAMED} more names that are no class"
