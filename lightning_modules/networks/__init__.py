"""Plain torch: backbone, mask source, gates. Nothing here imports Lightning or Hydra."""

from importlib import import_module

_EXPORTS = {
    "Backbone": "lightning_modules.networks.backbone",
    "MaskSource": "lightning_modules.networks.mask_source",
    "ROINetwork": "lightning_modules.networks.roi_network",
}
__all__ = sorted(_EXPORTS)


def __getattr__(name: str) -> object:
    if name not in _EXPORTS:
        raise AttributeError(f"module 'lightning_modules.networks' has no attribute {name!r}")
    return getattr(import_module(_EXPORTS[name]), name)
