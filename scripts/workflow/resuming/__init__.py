"""Going on with a run, starting from one, and what must not be mixed up on the way."""
