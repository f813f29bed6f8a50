"""The embedded data set: drawn drivers, alert or drowsy, in a car by day or by night."""

from importlib import import_module

_EXPORTS = {"write_drivers": "datamodules.drivers.writing"}
__all__ = sorted(_EXPORTS)


def __getattr__(name: str) -> object:
    if name not in _EXPORTS:
        raise AttributeError(f"module 'datamodules.drivers' has no attribute {name!r}")
    return getattr(import_module(_EXPORTS[name]), name)
