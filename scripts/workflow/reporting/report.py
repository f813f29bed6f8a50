"""The report at the end of a run or an evaluation: a failure in it costs no result."""

import logging
from collections.abc import Callable, Mapping
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lightning_modules.evaluation.report import write_report
from lightning_modules.evaluation.report.record import FACTS, read_record
from lightning_modules.evaluation.report.verdict import say_verdict
from lightning_modules.run_files import write_json
from workflow.journal import Journal
from workflow.plan import Plan, instantiate
from workflow.reporting.warned import warned_in_training

if TYPE_CHECKING:
    from lightning_modules.roi_classifier import ROIClassifier

log = logging.getLogger(__name__)


def report(
    plan: Plan, model: "ROIClassifier", folder: Path, journal: Journal, run: Path | None = None
) -> None:
    """Write facts.json, and report.html where one is wanted.

    Args:
        plan: What was done; ``report`` is an option group of its configuration.
        model: That was trained or evaluated.
        folder: Of the run or the evaluation, all other files of which are there.
        journal: Of what was said.
        run: That an evaluation is one of; None: it is a run itself, or of weights from elsewhere.
    """
    from workflow.reporting.facts import write_facts  # brings torch; pooled answers need none

    def write() -> None:
        write_facts(folder, plan, model, journal.warnings(), run)
        # a run from before there were reports has none
        _write_report(plan.config.get("report"), folder)

    _try(write, journal)


def report_pooled(
    chosen: dict[str, Any] | None,
    folder: Path,
    journal: Journal,
    run: Path | None = None,
    known: Mapping[str, Any] | None = None,
) -> None:
    """Write the report of answers that are there: pooled from several tests, or given in a table.

    What warned of any of the tests is a warning of the whole.

    Args:
        chosen: Options of the report; None: none is wanted.
        folder: Of the pooled results.
        journal: Of what was said.
        run: Whose model was tested; None: those of several runs, of which each tells by itself.
        known: Further facts, and ``warnings`` that are told first; None: there are none.
    """

    def write() -> None:
        facts = {"finished": f"{datetime.now():%Y-%m-%d %H:%M}", **(known or {})}
        before = facts.get("warnings", []) if run is None else warned_in_training(run)
        facts["warnings"] = list(dict.fromkeys([*before, *journal.warnings()]))
        write_json(folder / FACTS, facts)
        _write_report(chosen, folder)

    _try(write, journal)


def _write_report(chosen: dict[str, Any] | None, folder: Path) -> None:
    options = None if chosen is None else instantiate(chosen)
    if options is None:
        return
    log.info(say_verdict(read_record(folder, options)))
    if options.write:
        log.info("Report: %s", write_report(folder, options))


def _try(write: Callable[[], None], journal: Journal) -> None:
    try:
        write()
    except Exception as error:
        journal.keep_traceback()
        log.warning(
            "The report could not be written (%s: %s). All else of it is whole; log.txt says where "
            "the report failed.",
            type(error).__name__,
            error,
        )
