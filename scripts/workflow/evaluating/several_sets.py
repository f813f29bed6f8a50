"""data=[a,b]: one model on several sets of images, each by itself, then all together."""

import logging
from dataclasses import replace
from pathlib import Path
from typing import Any

from front.composition import compose_job
from front.sets import jobs_of_sets
from omegaconf import DictConfig, OmegaConf

from datamodules.problems import raise_problems
from lightning_modules.evaluation.calibration_file import write_calibration
from lightning_modules.evaluation.predictions import PredictionTable
from lightning_modules.evaluation.predictions_file import write_predictions
from lightning_modules.evaluation.sets import SET, folder_names, pool_sets
from lightning_modules.evaluation.table_scores import score_table
from lightning_modules.run_files import write_json, write_text
from workflow.call import Call, read_tree
from workflow.evaluating.early import check_words
from workflow.evaluating.evaluation import measure, open_results
from workflow.evaluating.examined import plan_foreign, plan_images, plan_own
from workflow.evaluating.ready import Ready, prepare
from workflow.evaluating.request import check_evaluation
from workflow.evaluating.requirements import demand
from workflow.evaluating.set_scores import say_sets
from workflow.journal import Journal
from workflow.objects import quieten
from workflow.reporting.report import report, report_pooled
from workflow.typed import join_words

log = logging.getLogger(__name__)
Warned = dict[str, list[logging.LogRecord]]
COUNTED = ("num_bad_images", "num_trained_images", "num_left_out_images")


def evaluate_sets(cfg: DictConfig, call: Call, journal: Journal) -> None:
    """Evaluate each set as if it were the only one; the model is loaded once.

    Raises:
        ValueError: A set cannot be evaluated; the mistakes of all are listed.
        RequirementNotMet: See ``demand``.
    """
    quieten()
    asked = OmegaConf.to_container(cfg, resolve=True)
    if asked["by"] is not None:
        raise ValueError("by= parts one set of images, and data= names several: choose one.")
    calls = {name: replace(call, overrides=w) for name, w in jobs_of_sets(call.overrides).items()}
    configs = _compose(calls)
    checked = [check_evaluation(configs[name], calls[name]) for name in calls]
    _check_words(configs, calls)
    ready, warned = _prepare(configs, calls, journal)
    first = next(iter(ready.values()))
    folder = open_results(asked, first.examined)
    journal.write_to(folder / "log.txt")
    data = {name: one.plan.config["data"] for name, one in ready.items()}
    used = asked | {"ckpt": str(first.examined.file), "data": data}
    used["calibration"] = None if first.frozen.file is None else str(first.frozen.file)
    write_text(folder / "config.yaml", OmegaConf.to_yaml(OmegaConf.create(used)))
    command = join_words(["python", "scripts/evaluate.py", *call.overrides])
    write_text(folder / "command.txt", command + "\n")
    tables, found = _measure_all(ready, warned, folder, journal)
    pooled = pool_sets(tables)
    write_predictions(pooled, folder / "predictions.csv")
    calibration = first.frozen.calibration
    if calibration is not None:
        write_calibration(calibration, folder)
    metrics = score_table(pooled, (SET,), None, first.beyond.scores, calibration)
    metrics |= {name: sum(one[name] for one in found.values()) for name in COUNTED}
    log.info("%d sets beside each other:", len(found))
    metrics |= say_sets(found, tables, folder, first.beyond.scores)
    log.info(
        "All together: right in %.1f %% of %d images, macro F1 %.3f.",
        100 * metrics.get("test_accuracy", float("nan")),
        metrics["test_images"],
        metrics.get("test_macro_f1", float("nan")),
    )
    write_json(folder / "metrics.json", metrics)
    report_pooled(asked["report"], folder, journal, first.examined.folder.parent)
    log.info("Everything about these evaluations is in %s", folder)
    demand(checked[0], metrics, folder, str(first.examined.file))


def _check_words(configs: dict[str, dict[str, Any]], calls: dict[str, Call]) -> None:
    problems = []
    for name, asked in configs.items():
        try:
            check_words(asked, calls[name])
        except ValueError as error:
            problems.append(f"set {name}: {error}")
    raise_problems(problems, "the sets of images")


def _compose(calls: dict[str, Call]) -> dict[str, dict[str, Any]]:
    tree = read_tree()
    return {
        name: OmegaConf.to_container(compose_job("evaluate", one.overrides, tree).cfg, resolve=True)
        for name, one in calls.items()
    }


def _prepare(
    configs: dict[str, dict[str, Any]], calls: dict[str, Call], journal: Journal
) -> tuple[dict[str, Ready], Warned]:
    """Read the images of every set, by the model of the first; what warned of each is its own."""
    ready: dict[str, Ready] = {}
    warned: Warned = {}
    problems, examined = [], None
    for name, asked in configs.items():
        log.info("Set %s:", name)
        warned[name] = []
        before = journal.exchange_warnings(warned[name])
        try:
            if examined is None:
                find = plan_foreign if asked["backbone"] else plan_own
                plan, examined = find(asked, calls[name])
            else:
                plan = plan_images(asked, calls[name], examined)
            ready[name] = prepare(plan, examined, asked, calls[name])
        except ValueError as error:
            problems.append(f"set {name}: {error}")
        journal.exchange_warnings(before)
    raise_problems(problems, "the sets of images")
    return ready, warned


def _measure_all(
    ready: dict[str, Ready], warned: Warned, folder: Path, journal: Journal
) -> tuple[dict[str, PredictionTable], dict[str, dict[str, Any]]]:
    tables, found = {}, {}
    folders = folder_names(list(ready))
    for number, (name, one) in enumerate(ready.items(), 1):
        log.info("Set %d of %d, %s", number, len(ready), name)
        own = folder / folders[name]
        own.mkdir()
        before = journal.exchange_warnings(warned[name])
        found[name], tables[name] = measure(one, own)
        report(one.plan, one.examined.model, own, journal, one.examined.folder.parent)
        journal.exchange_warnings(before + warned[name])
    return tables, found
