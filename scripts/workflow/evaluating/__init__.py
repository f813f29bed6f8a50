"""Tests of a model: of a run, of evaluate.py, of several sets and folds."""
