"""runs.py best: the runs that have a metric, the best first."""

from collections.abc import Sequence
from typing import Any

from front.wording import nearest

from workflow.runs.filters import choose, read_words, say_nothing
from workflow.runs.folders import list_records
from workflow.runs.records import MAIN, Record
from workflow.runs.table import MOST, columns_of, describe, say_score, terminal_width
from workflow.runs.text_table import Column, lay_out

# words of a metric's name that say that less is better
LOWER = frozenset({"loss", "flip", "gap", "ece", "brier", "error", "errors", "delay", "alarms"})
CHOOSING = (
    "These are scores of the test split. To choose the best by them is to choose on the test "
    "split, and the winner's score is then too good to be true. Choose by validation "
    "(metric=best_val_{name}), and look at the test score of the one that is chosen."
)


def best_runs(words: Sequence[str], everything: bool) -> tuple[str, list[dict[str, Any]]]:
    """Runs and jobs of sweeps that have a metric, the best first; as ``list_runs``.

    Raises:
        ValueError: No run has such a metric.
    """
    asked = read_words(words)
    metric = asked.pop("metric", None) or f"best_val_{MAIN}"
    records = [one for one in choose(list_records(), asked) if one.kind != "evaluation"]
    if not records:
        return say_nothing(asked), []
    scored = [one for one in records if one.score(metric) is not None]
    if not scored:
        raise ValueError(_say_unknown(metric, records))
    lower = is_lower_better(metric)
    scored.sort(key=lambda one: one.score(metric), reverse=not lower)
    shown = scored if everything else scored[:MOST]
    columns = [Column(metric, [say_score(one, metric) for one in shown], 9)]
    text = lay_out([*columns, *columns_of(shown)], terminal_width())
    order = "lowest" if lower else "highest"
    lines = [f"{len(scored)} of {len(records)} runs have {metric}, the {order} first:", "", text]
    if len({one.about.get("data") for one in scored}) > 1:
        lines += ["", "They were trained on different data: name one, as in data=<name>."]
    if metric.startswith("test_"):
        lines += ["", CHOOSING.format(name=metric.removeprefix("test_"))]
    found = [describe(one, MAIN) | {metric: one.score(metric)} for one in scored]
    return "\n".join(lines), found


def is_lower_better(metric: str) -> bool:
    """Whether a smaller value of a metric is the better one, by the words of its name."""
    return bool(LOWER & set(metric.lower().split("_")))


def _say_unknown(metric: str, records: Sequence[Record]) -> str:
    known = sorted({name for one in records for name in one.metrics if one.score(name) is not None})
    if not known:
        return f"metric={metric}: no run has any score yet. Wait until one is finished."
    near = nearest(metric, known, 5, 0.5) or [name for name in known if metric in name][:5]
    hint = f"Did you mean {' or '.join(near)}?" if near else f"There are: {', '.join(known)}"
    return f"metric={metric}: no run has it. {hint}"
