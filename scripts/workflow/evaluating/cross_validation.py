"""The result of a cross-validation: the predictions of all folds, pooled into one table."""

import csv
import logging
from collections.abc import Iterable, Sequence
from itertools import islice
from pathlib import Path
from typing import Any

from omegaconf import DictConfig, OmegaConf

from datamodules.problems import raise_problems
from lightning_modules.evaluation.examples.gathering import gather_examples
from lightning_modules.evaluation.report.sections.labels import SHOWN
from lightning_modules.evaluation.scores.options import find_score_problems
from workflow.call import Call
from workflow.evaluating.fold_runs import CrossValidation, find_cross_validations
from workflow.evaluating.pooling import FILES, pool
from workflow.evaluating.requirements import demand, read_required
from workflow.evaluating.understood import refuse_others
from workflow.journal import Journal
from workflow.places import check_out
from workflow.reporting.report import report_pooled
from workflow.reporting.warned import tell_folds

log = logging.getLogger(__name__)
UNDERSTOOD = ("require", "out", "data.slice_by", "data.pair_by", "scores", "report")
BECAUSE = "the folds have been tested, and their answers are pooled as they are."


def evaluate_folds(cfg: DictConfig, call: Call, journal: Journal) -> None:
    """``evaluate.py folds=``: pool what the folds of a cross-validation said.

    Raises:
        ValueError: There is no such cross-validation, or something else was asked for as well.
        RequirementNotMet: See ``demand``.
    """
    asked = OmegaConf.to_container(cfg, resolve=True)
    typed = refuse_others(call, "folds", UNDERSTOOD, BECAUSE)
    places = [asked["folds"]] if isinstance(asked["folds"], str) else asked["folds"]
    found = find_cross_validations([Path(place).expanduser().resolve() for place in places])
    required = read_required(asked["require"], next(iter(found[0].runs.values()), None))
    if required and len(found) > 1:
        raise ValueError(
            f"require= is about one result, and {places[0]} holds {len(found)} cross-validations "
            f"({', '.join(one.name for one in found)}). Name the run folders of one: "
            '"folds=[<run>,<run>]".'
        )
    raise_problems(list(find_score_problems(asked["scores"])), "the configuration")
    given = {
        group: {name: v for name, v in asked[group].items() if f"{group}.{name}" in typed}
        for group in ("data", "scores")
    }
    for one in found:
        out = asked["out"] and (Path(asked["out"]) / one.name if one.name else asked["out"])
        folder = check_out(out, "Name another folder.") if out else _folder_of(one, places)
        sentences: list[str] = []
        metrics = pool(one, folder, given, sentences)
        journal.write_to(folder / "log.txt")
        for sentence in sentences:
            log.info(sentence)
        _gather(one, folder, asked["report"])
        report_pooled(asked["report"], folder, journal, known=tell_folds(one.runs))
        log.info("Everything about this cross-validation is in %s", folder)
        demand(required, metrics, folder, f"folds of {places[0]}")


def _gather(one: CrossValidation, folder: Path, report: dict[str, Any] | None) -> None:
    """Pictures of the most doubtful labels, for the report, where the folds have drawn them."""
    shown = report is not None and report["write"] and report["images"]
    with (folder / "label_errors.csv").open(encoding="utf-8", newline="") as file:
        doubted = [row["id"] for row in islice(csv.DictReader(file), SHOWN if shown else 0)]
    gather_examples(folder, list(one.runs.values()), doubted)


def pool_sweep(folder: Path) -> list[str]:
    """Pool the complete cross-validations of a sweep that are not pooled yet.

    Returns:
        Sentences about what is new or not complete yet; none where there are no folds.
    """
    try:
        found = find_cross_validations([folder])
    except ValueError:
        return []
    sentences = []
    if len(found) > 1:  # the first was alone when it was complete
        for name in FILES:
            (folder / "pooled" / name).unlink(missing_ok=True)
    for one in found:
        own = _folder_of(one, [folder])
        if not one.runs:
            continue  # test=false
        if one.missing:
            sentences += [
                f"Folds {', '.join(map(str, one.missing))} of {one.num_folds} {one.name} have no "
                f"predictions; pool the others by python scripts/evaluate.py folds={folder}"
            ]
        elif not _is_current(own, one.runs.values()):
            try:
                pool(one, own, {}, sentences)
            except ValueError as error:  # the table of the sweep is said all the same
                sentences.append(str(error))
            else:
                sentences.append(f"Pooled: {own}")
                sentences.append(f"Its report: python scripts/evaluate.py folds={folder}")
    return sentences


def _folder_of(one: CrossValidation, places: Sequence[str | Path]) -> Path:
    """Beside the runs of a sweep, else beside the first of the runs that were named."""
    place = Path(places[0]).expanduser().resolve()
    parent = place if len(places) == 1 and not (place / "split.csv").is_file() else place.parent
    return parent / "pooled" / one.name


def _is_current(folder: Path, runs: Iterable[Path]) -> bool:
    done = folder / "metrics.json"
    newest = max((run / "predictions.csv").stat().st_mtime for run in runs)
    return done.is_file() and done.stat().st_mtime >= newest
