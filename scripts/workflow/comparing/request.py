"""Comparisons that cannot be; found before any file is read."""

import math
from dataclasses import dataclass
from typing import Any

from datamodules.problems import raise_problems
from lightning_modules.evaluation.comparison.metrics import METRICS, NAMES

FILES = {"test": "predictions.csv", "val": "val_predictions.csv"}


@dataclass(frozen=True)
class Asked:
    """What is asked of a comparison.

    Args:
        words: As typed behind ``runs=``.
        metric: The one that decides.
        margin: By which others may be worse than the first; None: that was not asked.
        split: ``test`` or ``val``.
        shared: Compare on the images that all have where they differ.
        seed: Of the resampling.
        out: The folder of the results; None: a new one.
    """

    words: list[str]
    metric: str
    margin: float | None
    split: str
    shared: bool
    seed: int
    out: str | None


def check_comparison(asked: dict[str, Any]) -> Asked:
    """Check what is asked.

    Args:
        asked: The resolved configuration.

    Raises:
        ValueError: It cannot be; all of it together.
    """
    runs, margin, problems = asked["runs"], asked["margin"], []
    words = [str(word) for word in (runs if isinstance(runs, list) else [runs])]
    if not words or words == ["None"]:
        problems.append(
            "runs is not set. Name what to compare, such as runs=drivers_plain,drivers_pixel, or a "
            "sweep"
        )
    twice = sorted({word for word in words if words.count(word) > 1})
    if twice:
        problems.append(f"runs names {', '.join(twice)} more than once: name each once")
    if asked["metric"] not in NAMES:
        problems.append(f"metric is {asked['metric']!r}, expected {', '.join(NAMES)}")
    is_number = isinstance(margin, int | float) and not isinstance(margin, bool)
    if margin is not None and not (is_number and margin >= 0):
        problems.append(f"margin is {margin!r}, expected a number from 0 on, such as 0.01")
    elif margin is not None and 1 <= margin < math.inf and _is_share(asked["metric"]):
        problems.append(
            f"margin is {margin}, which {asked['metric']} can never lose: it is a share in [0, 1]. "
            f"For {margin:g} points write margin={margin / 100:g}"
        )
    if asked["split"] not in FILES:
        problems.append(f"split is {asked['split']!r}, expected {' or '.join(FILES)}")
    if not 0 <= asked["seed"] < 2**32:
        problems.append(f"seed is {asked['seed']}, expected 0 to 2**32 - 1")
    raise_problems(problems, "what is asked of the comparison")
    finite = None if margin is None or math.isinf(margin) else float(margin)
    return Asked(
        words,
        asked["metric"],
        finite,
        asked["split"],
        asked["shared"],
        asked["seed"],
        asked["out"],
    )


def _is_share(metric: str) -> bool:
    return any(one.name == metric and one.scale == 100 for one in METRICS)
