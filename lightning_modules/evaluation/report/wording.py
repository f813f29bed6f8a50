"""Numbers as a report writes them."""

import math
from collections.abc import Mapping
from typing import Any

from lightning_modules.evaluation.statistics.wilson import wilson_interval

UNIT = "\N{NO-BREAK SPACE}%"


def percent(share: float | None, digits: int = 1) -> str | None:
    """``93.1 %``; None, for what is not known or not a number, stays None."""
    return f"{_round(100 * share, digits)}{UNIT}" if _is_known(share) else None


def decimal(value: float | None, digits: int = 3) -> str | None:
    """``0.931``; None, for what is not known or not a number, stays None."""
    return _round(value, digits) if _is_known(value) else None


def interval(metrics: Mapping[str, Any], name: str) -> tuple[float, float] | None:
    """Ends of a metric's 95 % interval; None: it has none."""
    ends = (metrics.get(f"{name}_low"), metrics.get(f"{name}_high"))
    return ends if all(map(_is_known, ends)) else None


def slice_interval(one: Mapping[str, Any]) -> tuple[float, float] | None:
    """Ends of a slice's 95 % interval, as metrics.json has it; None: its images are of one group.

    A slice from before there were groups in it has Wilson's.
    """
    if "low" in one:
        return one["low"], one["high"]
    if "groups" in one:
        return None
    return wilson_interval(round(one["accuracy"] * one["images"]), one["images"])


def percent_range(ends: tuple[float, float] | None) -> str | None:
    """``89.2 to 95.6 %``."""
    return None if ends is None else f"{100 * ends[0]:.1f} to {100 * ends[1]:.1f}{UNIT}"


def decimal_range(ends: tuple[float, float] | None) -> str | None:
    """``0.892 to 0.956``."""
    return None if ends is None else f"{ends[0]:.3f} to {ends[1]:.3f}"


def duration(seconds: float) -> str:
    """``48 s``, ``12 min``, ``3.4 h``."""
    if seconds < 90:
        return f"{seconds:.0f} s" if seconds >= 10 else f"{seconds:.1f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"


def count(number: int, one: str, many: str | None = None) -> str:
    """``1 image``, ``2,104 images``."""
    return f"{number:,} {one if number == 1 else many if many is not None else one + 's'}"


def _is_known(value: float | None) -> bool:
    return value is not None and math.isfinite(value)


def _round(value: float, digits: int) -> str:
    return f"{round(value, digits) + 0.0:.{digits}f}"  # never -0.0
