"""Sources of images: what each kind asks of the user, and the table that it becomes.

Nothing here imports torch: data and options are checked before the slow part starts. Every source
has ``read(seed)``, which raises ValueError with all mistakes of one kind. With ``model_classes`` it
gives the table that a model of these classes, in the order of its outputs, is evaluated on.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from datamodules.drivers import write_drivers
from datamodules.options import DataOptions
from datamodules.tables.folder import read_folder
from datamodules.tables.manifest import read_manifest
from datamodules.tables.settle import build_table
from datamodules.tables.shards import read_shards
from datamodules.tables.table import ImageTable


@dataclass(kw_only=True)
class ManifestData(DataOptions):
    """A table of images, CSV or Parquet (see ``datamodules.tables.manifest``).

    Args:
        manifest: Path of the table.
        root: Folder that the table's paths are relative to; None takes the manifest's own.
    """

    manifest: str
    root: str | None = None

    def read(self, seed: int, model_classes: Sequence[str] | None = None) -> ImageTable:
        """Read and check the images; ``seed`` is that of a split that has to be made."""
        root = None if self.root is None else str(Path(self.root).expanduser())
        source = read_manifest(Path(self.manifest).expanduser(), root, self.box_format)
        return build_table(source, self, seed, model_classes)


@dataclass(kw_only=True)
class FolderData(DataOptions):
    """One folder a class, directly or below ``train/ val/ test/``.

    Args:
        images: The folder that holds the class folders.
        masks: A folder that mirrors it with one mask an image; None: no ROI.
    """

    images: str
    masks: str | None = None

    def read(self, seed: int, model_classes: Sequence[str] | None = None) -> ImageTable:
        """Read and check the images; ``seed`` is that of a split that has to be made."""
        masks = None if self.masks is None else Path(self.masks).expanduser()
        source = read_folder(Path(self.images).expanduser(), masks)
        return build_table(source, self, seed, model_classes)


@dataclass(kw_only=True)
class ShardsData(DataOptions):
    """Tars in WebDataset's layout (see ``datamodules.tables.shards``).

    Args:
        shards: A folder of uncompressed tars, a tar or a pattern, one or several.
    """

    shards: str | Sequence[str]

    def read(self, seed: int, model_classes: Sequence[str] | None = None) -> ImageTable:
        """Read and check the images; ``seed`` is that of a split that has to be made."""
        shards = [self.shards] if isinstance(self.shards, str) else list(self.shards)
        source = read_shards(shards, self.box_format)
        return build_table(source, self, seed, model_classes)


@dataclass(kw_only=True)
class DriversData(DataOptions):
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

    def read(self, seed: int, model_classes: Sequence[str] | None = None) -> ImageTable:
        """Read and check the images; ``seed`` is that of a split that has to be made."""
        if not 0 <= self.agreement <= 1:
            raise ValueError(f"data.agreement is {self.agreement}, expected between 0 and 1")
        folder = Path(self.folder) / f"seed_{self.data_seed}_agreement_{self.agreement:g}"
        manifest = write_drivers(folder, seed=self.data_seed, agreement=self.agreement)
        return build_table(read_manifest(manifest, None, "xyxy"), self, seed, model_classes)
