"""runs.py: what there is in outputs/."""

from collections import Counter
from collections.abc import Sequence
from typing import Any

from workflow.runs.best import is_lower_better
from workflow.runs.filters import choose, read_words, say_nothing
from workflow.runs.folders import list_records
from workflow.runs.records import MAIN, Record
from workflow.runs.table import describe, make_table, terminal_width
from workflow.runs.text_table import Column, lay_out


def list_runs(words: Sequence[str], everything: bool) -> tuple[str, list[dict[str, Any]]]:
    """List what there is.

    Args:
        words: Filters, ``key=value``, and ``metric=`` for another score than macro F1.
        everything: Whether all rows are shown.

    Returns:
        The text, and the same for programs.
    """
    asked = read_words(words)
    metric = (asked.pop("metric", None) or MAIN).removeprefix("test_").removeprefix("val_")
    records = choose(list_records(), asked)
    found = [describe(one, metric) for one in records]
    if not records:
        return say_nothing(asked), found
    if asked:
        return make_table(_title("Found", records), records, metric, everything), found
    parts = {"Runs": "run", "Evaluations": "evaluation"}
    texts = []
    for title, kind in parts.items():
        part = [one for one in records if one.kind == kind]
        if part:
            texts.append(make_table(_title(title, part), part, metric, everything))
    jobs = [one for one in records if one.kind == "job"]
    if jobs:
        texts.insert(1, _table_of_sweeps(jobs, metric))
    texts.append(
        f"Scores are {metric}, with 95 % intervals where they are known.\n"
        "All about one: python scripts/runs.py show <name>"
    )
    return "\n\n".join(texts), found


def _table_of_sweeps(jobs: Sequence[Record], metric: str) -> str:
    sweeps: dict[str, list[Record]] = {}
    for job in jobs:
        sweeps.setdefault("/".join(job.name.split("/")[:2]), []).append(job)
    best = [_best_val(part, metric) for part in sweeps.values()]
    states = [Counter(one.state for one in part).most_common() for part in sweeps.values()]
    columns = [
        Column("name", list(sweeps), 9, 30, "start"),
        Column("runs", [str(len(part)) for part in sweeps.values()], 5, right=True),
        Column("states", [", ".join(f"{n} {state}" for state, n in one) for one in states], 7),
        Column("best val", best, 6),
    ]
    hint = 'The runs of one: python scripts/runs.py "name=<name>/*"'
    return "\n".join(["Sweeps", lay_out(columns, terminal_width()), hint])


def _best_val(jobs: Sequence[Record], metric: str) -> str:
    found = [value for one in jobs if (value := one.score(one.val_metric(metric))) is not None]
    best = min if is_lower_better(metric) else max
    return f"{best(found):.3f}" if found else ""


def _title(word: str, records: Sequence[Record]) -> str:
    states = Counter(one.state for one in records).most_common()
    return f"{word}: {', '.join(f'{number} {state}' for state, number in states)}"
