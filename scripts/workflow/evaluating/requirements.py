"""require=: what a user demands of the results; exit status 3 where they do not keep it."""

import logging
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from front.outcome import RequirementNotMet

from lightning_modules.evaluation.requirements.file import Requirement, read_requirements
from lightning_modules.evaluation.requirements.junit import write_junit
from lightning_modules.evaluation.requirements.verdicts import judge_requirements, tabulate
from lightning_modules.run_reading import find_json

log = logging.getLogger(__name__)


def read_required(path: str | None, run: Path | None = None) -> list[Requirement]:
    """The requirements of a file; none where none is named.

    Args:
        path: As typed.
        run: Folder of the run that is evaluated, whose own test tells which metrics there are.

    Raises:
        ValueError: The file has mistakes.
    """
    if path is None:
        return []
    return read_requirements(Path(path).expanduser(), read_results(run) if run else ())


def read_results(folder: Path) -> dict[str, Any]:
    """The metrics of a run or an evaluation; none where there are none."""
    return find_json(folder / "metrics.json")


def demand(
    required: Sequence[Requirement], metrics: Mapping[str, Any], folder: Path, what: str
) -> None:
    """Say and write whether the requirements are met; all results are written by now.

    Args:
        required: Of the file.
        metrics: Of the evaluation.
        folder: Of the results; takes ``requirements.xml``.
        what: Was evaluated.

    Raises:
        RequirementNotMet: One is not.
    """
    if not required:
        return
    verdicts = judge_requirements(required, metrics)
    for line in tabulate(verdicts):
        log.info("  %s", line)
    write_junit(folder / "requirements.xml", verdicts, what, {"folder": str(folder)})
    missed = [one.sentence for one in verdicts if not one.met]
    if missed:
        raise RequirementNotMet(
            "\n".join(
                [
                    f"{len(missed)} of {len(verdicts)} requirements are not met "
                    f"({folder / 'requirements.xml'}):",
                    *(f"  {sentence}" for sentence in missed),
                ]
            )
        )
    log.info("All %d requirements are met.", len(verdicts))
