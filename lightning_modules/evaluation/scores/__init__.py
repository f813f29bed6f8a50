"""Scores of a table of predictions, with their intervals."""
