"""Where decoded images are kept, so that later epochs and runs need not decode them again."""

import logging
import os
import shutil
from dataclasses import dataclass, field
from pathlib import Path

from datamodules.loading.cached_preparation import RECORDS, CachedPreparation
from datamodules.loading.preparation import Preparation

log = logging.getLogger(__name__)

GIGABYTE = 2**30
# of the disk that is free: the rest is other people's
MOST_OF_DISK = 0.9


@dataclass
class ImageCache:
    """Where prepared images are kept.

    Args:
        folder: Holds a folder for each table and size.
        most_gigabytes: Of all of them together; what was not used longest goes first.
        in_use: Files of this run and the bytes that it wants in each; these never go.
        declined: Whether it was said that there is no room.
    """

    folder: Path
    most_gigabytes: float
    in_use: dict[Path, int] = field(default_factory=dict)
    declined: bool = False

    def keep(self, preparation: Preparation, num_rows: int) -> "Preparation | CachedPreparation":
        """A preparation that decodes once, or the same one where ``num_rows`` would not fit."""
        cached = CachedPreparation(preparation, self.folder)
        needed = num_rows * cached.record.itemsize
        try:
            obstacle = self._find_obstacle(cached.file, needed)
            if obstacle is None:
                cached.make_file()
        except OSError as error:
            obstacle = f"{self.folder} cannot be written ({error})"
        if obstacle is not None:
            return self._decline(preparation, needed, obstacle)
        self.in_use[cached.file] = max(needed, self.in_use.get(cached.file, 0))
        return cached

    def _find_obstacle(self, file: Path, needed: int) -> str | None:
        """Make room for so many bytes of a file; None, or why there is none."""
        others = sum(size for path, size in self.in_use.items() if path != file)
        if needed + others > self.most_gigabytes * GIGABYTE:
            used = f", of which this run uses {others / GIGABYTE:.1f} already" if others else ""
            return f"data.cache_gigabytes is {self.most_gigabytes:g}{used}"
        self.folder.mkdir(parents=True, exist_ok=True)
        there = _bytes_on_disk(file.stat()) if file.is_file() else 0
        self._make_room(file, max(needed, there) + others)
        free = shutil.disk_usage(self.folder).free
        if needed - there > MOST_OF_DISK * free:
            return f"{self.folder} has {free / GIGABYTE:.1f} GB free"
        return None

    def _decline(self, preparation: Preparation, needed: int, why: str) -> Preparation:
        said = log.debug if self.declined else log.warning
        self.declined = True
        said(
            "Images are decoded in every epoch: a cache of them takes %.1f GB, and %s. Give it "
            "room (data.cache=<folder>, data.cache_gigabytes=%d), or say data.cache=off.",
            needed / GIGABYTE,
            why,
            -(-needed // GIGABYTE),
        )
        return preparation

    def _make_room(self, file: Path, needed: int) -> None:
        """Remove what was not used longest until so many bytes of this run are within the limit."""
        kept = {file, *self.in_use}
        paths = [path for path in self.folder.glob(f"*/{RECORDS}") if path not in kept]
        files = [(path.stat(), path) for path in paths]
        total = needed + sum(_bytes_on_disk(stat) for stat, _ in files)
        for stat, path in sorted(files, key=lambda item: item[0].st_mtime):
            if total <= self.most_gigabytes * GIGABYTE:
                return
            # who still reads it keeps what was removed, where the system allows its removal at all
            shutil.rmtree(path.parent, ignore_errors=True)
            total -= _bytes_on_disk(stat)


def _bytes_on_disk(stat: os.stat_result) -> int:
    """Of a file whose unwritten parts take none, where the system says so."""
    return stat.st_blocks * 512 if hasattr(stat, "st_blocks") else stat.st_size
