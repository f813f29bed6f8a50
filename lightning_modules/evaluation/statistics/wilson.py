"""The interval of a share."""

from scipy.stats import binomtest


def wilson_interval(successes: int, total: int) -> tuple[float, float]:
    """95 % interval of a share of independent trials (Wilson 1927), in [0, 1]."""
    interval = binomtest(successes, total).proportion_ci(0.95, method="wilson")
    return float(interval.low), float(interval.high)
