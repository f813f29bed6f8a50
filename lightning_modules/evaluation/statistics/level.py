"""Of all intervals: what they promise, and how much is drawn for them."""

LEVEL = 0.95
NUM_RESAMPLES = 2000
