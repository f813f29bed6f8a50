"""predictions=<csv>: everything from a table of predictions alone; no model is asked."""

import logging
from pathlib import Path
from typing import Any

from omegaconf import DictConfig, OmegaConf

from datamodules.problems import raise_problems
from lightning_modules.evaluation.calibration_file import write_calibration
from lightning_modules.evaluation.predictions import PredictionTable
from lightning_modules.evaluation.predictions_file import write_predictions
from lightning_modules.evaluation.scores.lines import tabulate_scores
from lightning_modules.evaluation.summary import summarize
from lightning_modules.evaluation.table_scores import score_table
from lightning_modules.run_files import write_json, write_text
from workflow.call import Call
from workflow.evaluating.beyond_images import measure_beyond
from workflow.evaluating.frozen import find_named
from workflow.evaluating.given_home import Home
from workflow.evaluating.given_ready import Ready, prepare, tell_facts
from workflow.evaluating.label_errors import list_label_errors
from workflow.evaluating.request import find_scoring_problems
from workflow.evaluating.requirements import demand
from workflow.evaluating.set_scores import measure_parts
from workflow.evaluating.understood import refuse_others
from workflow.journal import Journal
from workflow.places import OUTPUTS, check_out, make_new, open_out
from workflow.reporting.report import report_pooled
from workflow.typed import join_words

log = logging.getLogger(__name__)
UNDERSTOOD = (
    *("data.slice_by", "data.pair_by", "by", "unit", "aggregate", "alarms", "scores"),
    *("calibration", "label_errors", "require", "report", "out"),
)
BECAUSE = "the answers stand in the table, and neither a model nor an image is read."
INSTEAD = "Name another folder."


def evaluate_predictions(cfg: DictConfig, call: Call, journal: Journal) -> None:
    """Score a table of predictions; everything goes into a folder of its own.

    Raises:
        ValueError: It is no such table, or something cannot be asked of it.
        RequirementNotMet: See ``demand``.
    """
    refuse_others(call, "predictions", UNDERSTOOD, BECAUSE)
    asked = OmegaConf.to_container(cfg, resolve=True)
    problems = [one.rstrip(".") for one in find_scoring_problems(asked)]
    raise_problems(problems, "the configuration")
    if asked["out"] is not None:
        check_out(asked["out"], INSTEAD)
    ready = prepare(asked, call)
    folder = _open_folder(asked["out"], ready.home)
    journal.write_to(folder / "log.txt")
    _write_request(ready, asked, call, folder)
    metrics = _measure(ready, asked, folder)
    run = None if ready.home is None else ready.home.run
    report_pooled(asked["report"], folder, journal, run, tell_facts(ready, folder))
    log.info("Everything about this evaluation is in %s", folder)
    demand(ready.required, metrics, folder, str(ready.file))


def _open_folder(out: str | None, home: Home | None) -> Path:
    """Beside other evaluations of the model, else with those of models from elsewhere."""
    if out is not None:
        return open_out(out, INSTEAD)
    return make_new(OUTPUTS / "evaluations" if home is None else home.evaluations)


def _write_request(ready: Ready, asked: dict[str, Any], call: Call, folder: Path) -> None:
    """config.yaml, command.txt, the table and its calibration."""
    data = {} if ready.home is None else dict(ready.home.config.get("data") or {})
    data |= {"slice_by": ready.scoring.slice_by, "pair_by": ready.scoring.pair_by}
    kept = {key: asked[key] for key in asked if key in UNDERSTOOD}
    named = find_named(asked["calibration"])
    kept["calibration"] = None if named is None else str(named)
    config = {"predictions": str(ready.file.resolve()), **kept, "data": data}
    write_text(folder / "config.yaml", OmegaConf.to_yaml(OmegaConf.create(config)))
    command = join_words(["python", "scripts/evaluate.py", *call.overrides])
    write_text(folder / "command.txt", command + "\n")
    write_predictions(ready.given.table, folder / "predictions.csv")
    if ready.scoring.calibration is not None:
        write_calibration(ready.scoring.calibration, folder)


def _measure(ready: Ready, asked: dict[str, Any], folder: Path) -> dict[str, Any]:
    """Score, say and write."""
    table, scoring = ready.given.table, ready.scoring
    log.info("%d answers of %s, for the classes %s.", len(table), ready.file, _list(table))
    for note in ready.given.notes:
        log.info(note)
    if ready.positive is not None:
        log.info("The class to detect (positive class) is %s.", ready.positive)
    slices = (scoring.slice_by, scoring.pair_by)
    calibration = scoring.calibration
    metrics = score_table(table, *slices, scoring.beyond.scores, calibration)
    for line in tabulate_scores(metrics, table.class_names, None):
        log.info(line)
    for sentence in summarize(table, metrics, None, None, False, "", calibration):
        log.info(sentence)
    metrics |= measure_beyond(scoring.beyond, table, calibration, folder)
    if asked["label_errors"]:
        log.info("Labels are doubted as if the model had not been trained on these images.")
        metrics |= list_label_errors(folder, 0)
    if asked["by"] is not None:
        metrics |= measure_parts(scoring, table, asked["by"], folder)
    metrics["num_given_predictions"] = len(table)
    write_json(folder / "metrics.json", metrics)
    return metrics


def _list(table: PredictionTable) -> str:
    names = [str(name) for name in table.class_names]
    return ", ".join(names[:10]) + (f" and {len(names) - 10} more" if names[10:] else "")
