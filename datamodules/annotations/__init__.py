"""Annotations that exist already: read from other tools' formats and joined to a table of images.

Nothing here imports torch.
"""
