"""The main scores of a test as lines for a screen; metrics.json has all of them."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

MAIN = (
    "loss",
    "accuracy",
    "balanced_accuracy",
    "macro_f1",
    "auroc",
    "ece",
    "sensitivity",
    "specificity",
    "worst_group_accuracy",
    "pair_flip_rate",
    "mask_dice",
)
MOST_CLASSES = 15  # of a confusion matrix on a screen
WIDEST = 12  # characters of an answer's name above its column


def tabulate_scores(
    metrics: Mapping[str, Any], class_names: Sequence[str], caveat: str | None
) -> Iterator[str]:
    """The main scores with their intervals, then who is taken for whom.

    Args:
        metrics: Of the test, by name, with ``test_confusion_matrix``.
        class_names: In its order.
        caveat: What is to be said beside every score; None: nothing.
    """
    yield f"Test metrics{f' ({caveat})' if caveat else ''}, all of them in metrics.json:"
    for name in MAIN:
        value = metrics.get(f"test_{name}")
        if value is not None:
            low, high = (metrics.get(f"test_{name}_{end}") for end in ("low", "high"))
            ends = "" if low is None else f"  (95 % interval {low:.4f} to {high:.4f})"
            yield f"  {'test_' + name:26} {value:.4f}{ends}"
    if len(class_names) <= MOST_CLASSES:
        yield from _tabulate_answers(metrics["test_confusion_matrix"], class_names)


def _tabulate_answers(counts: Sequence[Sequence[int]], class_names: Sequence[str]) -> Iterator[str]:
    """Rows of the confusion matrix, with the share of each class that is found."""
    first = max(len("true class"), *map(len, class_names))
    columns = [name[:WIDEST] for name in class_names]
    widths = [max(len(name), 6) for name in columns]
    heads = [name.rjust(width) for name, width in zip(columns, widths, strict=True)]
    yield "Answers (a row a true class, a column what it was taken for):"
    yield f"  {'true class'.ljust(first)}  {'  '.join(heads)}   right"
    for index, (name, row) in enumerate(zip(class_names, counts, strict=True)):
        cells = [f"{n:{width}d}" for n, width in zip(row, widths, strict=True)]
        right = f"{100 * row[index] / sum(row):5.1f} %" if sum(row) else "      -"
        yield f"  {name.ljust(first)}  {'  '.join(cells)}  {right}"
