"""Sources of images: what each kind asks of the user, and the table that it becomes.

Nothing here imports torch: data and options are checked before the slow part starts.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from datamodules.drivers import write_drivers
from datamodules.tables.folder import read_folder
from datamodules.tables.manifest import RawTable, read_manifest
from datamodules.tables.shards import read_shards
from datamodules.tables.source import ImageSource


@dataclass(kw_only=True)
class ManifestData(ImageSource):
    """A table of images, CSV or Parquet (see ``datamodules.tables.manifest``).

    Args:
        manifest: Path of the table.
        root: Folder that the table's paths are relative to; None takes the manifest's own.
    """

    manifest: str
    root: str | None = None

    def read_raw(self, notes: list[str]) -> RawTable:  # noqa: D102
        root = None if self.root is None else str(Path(self.root).expanduser())
        return read_manifest(Path(self.manifest).expanduser(), root, self.box_format)


@dataclass(kw_only=True)
class FolderData(ImageSource):
    """One folder a class, directly or below ``train/ val/ test/``.

    Args:
        images: The folder that holds the class folders.
        masks: A folder that mirrors it with one mask an image; None: no ROI.
    """

    images: str
    masks: str | None = None

    def read_raw(self, notes: list[str]) -> RawTable:  # noqa: D102
        masks = None if self.masks is None else Path(self.masks).expanduser()
        return read_folder(Path(self.images).expanduser(), masks)


@dataclass(kw_only=True)
class ShardsData(ImageSource):
    """Tars in WebDataset's layout (see ``datamodules.tables.shards``).

    Args:
        shards: A folder of uncompressed tars, a tar or a pattern, one or several.
    """

    shards: str | Sequence[str]

    def read_raw(self, notes: list[str]) -> RawTable:  # noqa: D102
        shards = [self.shards] if isinstance(self.shards, str) else list(self.shards)
        return read_shards(shards, self.box_format)


@dataclass(kw_only=True)
class DriversData(ImageSource):
    """The embedded demo, written once to disk and then read like any manifest.

    Args:
        folder: Where it is kept.
        agreement: Share in [0, 1] of training and validation images whose cabin agrees with the
            label; in the test it is always independent.
        data_seed: Of the drawings.
    """

    folder: str
    agreement: float = 0.95
    data_seed: int = 0

    def read_raw(self, notes: list[str]) -> RawTable:  # noqa: D102
        if not 0 <= self.agreement <= 1:
            raise ValueError(f"data.agreement is {self.agreement}, expected between 0 and 1")
        folder = Path(self.folder) / f"seed_{self.data_seed}_agreement_{self.agreement:g}"
        manifest = write_drivers(folder, seed=self.data_seed, agreement=self.agreement)
        return read_manifest(manifest, None, "xyxy")
