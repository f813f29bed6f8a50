"""calibration.json: what was fitted on validation and is frozen from then on."""

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from types import UnionType
from typing import Any, get_args, get_origin, get_type_hints

from lightning_modules.evaluation.scores.operating_points import OperatingPoint
from lightning_modules.evaluation.scores.risk_coverage import AbstainRule
from lightning_modules.run_files import write_json
from lightning_modules.run_reading import read_json

NAME = "calibration.json"
INSTEAD = "Remove it to evaluate without, or train the run again."


@dataclass(frozen=True)
class Calibration:
    """Temperature and thresholds of a checkpoint.

    Args:
        checkpoint: Its file name.
        checkpoint_hash: SHA-256 of its file.
        chosen_on: Images that all this was chosen on: ``val``, or ``out_of_fold``.
        num_images: How many they were.
        num_groups: Of how many groups; None: not known.
        class_names: In the order of the logits.
        temperature: That logits are divided by, above 1 where probabilities were too extreme.
        operating_point: Of the positive class; None: there are more than two classes, or validation
            lacks one.
        abstain: When to give no answer.
    """

    checkpoint: str
    checkpoint_hash: str
    chosen_on: str
    num_images: int
    num_groups: int | None
    class_names: Sequence[str]
    temperature: float
    operating_point: OperatingPoint | None
    abstain: AbstainRule


def write_calibration(calibration: Calibration, folder: Path) -> None:
    """Write ``calibration.json`` into a folder."""
    write_json(folder / NAME, asdict(calibration))


def read_calibration(folder: Path) -> Calibration | None:
    """Read the calibration of a folder: a run's, an evaluation's, or that of checkpoints.

    Returns:
        None where there is none.

    Raises:
        ValueError: The file is none that this project wrote.
    """
    places = (folder / NAME, folder / "checkpoints" / NAME)
    path = next((place for place in places if place.is_file()), None)
    if path is None:
        return None
    try:
        content = read_json(path)
    except ValueError as error:
        raise ValueError(f"{error} {INSTEAD}") from error
    try:
        point, abstain = content["operating_point"], content["abstain"]
        content["operating_point"] = None if point is None else _build(OperatingPoint, point)
        content["abstain"] = _build(AbstainRule, abstain)
        found = _build(Calibration, content)
        if not found.temperature > 0:
            raise ValueError(f"temperature is {found.temperature}")
    except (ValueError, TypeError, KeyError) as error:
        raise ValueError(
            f"{path} is no calibration that this project wrote ({error}). {INSTEAD}"
        ) from error
    return found


def _build(kind: type, content: dict[str, Any]) -> Any:  # noqa: ANN401
    """An object of a dataclass, if every value is of the type that its field says."""
    if not isinstance(content, dict):
        raise ValueError(f"{content!r} stands where names and values belong")
    hints = get_type_hints(kind)
    problems = [name for name in hints if name not in content]
    if problems:
        raise ValueError(f"it lacks {', '.join(problems)}")
    problems = [
        f"{n} is {content[n]!r}" for n, hint in hints.items() if not _fits(content[n], hint)
    ]
    if problems:
        raise ValueError(", ".join(problems))
    return kind(**content)


def _fits(value: object, hint: Any) -> bool:  # noqa: ANN401
    """Whether a value that JSON can hold is of a type, finite where it is a number."""
    if isinstance(hint, UnionType):
        return any(_fits(value, one) for one in get_args(hint))
    if get_origin(hint) is Sequence:
        return isinstance(value, list) and all(_fits(one, *get_args(hint)) for one in value)
    if hint is float:
        return _fits(value, int) or (isinstance(value, float) and math.isfinite(value))
    return isinstance(value, hint) and not isinstance(value, bool)
