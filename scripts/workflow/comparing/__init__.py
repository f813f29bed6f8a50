"""compare.py: which models, on which images, and what is written of it."""
