"""What warned of a model, told to whoever evaluates it."""

from pathlib import Path

from lightning_modules.evaluation.report.record import FACTS
from lightning_modules.run_reading import find_value


def warned_in_training(run: Path) -> list[str]:
    """What warned in the run that an evaluation is one of."""
    return [f"When it was trained: {text}" for text in find_value(run / FACTS, "warnings") or []]
