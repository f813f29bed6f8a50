"""Reads a table whose mistakes would stop a training, so that its files are examined as well."""

from pathlib import Path

from datamodules.doctor.findings import Finding, Level
from datamodules.options import DataOptions
from datamodules.sources import FolderData, ManifestData
from datamodules.tables.folder import read_folder
from datamodules.tables.manifest import read_manifest
from datamodules.tables.table import ImageTable


def read_leniently(options: DataOptions, seed: int) -> tuple[ImageTable, Finding | None]:
    """Read a table; where only its splits, groups or pairs are wrong, as it is, and say so.

    Args:
        options: What the user said of the data.
        seed: Of a split that has to be made.

    Raises:
        ValueError: It cannot be read at all.
    """
    try:
        return options.read(seed), None
    except ValueError as error:
        classes = _find_classes(options)
        if classes is None:
            raise
        try:
            # as for a model of these classes: a split that is given is taken as it stands
            table = options.read(seed, classes)
        except ValueError:
            raise error from None
        head, *lines = str(error).splitlines()
    return table, Finding(
        Level.ERROR,
        "mistakes in the table",
        f"No training can start: {head}",
        max(len(lines), 1),
        [line.strip() for line in lines],
    )


def _find_classes(options: DataOptions) -> list[str] | None:
    """The words of the labels; None: of a source that is not known here, or without labels."""
    try:
        if isinstance(options, ManifestData):
            root = None if options.root is None else str(Path(options.root).expanduser())
            manifest = Path(options.manifest).expanduser()
            raw = read_manifest(manifest, root, options.box_format)
        elif isinstance(options, FolderData):
            masks = None if options.masks is None else Path(options.masks).expanduser()
            raw = read_folder(Path(options.images).expanduser(), masks)
        else:
            return None
    except ValueError:
        return None
    return sorted(raw.columns["label"].unique().to_pylist())
