"""From the words of ``runs=`` to the variants that are compared; files alone are read."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from datamodules.problems import raise_problems
from lightning_modules.evaluation.comparison.variants import Run, Variant, join_folds
from lightning_modules.evaluation.out_of_fold import Fold
from lightning_modules.evaluation.predictions_file import read_predictions
from lightning_modules.evaluation.study import Row, key_of, make_rows
from lightning_modules.run_reading import find_json, read_json
from workflow.comparing.config import read_config
from workflow.comparing.names import tell_apart
from workflow.comparing.request import FILES
from workflow.places import OUTPUTS, find_results, is_sweep
from workflow.sweep import read_record

UNTESTED = {
    "test": "It was not tested (test=false, or it has not come that far): python "
    "scripts/evaluate.py ckpt={folder} tests it, and its folder can be compared.",
    "val": "split=val needs the answers to the validation images, which runs write that validate.",
}


@dataclass
class Found:
    """A variant before its answers are read.

    Args:
        folders: Of its runs, a list each: the folds of cross-validation are one run.
        config: Of the first.
        name: As the sweep calls it; None: it is no sweep's.
    """

    folders: list[list[Path]]
    config: dict[str, Any]
    name: str | None = None


@dataclass
class Sources:
    """What the words name.

    Args:
        found: In their order.
        notes: What is to be said of them.
    """

    found: list[Found] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


def find_sources(words: Sequence[str], split: str) -> Sources:
    """Find the folders of all words and check that they have answers to be compared.

    Args:
        words: As typed.
        split: ``test`` or ``val``.

    Raises:
        ValueError: A word names nothing, a run has no answers, or there are fewer than two
            variants; all of it together.
    """
    sources, problems = Sources(), []
    word_of: dict[Path, str] = {}
    for word in words:
        try:
            folder = find_results(word)
            same = word_of.setdefault(folder.resolve(), word)
            if same != word:
                problems.append(f"{same} and {word} are the same folder: name it once")
            if is_sweep(folder):
                _add_sweep(folder, sources)
            else:
                _add_run(folder, sources)
        except ValueError as error:
            problems.append(str(error))
    every = [path for found in sources.found for run in found.folders for path in run]
    problems += [
        f"{path} has no {FILES[split]}. {_say_untested(path, split)}"
        for path in every
        if not (path / FILES[split]).is_file()
    ]
    if not problems and len(sources.found) < 2:
        problems.append(
            f"runs={','.join(words)} names {len(sources.found)} model to compare. Name at least "
            "two runs or evaluations, or a sweep with several variants, such as runs=first,second"
        )
        problems += sources.notes
    raise_problems(problems, "runs=")
    return sources


def _say_untested(folder: Path, split: str) -> str:
    if split == "test" and not (folder / "status.json").is_file():  # no run, but an evaluation
        return "It was ended before it was whole, or is under way: evaluate anew."
    return UNTESTED[split].format(folder=folder)


def _add_run(folder: Path, sources: Sources) -> None:
    state = find_json(folder / "status.json").get("state")
    if state not in (None, "finished"):
        sources.notes.append(f"{folder} is not finished ({state}): its answers may change.")
    elif not (folder / "metrics.json").is_file():
        sources.notes.append(
            f"{folder} has no metrics.json: it was ended before it was whole, or is under way. Its "
            "answers are compared; how much of them is background is not known."
        )
    sources.found.append(Found([[folder]], read_config(folder)))


def _add_sweep(folder: Path, sources: Sources) -> None:
    found = (read_record(path, folder) for path in sorted(folder.glob("*")))
    for row in make_rows(record for record in found if record is not None):
        left = [record for record in row.records if record.state != "finished"]
        if left:
            reasons = "; ".join(
                f"{record.folder} ({record.state}{': ' if record.reason else ''}"
                f"{record.reason.partition(chr(10))[0]})"
                for record in left
            )
            sources.notes.append(
                f"{row.variant}: {len(left)} of {len(row.records)} runs of {folder} are not "
                f"finished and are left out: {reasons}."
            )
        if row.finished:
            runs = _join_repeats(row, folder)
            sources.found.append(Found(runs, read_config(runs[0][0]), row.variant))


def _join_repeats(row: Row, folder: Path) -> list[list[Path]]:
    """The folders of each repeat: one, or those of its folds."""
    runs: dict[tuple[str, ...], list[Path]] = {}
    for record in row.finished:
        seed = tuple(word for word in record.repeat if key_of(word) != "data.fold")
        runs.setdefault(seed, []).append(folder / record.folder)
    return list(runs.values())


def read_variants(sources: Sources, split: str) -> list[Variant]:
    """Read the answers of all runs, and give the variants their names.

    Raises:
        ValueError: A file is no table of predictions.
    """
    paths = [found.folders[0][0] for found in sources.found]
    named = tell_apart([found.config for found in sources.found], [_call(path) for path in paths])
    own = [found.name for found in sources.found]
    keep = None not in own and len(set(own)) == len(own)  # as the table of the sweep has them
    variants = []
    for found, (name, settings), given in zip(sources.found, named, own, strict=True):
        runs = [_read_run(folders, split) for folders in found.folders]
        variants.append(Variant(given if keep else name, runs, _slice_by(found.config), settings))
    return variants


def _read_run(folders: Sequence[Path], split: str) -> Run:
    names = [_call(folder) for folder in folders]
    tables = [read_predictions(folder / FILES[split]) for folder in folders]
    metrics = [_read_metrics(folder) if split == "test" else {} for folder in folders]
    if len(folders) == 1:
        return Run(names[0], tables[0], metrics[0])
    if split == "val":
        raise ValueError(
            f"{_call(folders[0].parent)}: split=val is not for the folds of a cross-validation, "
            "which share validation images. Compare their tests: split=test."
        )
    numbers = [read_config(folder)["data"]["fold"] for folder in folders]
    folds = [Fold(*one) for one in zip(numbers, names, tables, strict=True)]
    return join_folds(_call(folders[0].parent), folds, metrics)


def _slice_by(config: dict[str, Any]) -> list[str]:
    chosen = config.get("data", {}).get("slice_by")
    return [] if chosen is None else [chosen] if isinstance(chosen, str) else list(chosen)


def _call(folder: Path) -> str:
    """A folder as it stands in messages: from outputs/ on, where it lies there."""
    known = folder.is_relative_to(OUTPUTS)
    return folder.relative_to(OUTPUTS).as_posix() if known else str(folder)


def _read_metrics(folder: Path) -> dict[str, Any]:
    file = folder / "metrics.json"
    return read_json(file) if file.is_file() else {}
