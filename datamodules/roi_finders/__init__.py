"""Finders of regions of interest, for images that have none; a file each, none imports torch."""

from importlib import import_module

_EXPORTS = {
    "BoxesFinder": "datamodules.roi_finders.boxes",
    "FaceFinder": "datamodules.roi_finders.face",
    "FixedFinder": "datamodules.roi_finders.fixed",
}
__all__ = sorted(_EXPORTS)


def __getattr__(name: str) -> object:
    if name not in _EXPORTS:
        raise AttributeError(f"module 'datamodules.roi_finders' has no attribute {name!r}")
    return getattr(import_module(_EXPORTS[name]), name)
