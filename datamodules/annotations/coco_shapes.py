"""Boxes and segmentations of COCO's annotations."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from datamodules.annotations.records import HIGHEST, is_numbers, shorten, take_numbers
from datamodules.annotations.rle import check_runs, unpack_counts
from datamodules.annotations.shapes import Outline, Runs, Shape

Records = list[dict[str, Any]]


def read_coco_boxes(
    annotations: Records, shapes: Sequence[Shape | None], problems: list[str]
) -> np.ndarray:
    """(A, 4) corners; where there is no bbox, those of the segmentation."""
    values = [annotation.get("bbox") for annotation in annotations]
    if shapes:
        values = [
            _bounds(shape) if value is None and shape is not None else value
            for value, shape in zip(values, shapes, strict=True)
        ]
    boxes = take_numbers(values, 4, "annotations[{}]: bbox".format, problems)
    problems += [
        f"annotations[{row}]: bbox is {values[row]}, expected x, y, width, height with width and "
        "height from 0 up"
        for row in np.flatnonzero((boxes[:, 2:] < 0).any(axis=1)).tolist()
    ]
    boxes[:, 2:] += boxes[:, :2]
    return boxes


def _bounds(shape: Shape) -> list[float]:
    x0, y0, x1, y1 = shape.bounds()
    return [x0, y0, x1 - x0, y1 - y0]


def read_coco_shapes(annotations: Records, problems: list[str]) -> list[Shape | None]:
    """The segmentation of each annotation, None where it has none; takes what is wrong."""
    shapes: list[Shape | None] = []
    for index, annotation in enumerate(annotations):
        try:
            shapes.append(_read_shape(annotation.get("segmentation")))
        except ValueError as error:
            problems.append(f"annotations[{index}]: segmentation {error}")
            shapes.append(None)
    return shapes


def check_runs_fit(shapes: Sequence[Shape | None], sizes: np.ndarray, problems: list[str]) -> None:
    """Runs have the size of their image, where that is stated."""
    for row, (shape, stated) in enumerate(zip(shapes, sizes.tolist(), strict=True)):
        if isinstance(shape, Runs) and stated[0] >= 1 and stated != [shape.width, shape.height]:
            problems.append(
                f"annotations[{row}]: segmentation is of {shape.width} x {shape.height} pixels, "
                f"its image of {stated[0]:g} x {stated[1]:g}"
            )


def _read_shape(value: Any) -> Shape | None:  # noqa: ANN401
    if value is None or value == []:
        return None
    if isinstance(value, dict):
        size, counts = value.get("size"), value.get("counts")
        if not is_numbers(size, 2) or not isinstance(counts, str | list):
            raise ValueError("is an object without 'size' (height, width) and 'counts'")
        counts = unpack_counts(counts) if isinstance(counts, str) else counts
        height, width = int(size[0]), int(size[1])
        return Runs(check_runs(counts, height, width), height, width, by_columns=True)
    rings = [_read_ring(ring) for ring in value] if isinstance(value, list) else [None]
    if any(ring is None for ring in rings):
        raise ValueError(f"is {shorten(value)}, expected lists of x, y of at least three points")
    return Outline(rings)


def _read_ring(values: Any) -> np.ndarray | None:  # noqa: ANN401
    """(P, 2) points, None where these are none."""
    if not isinstance(values, list) or len(values) < 6 or len(values) % 2:
        return None
    if not set(map(type, values)) <= {int, float}:
        return None
    try:
        points = np.array(values, float).reshape(-1, 2)
    except OverflowError:
        return None
    return points if (np.abs(points) < HIGHEST).all() else None
