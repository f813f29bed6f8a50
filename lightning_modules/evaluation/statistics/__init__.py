"""Intervals and tests of what a table of predictions came to."""
