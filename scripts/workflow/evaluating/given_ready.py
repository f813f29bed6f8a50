"""A table of answers that is read: the last checks before it is scored."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lightning_modules.evaluation.foreign.reading import Given, read_given
from lightning_modules.evaluation.requirements.file import Requirement
from workflow.call import Call
from workflow.evaluating.beyond_images import plan_beyond
from workflow.evaluating.early import check_columns
from workflow.evaluating.given_home import Home, find_home
from workflow.evaluating.given_thresholds import find_thresholds
from workflow.evaluating.requirements import read_required
from workflow.evaluating.set_scores import Scoring
from workflow.reporting.looks import count_looks


@dataclass(frozen=True)
class Ready:
    """Answers that can be scored.

    Args:
        file: The table.
        given: As it was read.
        home: The run or evaluation that it is of; None: it is from elsewhere.
        positive: The positive class of two; None: there are more.
        scoring: How it is scored.
        required: Of the results.
    """

    file: Path
    given: Given
    home: Home | None
    positive: str | None
    scoring: Scoring
    required: list[Requirement]


def prepare(asked: dict[str, Any], call: Call) -> Ready:
    """Read the table, and check what is asked of it.

    Raises:
        ValueError: It has mistakes, or something cannot be asked of it.
    """
    file = Path(asked["predictions"]).expanduser()
    given = read_given(file)
    home = find_home(file, given.own)
    table, data = given.table, asked["data"]
    chosen = {name: data[name] for name in ("slice_by", "pair_by")}
    if home is not None:
        own = {name: home.option(name) for name in chosen}
        chosen = {name: own[name] if value is None else value for name, value in chosen.items()}
    slice_by = chosen["slice_by"] or []
    slice_by = [slice_by] if isinstance(slice_by, str) else list(slice_by)
    words = [("data.slice_by", name) for name in slice_by]
    words += [("data.pair_by", chosen["pair_by"]), ("by", asked["by"])]
    check_columns(str(file), table.columns, *words)
    positive = None if home is None else home.positive_class()
    if positive not in table.class_names or len(table.class_names) > 2:
        positive = table.class_names[-1] if len(table.class_names) == 2 else None
    beyond = plan_beyond(table, positive, asked, call)
    calibration = find_thresholds(file, table.class_names, home, positive, asked, call)
    required = read_required(asked["require"], None if home is None else home.folder)
    scoring = Scoring(slice_by, chosen["pair_by"], beyond, calibration)
    return Ready(file, given, home, positive, scoring, required)


def tell_facts(ready: Ready, folder: Path) -> dict[str, Any]:
    """What the report says of the images: all that is known of them are labels and groups."""
    table = ready.given.table
    numbers = range(len(table.class_names))
    images = [int((table.labels == label).sum()) for label in numbers]
    one: dict[str, Any] = {"images": images}
    if table.groups is not None:
        of_class = [set(table.groups[table.labels == label].tolist()) for label in numbers]
        one |= {"num_groups": len(set().union(*of_class)), "groups": [len(g) for g in of_class]}
    data = {
        "class_names": list(table.class_names),
        "positive_class": ready.positive,
        "splits": {"test": one},
    }
    return {"data": data, "test": count_looks(folder, table)}
