"""COCO: one JSON file of ``images``, ``annotations`` and ``categories``, or a list of results.

Results are what detectors write, ``[{image_id, category_id, bbox, score}]``: their images have
numbers and no names.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from datamodules.annotations.coco_shapes import (
    check_runs_fit,
    read_coco_boxes,
    read_coco_shapes,
)
from datamodules.annotations.found import Annotations
from datamodules.annotations.records import (
    TEXT,
    check_records,
    load_json,
    shorten,
    take,
    take_optional_numbers,
)
from datamodules.annotations.shapes import Shape
from datamodules.problems import list_some, raise_problems

Records = list[dict[str, Any]]
IDENTITY = (int, str)
WHAT_ID = "a number or text"
KNOWN = {"id", "file_name", "width", "height", "license", "flickr_url", "coco_url"}


def is_coco(content: Any) -> bool:  # noqa: ANN401
    """Whether this looks like COCO's format or a list of its results."""
    if isinstance(content, dict):
        return "annotations" in content or "images" in content
    first = content[0] if isinstance(content, list) and content else None
    return isinstance(first, dict) and "image_id" in first


def load_coco(path: Path, with_shapes: bool) -> Any:  # noqa: ANN401
    """Read a JSON file that may be COCO; polygons only if they are wanted, or stand for boxes."""
    content = load_json(path, without_polygons=not with_shapes)
    annotations = content.get("annotations") if isinstance(content, dict) else None
    lacking = isinstance(annotations, list) and any(
        isinstance(one, dict) and "bbox" not in one for one in annotations
    )
    return load_json(path) if lacking and not with_shapes else content


def read_coco(content: Any, name: str, with_shapes: bool) -> Annotations:  # noqa: ANN401
    """Check and convert the content of a file.

    Args:
        content: As JSON gave it.
        name: Of the file.
        with_shapes: Whether ``segmentation`` is wanted, too.

    Raises:
        ValueError: Something is missing or wrong; all is listed with its index.
    """
    problems: list[str] = []
    results = isinstance(content, list)
    parts = {"annotations": content} if results else content
    _check_layout(parts, results, name)
    annotations = parts["annotations"]
    owners = take(annotations, "image_id", IDENTITY, WHAT_ID, "annotations", problems)
    kinds = take(annotations, "category_id", IDENTITY, WHAT_ID, "annotations", problems, None)
    raise_problems(problems, name)
    if results:
        images = [{"id": owner, "file_name": str(owner)} for owner in dict.fromkeys(owners)]
    else:
        images = parts["images"]
    names, sizes = _read_images(images, problems)
    raise_problems(problems, name)
    index = _index(owners, [image["id"] for image in images], "image_id", "images", problems)
    labels = _name_categories(kinds, parts.get("categories"), problems)
    shapes: Sequence[Shape | None] = ()
    if with_shapes or not all("bbox" in annotation for annotation in annotations):
        shapes = read_coco_shapes(annotations, problems)
        if not problems:
            check_runs_fit(shapes, sizes[index], problems)
    boxes = read_coco_boxes(annotations, shapes, problems)
    scores = take_optional_numbers(annotations, "score", "annotations", problems)
    raise_problems(problems, name)
    return Annotations(
        name=name,
        format="COCO results" if results else "COCO",
        names=pa.array(names, pa.string()),
        sizes=sizes,
        image=index,
        labels=pa.array(labels, pa.string()),
        boxes=boxes,
        scores=scores,
        detected=results or bool(np.isfinite(scores).any()),
        numbered=results and all(type(owner) is int for owner in owners),
        shapes=shapes if with_shapes else (),
        attributes=_read_attributes(annotations),
        columns=_read_columns(images),
    )


def _check_layout(parts: dict[str, Any], results: bool, name: str) -> None:
    """Whether the lists are there, and lists of objects."""
    problems: list[str] = []
    wanted = ("annotations",) if results else ("images", "annotations")
    missing = [key for key in wanted if key not in parts]
    if missing:
        raise ValueError(
            f"{name} looks like COCO and has no {list_some(missing)}. Expected the keys images, "
            f"annotations, categories; found {list_some(list(parts))}."
        )
    wanted += ("categories",) if "categories" in parts else ()
    for key in wanted:
        check_records(parts[key], key, problems)
    raise_problems(problems, name)


def _read_images(images: Records, problems: list[str]) -> tuple[list[str], np.ndarray]:
    ids = take(images, "id", IDENTITY, WHAT_ID, "images", problems)
    names = take(images, "file_name", TEXT, "text", "images", problems)
    sides = [take_optional_numbers(images, key, "images", problems) for key in ("width", "height")]
    if not problems:
        _find_repeated(ids, "id", problems)
        _find_repeated(names, "file_name", problems)
    sizes = np.stack(sides, axis=1)
    problems += [
        f"images[{row}]: width and height are {sizes[row]}, expected at least 1 pixel"
        for row in np.flatnonzero((sizes < 1).any(axis=1)).tolist()
    ]
    return names, sizes


def _find_repeated(values: list[Any], key: str, problems: list[str]) -> None:
    if len(set(values)) == len(values):
        return
    first: dict[Any, int] = {}
    for index, value in enumerate(values):
        before = first.setdefault(value, index)
        if before != index:
            problems.append(f"images[{index}]: {key} {value!r} is that of images[{before}] as well")


def _index(
    values: list[Any], known: list[Any], key: str, where: str, problems: list[str]
) -> np.ndarray:
    """Place of each value among the known ones, (N,)."""
    places = {value: place for place, value in enumerate(known)}
    index = np.array([places.get(value, -1) for value in values], np.int64)
    problems += [
        f"annotations[{row}]: {key} {shorten(values[row])} is not the id of any of {where}"
        for row in np.flatnonzero(index < 0).tolist()
    ]
    return index


def _name_categories(
    kinds: list[Any], categories: Records | None, problems: list[str]
) -> list[str]:
    if categories is None:
        return ["" if kind is None else str(kind) for kind in kinds]
    own: list[str] = []
    ids = take(categories, "id", IDENTITY, WHAT_ID, "categories", own)
    names = take(categories, "name", TEXT, "text", "categories", own)
    if not own and len(set(ids)) < len(ids):
        own.append(f"categories give one id twice: {list_some(ids)}")
    problems += own
    if own:
        return []
    by_id = dict(zip(ids, names, strict=True)) | {None: ""}
    _index(kinds, list(by_id), "category_id", "categories", problems)
    return [by_id.get(kind, "") for kind in kinds]


def _read_attributes(annotations: Records) -> list[dict[str, str]]:
    if not any("attributes" in annotation for annotation in annotations):
        return []
    return [_as_texts(annotation.get("attributes")) for annotation in annotations]


def _as_texts(values: Any) -> dict[str, str]:  # noqa: ANN401
    if not isinstance(values, dict):
        return {}
    return {key: str(v) for key, v in values.items() if isinstance(v, str | int | float)}


def _read_columns(images: Records) -> dict[str, list[str]]:
    """What else the images say of themselves: text and numbers."""
    keys = dict.fromkeys(key for image in images for key in image if key not in KNOWN)
    columns = {key: [image.get(key) for image in images] for key in keys}
    plain = (str, int, float, bool, type(None))
    return {
        key: ["" if value is None else str(value) for value in values]
        for key, values in columns.items()
        if set(map(type, values)) <= set(plain)
    }
