"""What training found out about a model and its images, told to whoever evaluates it."""

from pathlib import Path
from typing import Any

from lightning_modules.evaluation.report.record import FACTS, MASK_ONLY
from lightning_modules.run_reading import find_json


def warned_in_training(run: Path) -> list[str]:
    """What warned in the run that an evaluation is one of."""
    return [f"When it was trained: {text}" for text in find_json(run / FACTS).get("warnings", [])]


def outline_in_training(run: Path) -> dict[str, Any]:
    """How well the outlines of the training images alone told the class: ``mask_only_<name>``."""
    metrics = find_json(run / "metrics.json")
    return {name: value for name, value in metrics.items() if name.startswith(MASK_ONLY)}
