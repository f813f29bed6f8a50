"""What every kind of data has in common: it is read as it is written, and then settled."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from datamodules.options import DataOptions
from datamodules.tables.class_map import map_classes
from datamodules.tables.corrections import apply_corrections
from datamodules.tables.manifest import RawTable
from datamodules.tables.settle import build_table
from datamodules.tables.table import ImageTable


@dataclass(kw_only=True)
class ImageSource(DataOptions, ABC):
    """Options of a kind of data that can be read; a subclass says how its rows are found."""

    @abstractmethod
    def read_raw(self, notes: list[str]) -> RawTable:
        """Read the rows as they are written; ``notes`` takes what is to be said.

        Raises:
            ValueError: They cannot be read; all mistakes of one kind are listed.
        """

    def read_mapped(self, notes: list[str]) -> RawTable:
        """Read the rows with the class names that are meant; see ``read_raw``."""
        raw = self.read_raw(notes)
        return map_classes(raw, self.class_map, notes) if self.class_map else raw

    def read(self, seed: int, model_classes: Sequence[str] | None = None) -> ImageTable:
        """Read and check the images.

        Args:
            seed: Of a split that has to be made.
            model_classes: See ``build_table``.

        Raises:
            ValueError: The source has mistakes; all of one kind are listed.
        """
        notes: list[str] = []
        table = build_table(self.read_mapped(notes), self, seed, model_classes)
        table.notes[:0] = notes
        if self.corrections is not None:
            return apply_corrections(table, Path(self.corrections).expanduser())
        return table
