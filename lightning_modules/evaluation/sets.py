"""Several sets of images beside each other: hospitals, sites, cameras."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from lightning_modules.evaluation.predictions import PredictionTable, join_tables
from lightning_modules.evaluation.slices import measure_slice, name_blanks
from lightning_modules.evaluation.statistics.level import NUM_RESAMPLES, level_of_all

SET = "set"  # column of pooled predictions
MARGIN = 2  # blanks between columns
LONGEST = 60  # letters of a folder's name, of up to four bytes each
# of the evaluation's own, and what Windows takes for devices
RESERVED = ("examples", "con", "prn", "aux", "nul")
RESERVED += tuple(f"{device}{number}" for device in ("com", "lpt") for number in range(10))


def part_by(table: PredictionTable, column: str) -> dict[str, PredictionTable]:
    """The rows of each value of a column, in alphabetical order; a blank one is ``unknown``."""
    values = name_blanks(table.columns[column])
    return {value: table.only(values == value) for value in sorted(set(values.tolist()))}


def pool_sets(tables: Mapping[str, PredictionTable]) -> PredictionTable:
    """All rows in one table, set after set.

    Ids and groups are named ``<set>/<name>``: patient 7 of one hospital is not patient 7 of
    another. Columns that not every set has are left out; ``set`` says which set a row is of.
    Groups are kept where every set has them.
    """
    pooled = join_tables(list(tables.values()))
    names = np.repeat(list(tables), [len(one) for one in tables.values()])
    named = np.char.add(np.char.add(names, "/"), np.array(pooled.ids, np.str_))
    groups = pooled.groups
    return replace(
        pooled,
        ids=named.tolist(),
        columns=pooled.columns | {SET: names},
        groups=None if groups is None else np.char.add(np.char.add(names, "/"), groups),
    )


def summarise_sets(
    metrics: Mapping[str, Mapping[str, Any]],
    tables: Mapping[str, PredictionTable],
    resamples: int = NUM_RESAMPLES,
) -> dict[str, Any]:
    """What is said of the sets together, for metrics.json.

    Args:
        metrics: Name of each set to its metrics, ``test_<name>``.
        tables: The predictions of each set.
        resamples: Of the bootstrap.

    Returns:
        ``test_sets``, name to the numbers of ``tabulate_sets``, ``test_worst_set`` and
        ``test_worst_set_accuracy`` with ``_low`` and ``_high``, at a level at which the intervals
        of all sets hold at once in 95 %, so that the worst of them can be picked.
    """
    rows = {name: _summarise(one) for name, one in metrics.items()}
    scored = {name: row for name, row in rows.items() if row["accuracy"] is not None}
    together: dict[str, Any] = {"test_sets": rows}
    if scored:
        worst = min(scored, key=lambda name: scored[name]["accuracy"])
        together["test_worst_set"] = worst
        together["test_worst_set_accuracy"] = scored[worst]["accuracy"]
        level = level_of_all(len(scored))
        ends = measure_slice(tables[worst].answered, resamples, level)
        for end in ("low", "high"):
            if end in ends:
                together[f"test_worst_set_accuracy_{end}"] = ends[end]
    return together


def _summarise(metrics: Mapping[str, Any]) -> dict[str, Any]:
    by_group = metrics.get("test_unit") == "groups"
    return {
        "images": metrics.get("test_images"),
        "groups": metrics.get("test_num_units") if by_group else None,
        "accuracy": metrics.get("test_accuracy"),
        "low": metrics.get("test_accuracy_low"),
        "high": metrics.get("test_accuracy_high"),
        "macro_f1": metrics.get("test_macro_f1"),
        "worst_group": metrics.get("test_worst_group"),
        "worst_group_accuracy": metrics.get("test_worst_group_accuracy"),
    }


def tabulate_sets(rows: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """Lines of a table, a set each, aligned; ``rows`` as in ``test_sets``."""
    header = ["set", "images", "groups", "accuracy (95 % interval)", "macro F1"]
    sliced = any(row["worst_group"] is not None for row in rows.values())
    lines = [header + (["worst group"] if sliced else [])]
    for name, row in rows.items():
        line = [name, _show(row["images"], "d"), _show(row["groups"], "d"), _show_accuracy(row)]
        line.append(_show(row["macro_f1"], ".3f"))
        if sliced:
            worst = f"{_percent(row['worst_group_accuracy'])} ({row['worst_group']})"
            line.append("-" if row["worst_group"] is None else worst)
        lines.append(line)
    widths = [max(map(len, cells)) + MARGIN for cells in zip(*lines, strict=True)]
    return [
        "".join(c.ljust(w) for c, w in zip(line, widths, strict=True)).rstrip() for line in lines
    ]


def folder_names(names: Sequence[str]) -> dict[str, str]:
    """A folder for each set, whatever its name, that every system can have."""
    folders: dict[str, str] = {}
    for name in names:
        # no dot, so that none is called as a file of the results
        plain = re.sub(r"[^\w-]+", "_", name)[:LONGEST] or "set"
        taken = {*RESERVED, *(folder.lower() for folder in folders.values())}
        number, folder = 1, plain
        while folder.lower() in taken:
            number += 1
            folder = f"{plain}_{number}"
        folders[name] = folder
    return folders


def _show_accuracy(row: Mapping[str, Any]) -> str:
    if row["accuracy"] is None:
        return "-"
    if row["low"] is None:
        return f"{_percent(row['accuracy'])} (interval not known)"
    return f"{_percent(row['accuracy'])} ({_percent(row['low'])} to {_percent(row['high'])})"


def _show(value: Any, form: str) -> str:  # noqa: ANN401
    return "-" if value is None else format(value, form)


def _percent(share: float | None) -> str:
    return "-" if share is None else f"{100 * share:.1f} %"
