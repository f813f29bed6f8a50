"""Outlines and masks of annotations, drawn once as mask files and kept."""

import hashlib
import os
import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple

import numpy as np
from PIL import Image

from datamodules.annotations.found import Annotations
from datamodules.annotations.shapes import rectangle
from datamodules.annotations.stated_sizes import find_size
from datamodules.files.unreadable import MOST_PIXELS, say_too_large
from datamodules.progress import show_progress

FORMAT = "1"  # of what is drawn; another one makes new files
PER_FOLDER = 1000


class Drawing(NamedTuple):
    """One mask to be drawn: its file, its image and the number of it, indices of annotations."""

    path: Path
    image: Path
    number: int
    annotations: np.ndarray


def key_of(source: Path, suffixes: Sequence[str], *settings: object) -> str:
    """What the masks of some annotations depend on, as the name of their folder.

    Args:
        source: The file, or the folder whose files of these suffixes count.
        suffixes: In lower case.
        settings: What else decides what is drawn.
    """
    digest = hashlib.sha256(repr((FORMAT, settings)).encode())
    if source.is_file():
        with source.open("rb") as file:
            digest.update(hashlib.file_digest(file, "sha256").digest())
    else:
        for path in sorted(p for p in source.rglob("*") if p.suffix.lower() in suffixes):
            stat = path.stat()
            line = (path.relative_to(source).as_posix(), stat.st_size, stat.st_mtime_ns)
            digest.update(repr(line).encode())
    return digest.hexdigest()[:16]


def draw_regions(
    found: Annotations,
    names: Sequence[str],
    region: np.ndarray,
    images: Sequence[Path],
    rows: np.ndarray,
    folder: Path,
) -> dict[str, np.ndarray]:
    """Draw the regions that are more than boxes; what is there already stays.

    Args:
        found: Annotations with their shapes.
        names: Of the regions.
        region: (A,) int64 index into ``names``, -1 of what is left out.
        images: (M,) files of the annotated images, read where their size is not stated.
        rows: Annotated images that are wanted.
        folder: Where the masks go.

    Returns:
        Region name to (M,) paths, "" where an image has none.

    Raises:
        ValueError: The size of an image is not known.
    """
    outlined = np.array([shape is not None for shape in found.shapes], bool)
    drawings, masks = [], {}
    for index in np.unique(region[outlined & (region >= 0)]).tolist():
        paths = np.full(len(images), "", object)
        for image, annotations in _by_image(found, np.flatnonzero(region == index), rows):
            path = folder / names[index] / str(image // PER_FOLDER) / f"{image}.png"
            drawings.append(Drawing(path, images[image], image, annotations))
            paths[image] = path.as_posix()
        masks[names[index]] = paths
    draw_masks(found, drawings)
    return masks


def _by_image(
    found: Annotations, chosen: np.ndarray, rows: np.ndarray
) -> list[tuple[int, np.ndarray]]:
    """Annotated images among the rows, each with its annotations."""
    chosen = chosen[np.isin(found.image[chosen], rows)]
    order = chosen[np.argsort(found.image[chosen], kind="stable")]
    images, starts = np.unique(found.image[order], return_index=True)
    return list(zip(images.tolist(), np.split(order, starts[1:]), strict=True))


def draw_masks(found: Annotations, drawings: Sequence[Drawing]) -> None:
    """Draw the masks that are not there yet, in parallel, each whole or not at all."""
    waiting = [drawing for drawing in drawings if not drawing.path.is_file()]
    for folder in dict.fromkeys(drawing.path.parent for drawing in waiting):
        folder.mkdir(parents=True, exist_ok=True)
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        drawn = pool.map(lambda drawing: _draw(found, drawing), waiting)
        for _ in show_progress(drawn, len(waiting), "Drawing masks"):
            pass


def _draw(found: Annotations, drawing: Drawing) -> None:
    size = found.sizes[drawing.number]
    if np.isnan(size).any():
        found_size = find_size(str(drawing.image))
        size = found_size and found_size[::-1]
    if size is None:
        raise ValueError(
            f"{found.name} does not state the size of {drawing.image}, and it cannot be opened: "
            "its outlines cannot be drawn. Give data.images, or width and height in the file."
        )
    if size[0] * size[1] > MOST_PIXELS:
        raise ValueError(
            f"{found.name}: {drawing.image} "
            + say_too_large(f"is said to be {size[0]:g} x {size[1]:g} pixels")
        )
    mask = np.zeros((int(size[1]), int(size[0])), bool)
    for index in drawing.annotations.tolist():
        shape = found.shapes[index]
        (rectangle(*found.boxes[index]) if shape is None else shape).draw(mask)
    write_mask(mask, drawing.path)


def write_mask(mask: np.ndarray, path: Path) -> None:
    """Write (H, W) bool as a PNG file, whole or not at all."""
    beside = path.with_name(f".{path.name}.{os.getpid()}.{threading.get_ident()}")
    Image.fromarray(mask).save(beside, format="PNG", compress_level=1)
    os.replace(beside, path)
