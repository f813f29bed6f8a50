"""Which of the runs are meant: ``state=failed name=drivers*``."""

import fnmatch
from collections.abc import Sequence

from front.wording import did_you_mean

from workflow import places
from workflow.runs.folders import list_records
from workflow.runs.records import Record

FILTERS = ("name", "state", "gate", "backbone", "data", "seed", "kind")
HOW = "There is no run yet. Train one: python scripts/train.py"


def read_words(words: Sequence[str]) -> dict[str, str]:
    """Words of the form ``key=value``.

    Raises:
        ValueError: A word has another form, or a key that there is not; all are named.
    """
    asked, problems = {}, []
    for word in words:
        key, equals, value = word.partition("=")
        if key not in (*FILTERS, "metric") or not equals:
            known = ", ".join(f"{name}=" for name in ("metric", *FILTERS))
            guess = did_you_mean(key, ["show", "best", *FILTERS, "metric"])
            problems.append(f"{word} is no filter.{guess} There are: {known}")
        elif key in asked:
            problems.append(f"{key}={asked[key]} and {word}: name it once; * stands for any text")
        asked[key] = value
    if problems:
        raise ValueError("\n".join(problems))
    return asked


def choose(records: Sequence[Record], asked: dict[str, str]) -> list[Record]:
    """The records that meet every filter; ``*`` and ``?`` stand for any text."""
    return [
        one
        for one in records
        if all(_matches(_value(one, key), wanted) for key, wanted in asked.items())
    ]


def _value(record: Record, key: str) -> list[str]:
    """A run is found by all of its name, and by its first part."""
    if key == "name":
        return [record.name, record.name.partition("/")[0]]
    return [getattr(record, key) if key in ("state", "kind") else record.about.get(key, "")]


def _matches(values: list[str], wanted: str) -> bool:
    return any(fnmatch.fnmatchcase(value, wanted) for value in values)


def say_nothing(asked: dict[str, str]) -> str:
    """Why no run is shown."""
    everything = list_records() if asked else []
    if not everything:
        return f"{HOW}\n(looked in {places.OUTPUTS})"
    lines = [f"None of {len(everything)} is like that. There are:"]
    for key in asked:
        values = sorted({value for one in everything for value in _value(one, key)[-1:] if value})
        lines.append(f"  {key}: {', '.join(values[:12])}{', ...' if len(values) > 12 else ''}")
    return "\n".join(lines)
