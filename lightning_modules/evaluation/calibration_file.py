"""calibration.json: what was fitted on images that are not those of a test, and is frozen."""

import reprlib
import sys
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from types import UnionType
from typing import Any, Literal, get_args, get_origin, get_type_hints

from lightning_modules.evaluation.scores.calibration import HIGHEST
from lightning_modules.evaluation.scores.operating_points import OperatingPoint
from lightning_modules.evaluation.scores.options import RULES
from lightning_modules.evaluation.scores.risk_coverage import AbstainRule
from lightning_modules.run_files import write_json
from lightning_modules.run_reading import read_json

NAME = "calibration.json"
MOST = 1.001  # a threshold just above 1 is never reached
INSTEAD = "Remove it to evaluate without, or train the run again."
ChosenOn = Literal["val", "out_of_fold"]
IMAGES = {"val": "validation", "out_of_fold": "out-of-fold"}  # as they stand in sentences


@dataclass(frozen=True)
class Calibration:
    """Temperature and thresholds, and where they come from.

    Args:
        checkpoint: File name of the checkpoint whose answers they were chosen on; None: it was
            those of several, the folds of a cross-validation, and they are meant for another model
            of the same recipe.
        checkpoint_hash: SHA-256 of its file; None as well.
        chosen_on: Images that all this was chosen on: ``val``, or ``out_of_fold``, where each was
            answered by the fold that had not been trained on it.
        num_images: How many they were.
        num_groups: Of how many groups; None: not known.
        class_names: In the order of the logits.
        temperature: That logits are divided by, above 1 where probabilities were too extreme; None:
            there was nothing to fit, see ``why_no_temperature``.
        operating_point: Of the positive class; None: there are more than two classes.
        abstain: When to give no answer.
    """

    checkpoint: str | None
    checkpoint_hash: str | None
    chosen_on: ChosenOn
    num_images: int
    num_groups: int | None
    class_names: Sequence[str]
    temperature: float | None
    operating_point: OperatingPoint | None
    abstain: AbstainRule

    @property
    def images(self) -> str:
        """What it was chosen on, such as ``120 out-of-fold images of 12 groups``."""
        said = f"{self.num_images:,} {IMAGES[self.chosen_on]} image"
        said += "" if self.num_images == 1 else "s"
        if self.num_groups is not None:
            said += f" of {self.num_groups:,} group{'' if self.num_groups == 1 else 's'}"
        return said

    @property
    def why_no_temperature(self) -> str | None:
        """What its images were like; None: there is a temperature."""
        if self.temperature is not None:
            return None
        if self.abstain.risk == 0 and self.abstain.coverage == 1:
            return "every answer to them was right"
        return "the answers to them were no better than guessing"


def write_calibration(calibration: Calibration, folder: Path) -> None:
    """Write ``calibration.json`` into a folder."""
    write_json(folder / NAME, asdict(calibration))


def find_calibration_file(folder: Path) -> Path | None:
    """The file in a folder: a run's, an evaluation's, or that of checkpoints; None: none."""
    places = (folder / NAME, folder / "checkpoints" / NAME)
    return next((place for place in places if place.is_file()), None)


def read_calibration(folder: Path) -> Calibration | None:
    """Read the calibration of a folder; None where there is none, see ``find_calibration_file``.

    Raises:
        ValueError: The file is none that this project wrote.
    """
    path = find_calibration_file(folder)
    return None if path is None else read_calibration_file(path)


def read_calibration_file(path: Path, instead: str = INSTEAD) -> Calibration:
    """Read a file; ``instead`` is what to do where it cannot be.

    Raises:
        ValueError: It is none that this project wrote.
    """
    try:
        content = read_json(path)
    except ValueError as error:
        raise ValueError(f"{error} {instead}") from error
    try:
        for part, kind in (("operating_point", OperatingPoint), ("abstain", AbstainRule)):
            if content.get(part) is not None:
                content[part] = _build(kind, content[part])
        found = _build(Calibration, content)
        problems = list(_find_problems(found))
        if problems:
            raise ValueError(", ".join(problems))
    except ValueError as error:
        raise ValueError(
            f"{path} is no calibration that this project wrote ({error}). {instead}"
        ) from error
    return found


def _find_problems(found: Calibration) -> Iterator[str]:
    """Values that are of the right type, and no fit gives."""
    temperature, point = found.temperature, found.operating_point
    if temperature is not None and not 1 / HIGHEST <= temperature <= HIGHEST:
        yield f"temperature is {temperature:.3g}"
    if (found.chosen_on == "val") != (found.checkpoint is not None):
        yield f"checkpoint is {found.checkpoint!r} beside {found.chosen_on}"
    if not 0 <= found.abstain.threshold <= MOST:
        yield f"threshold of abstain is {found.abstain.threshold:.3g}"
    if point is not None and not 0 <= point.threshold <= MOST:
        yield f"threshold of operating_point is {point.threshold:.3g}"
    if point is not None and point.rule not in RULES:
        yield f"rule is {point.rule!r}"
    if point is not None and point.positive_class not in found.class_names:
        yield f"positive_class is {point.positive_class!r}"


def _build(kind: type, content: dict[str, Any]) -> Any:  # noqa: ANN401
    """An object of a dataclass, if every value is of the type that its field says."""
    if not isinstance(content, dict):
        raise ValueError(f"{content!r} stands where names and values belong")
    hints = get_type_hints(kind)
    problems = [f"it lacks {name}" for name in hints if name not in content]
    problems += [f"it has {name}, which is not known" for name in content if name not in hints]
    if problems:
        raise ValueError(", ".join(problems))
    problems = [
        f"{name} is {reprlib.repr(content[name])}"
        for name, hint in hints.items()
        if not _fits(content[name], hint)
    ]
    if problems:
        raise ValueError(", ".join(problems))
    return kind(**content)


def _fits(value: object, hint: Any) -> bool:  # noqa: ANN401
    """Whether a value that JSON can hold is of a type, finite where it is a number."""
    if isinstance(hint, UnionType):
        return any(_fits(value, one) for one in get_args(hint))
    if get_origin(hint) is Literal:
        return value in get_args(hint)
    if get_origin(hint) is Sequence:
        return isinstance(value, list) and all(_fits(one, *get_args(hint)) for one in value)
    if hint is float:
        number = isinstance(value, int | float) and not isinstance(value, bool)
        return number and abs(value) <= sys.float_info.max
    return isinstance(value, hint) and not isinstance(value, bool)
