"""Oxford-IIIT Pet as a source: found, or fetched by torchvision, and read."""

import os
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from datamodules.annotations.oxford_pets_table import LISTS, read_pets
from datamodules.problems import raise_problems
from datamodules.tables.manifest import RawTable
from datamodules.tables.source import ImageSource

BASE = "oxford-iiit-pet"  # torchvision's name of it below its root


@dataclass(kw_only=True)
class OxfordPetsData(ImageSource):
    """Pets with their trimaps as ROI; its own test split, validation is made of the rest.

    Args:
        folder: The data set, or the folder that torchvision keeps it in.
        download: Whether to fetch it (0.8 GB) where it is not there.
        target: The class: ``breed``, or ``cat_dog``.
        rim_inside: Whether the rim that nobody classified counts as the animal's.
        mask_cache: Folder in which the trimaps are kept as masks; may be deleted.
    """

    folder: str
    download: bool = False
    target: Literal["breed", "cat_dog"] = "breed"
    rim_inside: bool = False
    mask_cache: str

    def read_raw(self, notes: list[str]) -> RawTable:  # noqa: D102
        folder = find_pets(Path(self.folder).expanduser(), self.download)
        return read_pets(folder, self.target, self.rim_inside, Path(self.mask_cache).resolve())


def find_pets(folder: Path, download: bool) -> Path:
    """The folder of ``images`` and ``annotations``, fetched first if that is wanted.

    Raises:
        ValueError: It is not there, or cannot be fetched.
    """
    places = (folder, folder / BASE)
    found = next((place for place in places if (place / "annotations").is_dir()), None)
    if found is None and download:
        fetch_pets(folder)
        found = folder / BASE
    if found is None:
        raise ValueError(
            f"data.folder: {folder} does not hold the Oxford-IIIT pets. Expected the folders "
            f"images and annotations in it or in {BASE}; data.download=true fetches them (0.8 GB)."
        )
    names = ("images", "annotations/trimaps", *(f"annotations/{name}" for name in LISTS))
    missing = [f"there is no {name}" for name in names if not (found / name).exists()]
    raise_problems(missing, f"the Oxford-IIIT pets in {found}, as torchvision keeps them")
    return found.resolve()


def fetch_pets(folder: Path) -> None:
    """Let torchvision download the data set, whole or not at all.

    Raises:
        ValueError: It cannot be fetched.
    """
    from torchvision.datasets import OxfordIIITPet  # 4 s

    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=f".{BASE}-", dir=folder) as workplace:
        try:
            OxfordIIITPet(workplace, download=True)
        except (OSError, RuntimeError, EOFError) as error:  # no network, a broken archive
            raise ValueError(
                f"data.download: the Oxford-IIIT pets cannot be fetched: {error}. Nothing was "
                "kept. Check the network and try again, or fetch images.tar.gz and "
                f"annotations.tar.gz elsewhere and unpack both in {folder / BASE}."
            ) from error
        made = Path(workplace) / BASE
        for archive in made.glob("*.tar.gz"):
            archive.unlink()
        os.replace(made, folder / BASE)
