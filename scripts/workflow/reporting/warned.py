"""What training found out about a model and its images, told to whoever evaluates it."""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from lightning_modules.evaluation.report.record import FACTS, MASK_ONLY
from lightning_modules.run_reading import find_json, find_value


def warned_in_training(run: Path) -> list[str]:
    """What warned in the run that an evaluation is one of."""
    return [f"When it was trained: {text}" for text in find_value(run / FACTS, "warnings") or []]


def outline_in_training(run: Path) -> dict[str, Any]:
    """How well the outlines of the training images alone told the class: ``mask_only_<name>``."""
    metrics = find_json(run / "metrics.json")
    return {name: value for name, value in metrics.items() if name.startswith(MASK_ONLY)}


def tell_folds(runs: Mapping[int, Path]) -> dict[str, Any]:
    """What warned in the folds of a cross-validation, once where it differs in numbers alone.

    Args:
        runs: By the number of the fold.

    Returns:
        Facts for their report: ``warnings`` and ``outline``, that of the fold which tells most.
    """
    alike: dict[str, list[tuple[int, str]]] = {}
    for fold, run in runs.items():
        for text in find_value(run / FACTS, "warnings") or []:
            alike.setdefault(re.sub(r"[\d.,]*\d", "0", text), []).append((fold, text))
    warnings = []
    for (fold, text), *others in alike.values():
        more = f" (likewise fold {', '.join(str(one) for one, _ in others)})" if others else ""
        warnings.append(f"When fold {fold} was trained{more}: {text}")
    outlines = [outline_in_training(run) for run in runs.values()]
    outline = max(outlines, key=lambda one: one.get(f"{MASK_ONLY}low", 0.0), default={})
    return {"warnings": warnings, "outline": outline}
