"""Which temperature and thresholds an evaluation uses; told without torch."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from lightning_modules.evaluation.calibration_file import (
    NAME,
    Calibration,
    find_calibration_file,
    read_calibration,
    read_calibration_file,
)
from lightning_modules.evaluation.predictions_file import read_class_names
from lightning_modules.evaluation.report.record import FACTS
from lightning_modules.run_files import hash_file
from lightning_modules.run_reading import find_value

log = logging.getLogger(__name__)
EXPECTED = (
    f"Expected a {NAME}, or a folder that has one: a run, an evaluation, or the folder pooled/ of "
    "a cross-validation"
)
INSTEAD = f"Name a {NAME} as train.py and evaluate.py folds= write it."
MOST_NAMED = 3


@dataclass(frozen=True)
class Frozen:
    """What was chosen before this evaluation.

    Args:
        calibration: None: nothing, or nothing that fits the checkpoint.
        file: That ``calibration=`` names and that was chosen by other models than the one
            evaluated; None: there is none such.
    """

    calibration: Calibration | None = None
    file: Path | None = None


def find_named(place: object) -> Path | None:
    """The file that ``calibration=`` names; None: it names none.

    Raises:
        ValueError: There is no such file.
    """
    if place is None:
        return None
    path = Path(str(place)).expanduser()
    if not isinstance(place, str) or not place.strip() or not path.exists():
        raise ValueError(f"calibration={place}: there is no such file or folder. {EXPECTED}.")
    if path.is_dir():
        found = find_calibration_file(path)
        if found is None:
            raise ValueError(f"calibration={place}: this folder has no {NAME}. {_advise(path)}")
        return found.resolve()
    if path.suffix != ".json":
        raise ValueError(f"calibration={place} is another kind of file. {EXPECTED}.")
    return path.resolve()


def _advise(folder: Path) -> str:
    """Where one is, a few folders below; a sweep has it in pooled/."""
    below = [one for depth in ("*", "*/*") for one in folder.glob(f"{depth}/{NAME}")]
    below.sort(key=lambda one: ("pooled" not in one.parts, one))
    if not below:
        return f"{EXPECTED}; where its images are all of one class none is written."
    words = [f"calibration={one.parent}" for one in below[:MOST_NAMED]]
    more = f" and {len(below) - MOST_NAMED} more" if len(below) > MOST_NAMED else ""
    return f"Below it there is {', '.join(words)}{more}."


def check_named(place: object, class_names: Sequence[str] | None, model: Path) -> None:
    """Check the file that ``calibration=`` names against a model; see ``find_named``.

    Args:
        place: As typed.
        class_names: Of the model, in the order of its outputs; None: not known yet.
        model: Its file.

    Raises:
        ValueError: It is none that this project wrote, or is of other classes.
    """
    file = find_named(place)
    if file is None:
        return
    known = list(read_calibration_file(file, INSTEAD).class_names)
    if class_names is None or known == list(class_names):
        return
    both, own = ", ".join(known), ", ".join(class_names)
    if sorted(known) == sorted(class_names):
        why = "the same in another order, so its models numbered them otherwise"
    else:
        why = "so it was chosen for other answers"
    raise ValueError(
        f"calibration={place} is for the classes {both}, and {model} has {own}: {why}. Name one "
        "that was chosen by models of the same recipe and data."
    )


def find_known_classes(file: Path) -> list[str] | None:
    """The classes of a checkpoint, as far as its run tells without opening it."""
    run = file.parents[1]
    known = find_value(run / FACTS, "data", "class_names")
    table = run / "predictions.csv"
    return known or (read_class_names(table) if table.is_file() else None) or None


def find_frozen(place: object, file: Path, chosen_here: bool, as_trained: bool) -> Frozen:
    """What to use for a checkpoint that is evaluated, and say so.

    Args:
        place: Of ``calibration=``; None: what lies beside the checkpoint, if it fits.
        file: The checkpoint.
        chosen_here: Whether the images that its own was chosen on are among those evaluated.
        as_trained: Whether images of the data it was trained from are evaluated.
    """
    named = find_named(place)
    if named is None:
        return Frozen(_find_own(file, chosen_here))
    calibration = read_calibration_file(named, INSTEAD)
    if _is_of(calibration, file):
        say_own(named, calibration, chosen_here)
        return Frozen(calibration)
    log.info(
        "Temperature and thresholds are those of %s, chosen on %s by %s, and not for this very "
        "checkpoint: they suit it if it is a model of the same recipe; %s",
        named,
        calibration.images,
        "the models of a cross-validation"
        if calibration.checkpoint is None
        else f"another checkpoint ({calibration.checkpoint})",
        "images of the data that it was trained from are evaluated here and may be among those, "
        "which would flatter them."
        if as_trained
        else "nothing is fitted to the images evaluated here.",
    )
    return Frozen(calibration, named)


def _find_own(file: Path, chosen_here: bool) -> Calibration | None:
    calibration = read_calibration(file.parent)
    if calibration is None:
        log.info(
            "No %s lies beside the checkpoint: no temperature, no threshold, no abstaining.", NAME
        )
        return None
    if not _is_of(calibration, file):
        same = calibration.checkpoint is not None and Path(calibration.checkpoint).stem == file.stem
        log.warning(
            "%s was chosen for %s%s, and is NOT used: no temperature, no threshold, no abstaining. "
            "calibration=<file> takes one that was chosen by other models.",
            file.parent / NAME,
            "an earlier state of " if same else "",
            calibration.checkpoint or "another model of the same recipe, by a cross-validation",
        )
        return None
    say_own(file.parent / NAME, calibration, chosen_here)
    return calibration


def _is_of(calibration: Calibration, file: Path) -> bool:
    """Whether it was chosen by the answers of this checkpoint, of a twin as its name tells."""
    if calibration.checkpoint is None or Path(calibration.checkpoint).stem != file.stem:
        return False
    return file.suffix != ".ckpt" or hash_file(file) == calibration.checkpoint_hash


def say_own(path: Path, calibration: Calibration, chosen_here: bool) -> None:
    """Say which calibration is used, one of the model that is evaluated."""
    log.info(
        "Temperature and thresholds are those of %s, chosen on %s; %s",
        path,
        calibration.images,
        say_fit(chosen_here),
    )


def say_fit(chosen_here: bool) -> str:
    """Whether thresholds were chosen on the images that are evaluated."""
    if chosen_here:
        return "these are evaluated here, which flatters them."
    return "nothing is fitted to the images evaluated here."
