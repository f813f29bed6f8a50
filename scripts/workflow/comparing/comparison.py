"""compare.py: several models on the same images."""

import logging
from datetime import datetime
from pathlib import Path

from front.outcome import RequirementNotMet

from lightning_modules.evaluation.comparison.comparing import compare
from lightning_modules.evaluation.comparison.document import describe, describe_on_screen
from lightning_modules.evaluation.comparison.findings import Findings, conclude_all, for_json
from lightning_modules.evaluation.comparison.paired import pair
from lightning_modules.evaluation.comparison.tables import rows_for_csv
from lightning_modules.run_files import write_bytes, write_csv, write_json, write_text
from workflow.call import Call
from workflow.comparing.request import Asked
from workflow.comparing.sources import find_sources, read_variants
from workflow.journal import Journal
from workflow.places import OUTPUTS, check_out, make_new, open_out
from workflow.typed import join_words

log = logging.getLogger(__name__)
INSTEAD = "Name another folder."


def compare_runs(asked: Asked, call: Call, journal: Journal) -> None:
    """Compare as asked; everything goes into a folder of its own.

    Raises:
        ValueError: There are no such results, or they cannot be compared.
        RequirementNotMet: With a margin, where a variant may be worse by more; all is written.
    """
    if asked.out is not None:
        check_out(asked.out, INSTEAD)
    sources = find_sources(asked.words, asked.split)
    variants = read_variants(sources, asked.split)
    paired = pair(variants, asked.shared)
    command = join_words(["python", "scripts/compare.py", *call.overrides])
    compared = compare(variants, paired, asked.seed)
    findings = conclude_all(compared, asked.metric, asked.margin, sources.notes, command)
    folder = (
        make_new(OUTPUTS / "comparisons") if asked.out is None else open_out(asked.out, INSTEAD)
    )
    journal.write_to(folder / "log.txt")
    for line in describe_on_screen(findings):
        log.info(line)
    _write(findings, folder)
    log.info("The report: %s", folder / "report.html")
    if not findings.all_shown:
        failed = [verdict.sentence for verdict in findings.margins if not verdict.shown]
        raise RequirementNotMet("\n".join([f"margin={asked.margin:g} is not met:", *failed]))


def _write(findings: Findings, folder: Path) -> None:
    from lightning_modules.evaluation.comparison.page import make_page
    from lightning_modules.evaluation.comparison.picture import draw_comparison

    date = f"{datetime.now():%Y-%m-%d}"
    write_text(folder / "command.txt", findings.command + "\n")
    write_csv(folder / "comparison.csv", rows_for_csv(findings.comparison))
    write_text(folder / "comparison.md", describe(findings, date))
    picture = draw_comparison(findings.comparison, findings.metric.name, findings.margin)
    write_bytes(folder / "comparison.png", picture)
    write_text(folder / "report.html", make_page(findings, date))
    write_json(folder / "comparison.json", for_json(findings))
