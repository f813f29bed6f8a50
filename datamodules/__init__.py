"""From files to batches: sources, splits, regions, transforms, loaders."""

from importlib import import_module

_EXPORTS = {
    "AnnotatedData": "datamodules.annotations.source",
    "DriversData": "datamodules.sources",
    "FolderData": "datamodules.sources",
    "ManifestData": "datamodules.sources",
    "OxfordPetsData": "datamodules.annotations.oxford_pets",
    "ROIDataModule": "datamodules.datamodule",
    "ShardsData": "datamodules.sources",
}
__all__ = sorted(_EXPORTS)


def __getattr__(name: str) -> object:
    if name not in _EXPORTS:
        raise AttributeError(f"module 'datamodules' has no attribute {name!r}")
    return getattr(import_module(_EXPORTS[name]), name)
