"""Class names and labels of a source."""

from collections.abc import Sequence

import numpy as np

from datamodules.problems import list_some, raise_problems
from datamodules.tables.class_map import explain_unknown
from datamodules.tables.codes import Codes
from datamodules.tables.manifest import RawTable


def settle_classes(
    raw: RawTable, asked: Sequence[str] | None, notes: list[str]
) -> tuple[tuple[str, ...], np.ndarray]:
    """Class names in the order of the outputs, as asked or alphabetical, and (rows,) indices.

    Raises:
        ValueError: There is one class only, or those asked for are not those of the labels.
    """
    written = Codes.encode(raw.columns["label"])
    found = written.words.to_pylist()
    if len(found) < 2:
        raise ValueError(
            f"{raw.name} has one class only ({found[0]!r}); a classifier needs at least two."
        )
    names = tuple(sorted(found)) if asked is None else tuple(asked)
    unlisted = sorted(set(found) - set(names))
    absent = sorted(set(names) - set(found))
    problems = []
    if unlisted:
        problems.append(f"data.classes lacks {list_some(unlisted)}, which the labels have")
    if absent:
        problems.append(f"data.classes names {list_some(absent)}, which no image has")
    if len(set(names)) < len(names):
        problems.append("data.classes names a class twice")
    raise_problems(problems, raw.name)
    if asked is None:
        notes.append(
            f"Classes in alphabetical order: {', '.join(names)} (data.classes fixes another)."
        )
    return names, _index_labels(written, names)


def settle_model_classes(raw: RawTable, names: Sequence[str]) -> tuple[tuple[str, ...], np.ndarray]:
    """The classes of a model; images may have fewer of them, and no others."""
    written = Codes.encode(raw.columns["label"])
    found = written.words.to_pylist()
    unknown = sorted(set(found) - set(names))
    if unknown:
        raise ValueError(
            f"{raw.name} has images labelled {list_some(unknown, len(unknown))}, and the model "
            f"knows {', '.join(names)}. {explain_unknown(unknown, names)}"
        )
    return tuple(names), _index_labels(written, names)


def _index_labels(written: Codes, names: Sequence[str]) -> np.ndarray:
    place = {name: index for index, name in enumerate(names)}
    return np.array([place[word] for word in written.words.to_pylist()])[written.numbers]


def settle_positive(class_names: tuple[str, ...], asked: str | None) -> str | None:
    """Of two classes the one to detect, the last unless asked; None of more classes.

    Raises:
        ValueError: It is none of the two.
    """
    if asked is not None and asked not in class_names:
        raise ValueError(
            f"data.positive_class is {asked!r}, expected one of {', '.join(class_names)}."
        )
    if len(class_names) > 2:
        if asked is not None:
            raise ValueError(
                f"data.positive_class is {asked!r}, but there are {len(class_names)} classes: a "
                "positive class is one of two."
            )
        return None
    return class_names[-1] if asked is None else asked
