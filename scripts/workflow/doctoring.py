"""check_data.py: what is wrong with a data set, before anything is trained on it."""

import logging
from pathlib import Path

from front.outcome import ExitStatus
from omegaconf import DictConfig

from datamodules.checks.examination import examine_files
from datamodules.doctor.diagnosis import Examined, diagnose
from datamodules.doctor.findings import Level
from datamodules.doctor.lenient import read_leniently
from datamodules.doctor.page import write_page
from datamodules.doctor.tables import say, write_proposal, write_tables
from datamodules.options import DataOptions
from datamodules.problems import raise_problems
from workflow.call import Call
from workflow.journal import Journal
from workflow.next_command import say_next
from workflow.places import OUTPUTS, make_new, open_out
from workflow.plan import instantiate, memory_file
from workflow.typed import join_words

log = logging.getLogger(__name__)
STATUS = {
    Level.NOTE: ExitStatus.OK,
    Level.WARNING: ExitStatus.FAILURE,
    Level.ERROR: ExitStatus.MISTAKE,
}


def check_data(cfg: DictConfig, call: Call, journal: Journal) -> ExitStatus:
    """Examine a data set and write what was found.

    Returns:
        0 where nothing spoils a result, 1 where something may (warnings), 2 where it does (errors).

    Raises:
        ValueError: The table itself cannot be read.
    """
    _check(cfg)
    options = instantiate(cfg.data)
    table, mistakes = read_leniently(options, cfg.seed)
    for note in table.notes:
        log.info(note)
    found = examine_files(table, memory_file())
    examined = diagnose(table, found, cfg.seed)
    examined.diagnosis.add(mistakes)
    name = type(options).__name__.removesuffix("Data").lower() if cfg.name is None else cfg.name
    parent = OUTPUTS / "check_data" / name
    folder = make_new(parent) if cfg.out is None else open_out(cfg.out, "Name another folder.")
    journal.write_to(folder / "log.txt")
    for line in say(examined.diagnosis):
        log.info(line)
    write_tables(examined, folder)
    if table.groups is None:
        _propose(examined, folder, options)
    command = join_words(["python", "scripts/check_data.py", *call.overrides])
    write_page(examined, f"Check of {table.name}", command, folder / "report.html")
    log.info("The report: %s", folder / "report.html")
    return STATUS[examined.diagnosis.level]


def _check(cfg: DictConfig) -> None:
    problems = []
    if not 0 <= cfg.seed < 2**32:
        problems.append(f"seed is {cfg.seed}, expected 0 to 2**32 - 1")
    if cfg.name is not None and (cfg.name in ("", ".", "..") or set(cfg.name) & set("/\\:")):
        problems.append(f"name is {cfg.name!r}; it names a folder: no slash and no colon")
    raise_problems(problems, "the configuration")


def _propose(examined: Examined, folder: Path, options: DataOptions) -> None:
    """Clusters of images that are alike as groups, for who wants them."""
    file = folder / "manifest_with_groups.csv"
    num_clusters = write_proposal(examined, file)
    if num_clusters:
        table = examined.table
        box_format = "xyxy_normalized" if table.boxes_normalized else "xyxy"
        log.info(
            "%d clusters of images that are alike stand as groups, each other image by itself, in "
            "%s (without a split that cuts one). To train with them in place of this data: %s",
            num_clusters,
            file,
            say_next(file, table, table.mask_paths, options, box_format),
        )
