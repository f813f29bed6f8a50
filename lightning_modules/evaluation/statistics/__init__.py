"""Statistics of test sets whose images come in groups."""
