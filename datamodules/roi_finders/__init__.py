"""Finders of regions of interest, for images that have none; a file each, none imports torch."""
