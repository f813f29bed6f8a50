"""A file of annotations as a source of its own: images, classes and regions all come from it."""

from pathlib import Path

import numpy as np
import pyarrow as pa

from datamodules.annotations.found import Annotations
from datamodules.annotations.joining import join_boxes
from datamodules.annotations.labels import read_labels
from datamodules.annotations.mask_files import draw_regions, key_of
from datamodules.annotations.matching import match_names
from datamodules.annotations.options import BoxOptions
from datamodules.annotations.reading import SUFFIXES, read_annotations
from datamodules.annotations.region_names import keep_class_out, name_regions
from datamodules.annotations.stated_sizes import check_sizes
from datamodules.problems import list_some
from datamodules.tables.boxes import region_of
from datamodules.tables.folder import IMAGE_SUFFIXES
from datamodules.tables.manifest import RawTable

OUR_COLUMNS = ("image", "label", "id", "roi_source")


def read_labelled(
    path: Path,
    images: Path | None,
    label_from: str | None,
    options: BoxOptions,
    mask_cache: Path,
    notes: list[str],
) -> RawTable:
    """Read annotated images with their classes and regions.

    Args:
        path: Annotations, a file or a folder.
        images: The folder that names of images are relative to; None takes that of ``path``.
        label_from: What tells the class, as ``read_labels``.
        options: What becomes of the boxes; ``box_regions`` also of outlines and masks.
        mask_cache: Folder in which outlines and masks are kept as files.
        notes: Takes what is to be said.

    Raises:
        ValueError: The annotations are wrong, or do not tell one class an image.
    """
    found = read_annotations(path, "data.annotations", options.box_format, with_shapes=True)
    folder = images if images is not None else path if path.is_dir() else path.parent
    if not folder.is_dir():
        raise ValueError(f"data.images: there is no folder {folder}.")
    folder = folder.resolve()
    labels, told_by = read_labels(found, label_from)
    notes.append(f"The classes are the {told_by} of {found.name} (data.label_from).")
    files = _find_files(found, folder, notes)
    rows = _find_labelled(found, labels, told_by, notes)
    wanted = keep_class_out(found, options.box_regions, np.unique(labels).tolist(), notes)
    joined = join_boxes(found.names, found, wanted, options.box_join, options.box_min_score)
    columns = {"image": files, "label": labels, **_free_columns(found)}
    detected = found.detected if options.box_source is None else options.box_source == "detected"
    if detected:
        columns["roi_source"] = ["detected"] * len(files)
    names, region = name_regions(found, wanted, [])
    region = np.where(found.scores < options.box_min_score, -1, region)
    # where a size is not stated, that of the image decides what is drawn
    images_of = str(folder) if np.isnan(found.sizes).any() else ""
    key = key_of(path, SUFFIXES, wanted, options.box_min_score, images_of)
    place = mask_cache.resolve() / key
    masks = draw_regions(found, names, region, [folder / file for file in files], rows, place)
    if masks and options.box_join == "best":
        raise ValueError(
            f"data.box_join=best chooses among boxes, and {found.name} has outlines of "
            f"{list_some(list(masks))}, which are united. Leave it out."
        )
    columns |= {f"mask_{name}": paths for name, paths in masks.items()}
    notes += [*joined.notes[1:], *(joined.several[n] for n in joined.several if n not in masks)]
    boxes = {name: own[rows] for name, own in joined.boxes.items() if name not in masks}
    texts = {key: pa.array(list(values), pa.string()) for key, values in columns.items()}
    table = pa.table(texts).take(pa.array(rows))
    roots = (folder, mask_cache.resolve())
    raw = RawTable(table, boxes, found.normalized, roots, found.name, 1)
    check_sizes(raw, found, rows)
    return raw


def _find_labelled(
    found: Annotations, labels: np.ndarray, told_by: str, notes: list[str]
) -> np.ndarray:
    """Indices of the images that have a class; the others are counted."""
    rows = np.flatnonzero(labels != "")
    if not len(rows):
        raise ValueError(f"{found.name}: no image has a {told_by}, and so none has a class.")
    if len(rows) < len(labels):
        lost = found.names.take(pa.array(np.flatnonzero(labels == "")[:3])).to_pylist()
        notes.append(
            f"{len(labels) - len(rows)} of {len(labels)} images are left out; they have no "
            f"{told_by}, and so no class: {list_some(lost)}."
        )
    return rows


def _free_columns(found: Annotations) -> dict[str, list[str]]:
    """What the file says of its images, as far as no column of ours is called that."""
    return {
        key: values
        for key, values in found.columns.items()
        if key not in OUR_COLUMNS
        and not any(region_of(key, kind) for kind in ("mask", "box", "distractor"))
    }


def _find_files(found: Annotations, folder: Path, notes: list[str]) -> np.ndarray:
    """(M,) paths relative to the folder: as the file has them, else found by their ends."""
    names = [name.replace("\\", "/") for name in found.names.to_pylist()]
    if (folder / names[0]).is_file():
        return np.array(names, object)
    paths = sorted(path for path in folder.rglob("*") if path.suffix.lower() in IMAGE_SUFFIXES)
    if not paths:
        raise ValueError(f"data.images: {folder} holds no images. {found.name} names {names[0]}.")
    files = np.array([path.relative_to(folder).as_posix() for path in paths], object)
    match = match_names(pa.array(files.tolist()), found.names, found.numbered, found.name)
    result = np.array(names, object)  # what is not found is named by the check of all files
    result[match.names[match.names >= 0]] = files[match.names >= 0]
    notes.append(f"The images of {found.name} were found in {folder} by {match.rule}.")
    return result
