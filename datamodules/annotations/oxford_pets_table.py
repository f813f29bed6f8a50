"""Oxford-IIIT Pet, cats and dogs of 37 breeds with trimaps, in the layout that torchvision keeps.

``images/<id>.jpg``, ``annotations/trainval.txt`` and ``test.txt`` (id, breed, species, number of
the breed), ``annotations/trimaps/<id>.png``: 1 the animal, 2 background, 3 a rim between them that
nobody classified. The animals have no names: two photographs of one are not known to be.
"""

import os
import re
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pyarrow as pa

from datamodules.annotations.mask_files import key_of, write_mask
from datamodules.files.opening import open_file
from datamodules.files.pictures import open_picture
from datamodules.files.unreadable import UnreadableImage, reading
from datamodules.problems import raise_problems
from datamodules.progress import show_progress
from datamodules.tables.manifest import RawTable

LISTS = {"trainval.txt": "train", "test.txt": "test"}
NAME = re.compile(r"[\w.-]*_[\w.-]*")  # no path: a mask of this name is written
SPECIES = {"1": "cat", "2": "dog"}
ANIMAL, BACKGROUND, RIM = 1, 2, 3


def read_pets(folder: Path, target: str, rim_inside: bool, cache: Path) -> RawTable:
    """List the images with class, split and mask.

    Args:
        folder: Of ``images`` and ``annotations``.
        target: ``breed`` or ``cat_dog``.
        rim_inside: Whether the rim is inside.
        cache: Folder of masks.

    Raises:
        ValueError: A list or a trimap is not as expected; all are named.
    """
    problems: list[str] = []
    rows = [
        row
        for name, split in LISTS.items()
        for row in _read_list(folder / "annotations" / name, split, problems)
    ]
    raise_problems(problems, str(folder))
    if not rows:
        raise ValueError(f"{folder}: its lists {' and '.join(LISTS)} name no image.")
    trimaps = folder / "annotations" / "trimaps"
    place = cache / key_of(trimaps, (".png",), "trimap", rim_inside)
    masks = _convert(trimaps, [row["id"] for row in rows], rim_inside, place)
    columns = {key: [row[key] for row in rows] for key in rows[0]}
    columns["label"] = columns["breed" if target == "breed" else "species"]
    columns["image"] = [f"images/{name}.jpg" for name in columns["id"]]
    columns["mask"] = masks
    return RawTable(pa.table(columns), {}, False, (folder, cache), "Oxford-IIIT pets", 1)


def _read_list(path: Path, split: str, problems: list[str]) -> list[dict[str, str]]:
    rows = []
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1):
        words = line.split()
        if not words or line.startswith("#"):
            continue
        if len(words) != 4 or words[2] not in SPECIES or not NAME.fullmatch(words[0]):
            problems.append(
                f"{path.name} line {number} is {line[:60]!r}, expected <Breed>_<number>, the "
                "number of the breed, 1 (cat) or 2 (dog), and a number within the species"
            )
            continue
        breed = words[0].rpartition("_")[0]
        rows.append({"id": words[0], "breed": breed, "species": SPECIES[words[2]], "split": split})
    return rows


def _convert(trimaps: Path, names: list[str], rim_inside: bool, place: Path) -> list[str]:
    """Masks of trimaps, written once; "" where there is no trimap."""
    place.mkdir(parents=True, exist_ok=True)
    masks = {name: place / f"{name}.png" for name in names if (trimaps / f"{name}.png").is_file()}
    waiting = [name for name, mask in masks.items() if not mask.is_file()]

    def convert(name: str) -> str | None:
        try:
            with (
                reading(f"{name}.png"),
                open_file(str(trimaps / f"{name}.png")) as stream,
                open_picture(stream, f"{name}.png") as picture,
            ):
                values = np.asarray(picture)
        except UnreadableImage as error:
            return str(error)
        if values.ndim != 2 or not np.isin(values, (ANIMAL, BACKGROUND, RIM)).all():
            return f"{name}.png has other values than 1 (animal), 2 (background), 3 (rim)"
        write_mask((values == ANIMAL) | (rim_inside & (values == RIM)), masks[name])
        return None

    with ThreadPoolExecutor(os.cpu_count()) as pool:
        done = show_progress(pool.map(convert, waiting), len(waiting), "Converting trimaps")
        raise_problems([problem for problem in done if problem], str(trimaps))
    return [masks[name].as_posix() if name in masks else "" for name in names]
