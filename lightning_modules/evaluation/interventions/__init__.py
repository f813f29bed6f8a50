"""Interventions: change one thing of an image, see whether the answer changes.

Attribution does not rank robustness (arXiv 1910.00199), so these are the primary evidence of how
much of a model is background.
"""
