"""report.html: everything about a run or an evaluation on one page."""

from pathlib import Path

from lightning_modules.evaluation.report.options import ReportOptions
from lightning_modules.evaluation.report.page import render_page
from lightning_modules.evaluation.report.record import Record, read_record
from lightning_modules.evaluation.report.sections.background import write_background
from lightning_modules.evaluation.report.sections.curves import write_curves
from lightning_modules.evaluation.report.sections.data import write_data_sheet
from lightning_modules.evaluation.report.sections.images import write_images
from lightning_modules.evaluation.report.sections.learning import write_learning
from lightning_modules.evaluation.report.sections.one_look import write_one_look
from lightning_modules.evaluation.report.sections.quality import write_quality
from lightning_modules.evaluation.report.sections.slices import write_slices
from lightning_modules.evaluation.report.sections.training import write_training
from lightning_modules.evaluation.report.sections.warnings import write_warnings
from lightning_modules.run_files import write_text

NAME = "report.html"
# in the order in which somebody new to it reads
SECTIONS = (
    write_one_look,
    write_training,
    write_data_sheet,
    write_learning,
    write_quality,
    write_curves,
    write_slices,
    write_background,
    write_images,
    write_warnings,
)


def write_report(folder: Path, options: ReportOptions) -> Path:
    """Write ``report.html`` from the other files of a folder.

    Args:
        folder: Of a run or an evaluation.
        options: What it may show.

    Returns:
        The file.

    Raises:
        ValueError: A file of the folder is not what it should be.
    """
    record = read_record(folder, options)
    sections = [write(record) for write in SECTIONS]
    file = folder / NAME
    write_text(file, render_page(_title(record), _subtitle(record), sections))
    return file


def _title(record: Record) -> str:
    folder = record.folder.resolve()
    if record.trained:
        return record.names.scrub(f"{folder.parent.name}, {folder.name}")
    if record.given:
        return record.names.scrub(f"Evaluation of {Path(str(record.config['predictions'])).name}")
    run = Path(str(record.config.get("ckpt", folder.name))).parents
    of = f"{run[2].name}, {run[1].name}" if len(run) > 3 else folder.name
    return record.names.scrub(f"Evaluation of {of}")


def _subtitle(record: Record) -> str:
    parts = [record.facts.get("finished"), record.facts.get("model", {}).get("backbone")]
    if record.names.hashed:
        parts.append(
            "groups and images are called by a salted hash (SHA-256) in place of their names; the "
            "salt lies in report_salt.txt of the folder and does not leave with this file"
        )
    if not record.options.images:
        parts.append("no image of the data is shown")
    return " · ".join(filter(None, parts))
