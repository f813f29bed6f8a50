"""Of all intervals: what they promise, and how much is drawn for them."""

LEVEL = 0.95
NUM_RESAMPLES = 2000


def level_of_all(number: int) -> float:
    """The level of each of several intervals at which all hold at once in 95 % (Bonferroni).

    Whoever picks the worst part of a test looks at all of them: an interval of 95 % of that part
    alone takes bad luck for a bad part.
    """
    return 1 - (1 - LEVEL) / number
