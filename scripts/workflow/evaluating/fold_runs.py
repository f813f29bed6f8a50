"""The runs of a cross-validation, found by their folders and held against each other."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
from omegaconf import OmegaConf

from datamodules.problems import list_some
from datamodules.tables.codes import Codes
from lightning_modules.evaluation.out_of_fold import Fold
from lightning_modules.evaluation.predictions_file import read_predictions
from lightning_modules.evaluation.study import key_of
from lightning_modules.run_reading import read_text
from workflow.evaluating.fold_configs import describe_settled, find_differences, make_key
from workflow.resuming.run_config import load_config
from workflow.split_file import read_split
from workflow.typed import read_typed

WITHOUT = "  num_folds: null\n"  # is found in milliseconds, and a configuration read in many
NOT_FOLDS = (
    "{} holds no fold of a cross-validation. Expected the folder of a sweep with data.num_folds, "
    "such as that of: python scripts/train.py --multirun data.num_folds=5 data.fold=0,1,2,3,4"
)


@dataclass(frozen=True)
class CrossValidation:
    """Runs that differ in their fold only.

    Args:
        name: What it does not share with others beside it, fit for a folder; "" where there is
            none.
        config: Of its first run.
        runs: Folder of each fold that has predictions; of two for a fold the newer one.
        num_folds: How many there are to be.
        notes: What is to be said of their settings.
    """

    name: str
    config: dict[str, Any]
    runs: dict[int, Path]
    num_folds: int
    notes: list[str] = field(default_factory=list)

    @property
    def missing(self) -> list[int]:
        """Numbers of folds that have no predictions."""
        return [number for number in range(self.num_folds) if number not in self.runs]

    def read(self) -> list[Fold]:
        """The predictions of each fold.

        Raises:
            ValueError: The folds are not of the same data, or a table is not of its fold's test.
        """
        if not self.runs:
            raise ValueError(
                "No fold of this cross-validation has predictions of its test: its runs have not "
                "ended, or were told to leave the test out (test=false)."
            )
        splits = {number: read_split(run) for number, run in self.runs.items()}
        first, *others = splits
        problems = []
        for number in others:
            problem = _compare(splits[first], splits[number])
            if problem is not None:
                problems.append(f"{self.runs[number]} and {self.runs[first]}: {problem}")
        folds = []
        for number, run in self.runs.items():
            table = read_predictions(run / "predictions.csv")
            of_test = splits[number].filter(pc.equal(splits[number]["split"], "test"))["id"]
            unknown = sorted(set(table.ids) - set(of_test.to_pylist()))
            if unknown:
                problems.append(
                    f"{run}/predictions.csv has {len(unknown)} images that are not of its test: "
                    f"{list_some(unknown, 3)}"
                )
            folds.append(Fold(number, str(run), table))
        if problems:
            raise ValueError("\n  ".join(["These folds cannot be pooled:", *problems]))
        return folds


def _compare(first: pa.Table, other: pa.Table) -> str | None:
    """What two runs have different images of: their ids, labels, groups or pixels."""
    tables = [one.sort_by("id") for one in (first, other)]
    if not tables[0]["id"].equals(tables[1]["id"]):
        apart = set(tables[0]["id"].to_pylist()) ^ set(tables[1]["id"].to_pylist())
        return f"{len(apart)} images are in the data of one only: {list_some(sorted(apart), 3)}"
    for column, word in (("label", "labels"), ("group", "groups"), ("content", "pixels")):
        if all(column in one.column_names for one in tables):
            differs = pc.not_equal(*(one[column] for one in tables))
            number = pc.sum(differs).as_py()
            if number:
                some = tables[0]["id"].filter(differs).to_pylist()
                return f"{number} images have other {word}: {list_some(some, 3)}"
    return None


def find_cross_validations(places: Sequence[Path]) -> list[CrossValidation]:
    """The cross-validations of a sweep's folder, or that whose runs are named one by one.

    Raises:
        ValueError: There is none, one is named twice, or runs that are named together are of
            several.
    """
    twice = {str(place) for place in places if places.count(place) > 1}
    if twice:
        raise ValueError(f"folds= names {', '.join(sorted(twice))} twice: name it once.")
    found: dict[str, list[tuple[Path, dict[str, Any]]]] = {}
    for place in places:
        runs = [] if not place.is_dir() else list(_list_runs(place))
        if not runs:
            raise ValueError(_say_none(place))
        for run, config in runs:
            found.setdefault(make_key(config), []).append((run, config))
    if len(places) > 1 and len(found) > 1:
        configs = [members[0] for members in found.values()]
        raise ValueError(
            f"{configs[0][0]} and {configs[1][0]} are no folds of one cross-validation: they "
            f"differ in {list_some(find_differences(configs[0][1], configs[1][1]))}."
        )
    names = _name_all([members[0][0] for members in found.values()])
    return [_gather(name, members) for name, members in zip(names, found.values(), strict=True)]


def _say_none(place: Path) -> str:
    if not place.exists():
        return f"folds={place}: there is no such folder. Expected that of a sweep, or of a run."
    above = place.parent
    if (place / "folds.csv").is_file() and any(above.glob("*/split.csv")):
        return f"{place} is what was pooled of the folds in {above}: folds={above} pools them anew."
    return NOT_FOLDS.format(place)


def _list_runs(place: Path) -> Iterable[tuple[Path, dict[str, Any]]]:
    """Runs of folds in a folder, or that folder itself; a run's own subfolders are none."""
    for file in sorted(place.rglob("split.csv")):
        run = file.parent
        own = run / "config.yaml"
        if not own.is_file() or WITHOUT in read_text(own):
            continue
        config = OmegaConf.to_container(load_config(own))
        if config.get("data", {}).get("num_folds") is not None:
            yield run, config


def _gather(name: str, members: list[tuple[Path, dict[str, Any]]]) -> CrossValidation:
    config = members[0][1]
    number = config["data"]["num_folds"]
    if number == "groups":
        groups = read_split(members[0][0])["group"]
        number = len(Codes.encode(groups).words)
    done = [one for one in members if (one[0] / "predictions.csv").is_file()]
    done.sort(key=lambda one: (one[0] / "predictions.csv").stat().st_mtime)
    runs = {one["data"]["fold"]: run for run, one in done}
    notes = [
        f"Fold {one['data']['fold']} was run more than once: {runs[one['data']['fold']]} is the "
        f"newest and counts, {run} does not."
        for run, one in done
        if run not in runs.values()
    ]
    notes += describe_settled([one for run, one in done if run in runs.values()])
    return CrossValidation(name, config, dict(sorted(runs.items())), number, notes)


def _name_all(runs: Sequence[Path]) -> list[str]:
    """What each command has that not all have; "" for a single one."""
    words = []
    for run in runs:
        words.append([word for word in read_typed(run) if key_of(word) not in ("data.fold", "out")])
    common = set(words[0]).intersection(*words)
    names = ["_".join(word for word in one if word not in common) for one in words]
    kept = ["".join(c if c.isalnum() or c in "=.-_" else "-" for c in name) for name in names]
    if len(kept) == 1:
        return [""]
    return [name or f"cross_validation_{place}" for place, name in enumerate(kept)]
