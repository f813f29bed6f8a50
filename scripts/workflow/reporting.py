"""The report at the end of a run or an evaluation: a failure in it costs no result."""

import logging
from pathlib import Path

from lightning_modules.evaluation.report import write_report
from lightning_modules.roi_classifier import ROIClassifier
from workflow.facts import write_facts
from workflow.journal import Journal
from workflow.plan import Plan, instantiate

log = logging.getLogger(__name__)


def report(
    plan: Plan, model: ROIClassifier, folder: Path, journal: Journal, run: Path | None = None
) -> None:
    """Write facts.json, and report.html where one is wanted.

    Args:
        plan: What was done; ``report`` is an option group of its configuration.
        model: That was trained or evaluated.
        folder: Of the run or the evaluation, all other files of which are there.
        journal: Of what was said.
        run: That an evaluation is one of; None: it is a run itself, or of weights from elsewhere.
    """
    try:
        write_facts(folder, plan, model, journal.warnings(), run)
        chosen = plan.config.get("report")  # a run from before there were reports has none
        options = None if chosen is None else instantiate(chosen)
        if options is not None and options.write:
            log.info("Report: %s", write_report(folder, options))
    except Exception as error:
        journal.keep_traceback()
        log.warning(
            "The report could not be written (%s: %s). All else of it is whole; log.txt says where "
            "the report failed.",
            type(error).__name__,
            error,
        )
