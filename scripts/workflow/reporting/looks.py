"""How often the images of a test were looked at."""

import hashlib
from pathlib import Path
from typing import Any

from lightning_modules.evaluation.predictions import PredictionTable
from lightning_modules.evaluation.report.record import FACTS
from lightning_modules.run_reading import find_value
from workflow.places import list_results


def count_looks(folder: Path, table: PredictionTable) -> dict[str, Any]:
    """Fingerprint of the tested images, and how many results below outputs/ are of the same.

    Args:
        folder: Of this one, which counts.
        table: Its predictions.
    """
    mark = _fingerprint(table)
    others = sum(
        find_value(file, "test", "fingerprint") == mark
        for file in list_results(FACTS)
        if file.parent.resolve() != folder.resolve()
    )
    return {"fingerprint": mark, "looks": 1 + others}


def _fingerprint(table: PredictionTable) -> str:
    """SHA-256 of which images were tested, and with which labels."""
    names = (table.class_names[label] for label in table.labels.tolist())
    lines = sorted(f"{one}\t{name}" for one, name in zip(table.ids, names, strict=True))
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()
