"""The tables of a comparison: cells for the screen, Markdown, the page; rows for CSV and JSON."""

from collections.abc import Sequence
from typing import Any

from lightning_modules.evaluation.comparison.comparing import Comparison
from lightning_modules.evaluation.comparison.metrics import Metric
from lightning_modules.evaluation.comparison.wording import (
    BY_NAME,
    interval,
    number,
    p_value,
    verdict,
)

# what a variant reads of the background: key in metrics.json, head, meaning
BACKGROUND = (
    ("test_flip_rate", "flips", "answers that change with a random background; 0 is best"),
    (
        "test_next_background_accuracy",
        "next background",
        "right answers on a background of the next class",
    ),
    (
        "test_pair_flip_rate",
        "pair flips",
        "answers that differ between two images of one thing on two backgrounds; 0 is best",
    ),
)
NOTHING = "-"
Cells = list[list[str]]


def scores_table(comparison: Comparison) -> Cells:
    """A row a variant: its metrics, means over its runs, and what it reads of the background."""
    metrics = [BY_NAME[name] for name in comparison.metrics]
    background = [
        (key, title)
        for key, title, _ in BACKGROUND
        if any(variant.mean(key) is not None for variant in comparison.variants)
    ]
    heads = [metric.title for metric in metrics] + [title for _, title in background]
    cells = [["variant", "runs", *heads]]
    for place, variant in enumerate(comparison.variants):
        values = [_mean(comparison.values[metric.name][place]) for metric in metrics]
        shown = [number(metric, value) for metric, value in zip(metrics, values, strict=True)]
        means = [variant.mean(key) for key, _ in background]
        shown += [NOTHING if mean is None else f"{100 * mean:.1f}" for mean in means]
        cells.append([variant.name, str(len(variant.runs)), *shown])
    return cells


def differences_table(comparison: Comparison, metrics: Sequence[Metric]) -> Cells:
    """A row a later variant and metric: how much it differs from the first, and how surely."""
    several = len(comparison.against) > 1
    heads = ["variant", "metric", "difference", "95 % interval", "p"]
    cells = [[*heads, *(["p (Holm)"] if several else []), "it is"]]
    for one in comparison.against:
        for metric in metrics:
            found = one.differences[metric.name]
            adjusted = [p_value(one.adjusted.get(metric.name)) or NOTHING] if several else []
            cells.append(
                [
                    one.name,
                    metric.title,
                    number(metric, found.value, signed=True),
                    interval(metric, found) or NOTHING,
                    p_value(found.p_value) or NOTHING,
                    *adjusted,
                    verdict(one, metric),
                ]
            )
    return cells


def mcnemar_table(comparison: Comparison) -> Cells:
    """A row a later variant of which, and of the first, there is one run; empty: none is."""
    tested = [one for one in comparison.against if one.mcnemar is not None]
    if not tested:
        return []
    several, grouped = len(comparison.against) > 1, comparison.paired.grouped
    heads = ["McNemar p", *(["p by groups"] if grouped else [])]
    heads = [f"{head} (Holm)" if several else head for head in heads]
    cells = [["variant", "only it is right", "only the first is right", *heads]]
    for one in tested:
        found = {"mcnemar": one.mcnemar.p_value, "by_group": one.p_by_group}
        found = one.adjusted if several else found
        shown = [p_value(found[test]) for test in ("mcnemar", "by_group")]
        counts = [str(one.mcnemar.only_second), str(one.mcnemar.only_first)]
        cells.append([one.name, *counts, *shown[: len(heads)]])
    return cells


def settings_table(comparison: Comparison) -> Cells:
    """A row an option that is not the same for all variants; empty: there is none."""
    variants = comparison.variants
    keys = list(dict.fromkeys(key for variant in variants for key in variant.settings))
    rows = [[key, *(variant.settings.get(key, NOTHING) for variant in variants)] for key in keys]
    return [["option", *(variant.name for variant in variants)], *rows] if rows else []


def rows_for_csv(comparison: Comparison) -> list[dict[str, Any]]:
    """A row a later variant and metric, unrounded and unscaled."""
    rows = []
    for place, one in enumerate(comparison.against, 1):
        for name in comparison.metrics:
            found = one.differences[name]
            values = comparison.values[name]
            rows.append(
                {
                    "first": comparison.variants[0].name,
                    "variant": one.name,
                    "metric": name,
                    "first_value": _mean(values[0]),
                    "value": _mean(values[place]),
                    "difference": found.value,
                    "low": found.low,
                    "high": found.high,
                    "p_value": found.p_value,
                    "p_value_holm": one.adjusted.get(name),
                    "verdict": verdict(one, BY_NAME[name]),
                    "method": found.method,
                    "num_units": found.num_units,
                    "first_runs": len(values[0]),
                    "runs": len(values[place]),
                }
            )
    return rows


def align(cells: Cells) -> list[str]:
    """Lines of Markdown whose columns stand below each other in a terminal as well."""
    texts = [[cell.replace("|", r"\|") for cell in line] for line in cells]
    widths = [max(map(len, column)) for column in zip(*texts, strict=True)]
    lefts = [_is_text(column[1:]) for column in zip(*texts, strict=True)]
    rule = ["-" * w if left else "-" * (w - 1) + ":" for w, left in zip(widths, lefts, strict=True)]
    lines = [
        [c.ljust(w) if left else c.rjust(w) for c, w, left in zip(line, widths, lefts, strict=True)]
        for line in texts
    ]
    return [f"| {' | '.join(line)} |" for line in [lines[0], rule, *lines[1:]]]


def _is_text(column: Sequence[str]) -> bool:
    return not all(cell[:1] in "-+<\N{MINUS SIGN}0123456789" for cell in column)


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values)
