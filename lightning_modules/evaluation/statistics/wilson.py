"""The interval of a share."""

from scipy.stats import binomtest

from lightning_modules.evaluation.statistics.level import LEVEL


def wilson_interval(successes: int, total: int, level: float = LEVEL) -> tuple[float, float]:
    """Interval of a share of independent trials (Wilson 1927), in [0, 1]."""
    interval = binomtest(successes, total).proportion_ci(level, method="wilson")
    return float(interval.low), float(interval.high)
