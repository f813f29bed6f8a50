"""LabelMe: one JSON file an image, with ``shapes``, ``imagePath`` and ``flags``."""

import base64
import io
import posixpath
from pathlib import Path
from typing import Any

import numpy as np

from datamodules.annotations.collecting import Collected
from datamodules.annotations.found import Annotations
from datamodules.annotations.records import HIGHEST, NUMBER, is_numbers, load_json, shorten
from datamodules.annotations.shapes import Outline, Picture, Shape, ellipse
from datamodules.files.pictures import open_picture
from datamodules.problems import raise_problems

NO_AREA = ("point", "points", "line", "linestrip")
KINDS = ("polygon", "rectangle", "circle", "mask", *NO_AREA)
LEAST_POINTS = {"polygon": 3, "rectangle": 2, "circle": 2, "mask": 2}


def is_labelme(content: Any) -> bool:  # noqa: ANN401
    """Whether this looks like a file of LabelMe."""
    return isinstance(content, dict) and "shapes" in content


def read_labelme(paths: list[Path], folder: Path, name: str) -> Annotations:
    """Read and check the files of a folder.

    Args:
        paths: One an image.
        folder: Names of images are relative to it.
        name: Of the folder or file, for messages.

    Raises:
        ValueError: A file is none of LabelMe's, or a shape is wrong; all are listed.
    """
    collected, problems, seen = Collected(), [], {}
    for path in paths:
        where = path.relative_to(folder).as_posix()
        try:
            content = load_json(path)
        except ValueError as error:
            problems.append(str(error))
            continue
        image = _read_image(content, path, folder, problems)
        if image is None:
            continue
        before = seen.setdefault(image, where)
        if before != where:
            problems.append(f"{where} is about {image}, as {before} is; keep one of them")
        size = (_as_side(content.get("imageWidth")), _as_side(content.get("imageHeight")))
        collected.add_image(image, size, _read_flags(content, where, problems))
        for index, shape in enumerate(content["shapes"]):
            try:
                _add_shape(collected, shape)
            except ValueError as error:
                problems.append(f"{where}: shapes[{index}] {error}")
    raise_problems(problems, name)
    return collected.finish(name=name, format="LabelMe")


def _read_image(content: Any, path: Path, folder: Path, problems: list[str]) -> str | None:  # noqa: ANN401
    """The image that a file is about, None where it does not say."""
    where = path.relative_to(folder).as_posix()
    if not is_labelme(content) or not isinstance(content["shapes"], list):
        found = ", ".join(content) if isinstance(content, dict) else shorten(content)
        problems.append(
            f"{where} is no file of LabelMe: expected the keys shapes (a list), imagePath and "
            f"flags, found {found}"
        )
        return None
    image = content.get("imagePath")
    if not isinstance(image, str) or not image.strip():
        problems.append(f"{where}: imagePath is {shorten(image)}, expected the path of the image")
        return None
    parent = path.relative_to(folder).parent.as_posix()
    return posixpath.normpath(posixpath.join(parent, image.replace("\\", "/")))


def _as_side(value: Any) -> float:  # noqa: ANN401
    return float(value) if type(value) in NUMBER and 1 <= value < HIGHEST else np.nan


def _read_flags(content: dict[str, Any], where: str, problems: list[str]) -> dict[str, str]:
    """The flag that is set of the whole image: LabelMe's way to give it a class."""
    flags = content.get("flags")
    if not isinstance(flags, dict):
        return {}
    chosen = [key for key, value in flags.items() if value is True]
    if len(chosen) > 1:
        problems.append(
            f"{where}: the flags {' and '.join(chosen)} are both set; an image has one class"
        )
    return {"flags": chosen[0] if chosen else ""}


def _add_shape(collected: Collected, shape: Any) -> None:  # noqa: ANN401
    """Add a shape, or raise a ValueError that reads on after its name."""
    if not isinstance(shape, dict):
        raise ValueError(f"is {shorten(shape)}, expected an object")
    kind, label = shape.get("shape_type", "polygon"), shape.get("label")
    if kind not in KINDS:
        raise ValueError(f"is a {shorten(kind)}, expected one of {', '.join(KINDS)}")
    if kind in NO_AREA:
        collected.leave_out(kind)
        return
    if not isinstance(label, str):
        raise ValueError(f"has the label {shorten(label)}, expected text")
    values = shape.get("points")
    least = LEAST_POINTS[kind]
    if not isinstance(values, list) or not all(is_numbers(point, 2) for point in values):
        raise ValueError(f"has the points {shorten(values)}, expected pairs of finite numbers")
    if len(values) < least or (len(values) > 2 and least == 2 and kind != "rectangle"):
        raise ValueError(f"is a {kind} of {len(values)} points, expected {least}")
    form = _make_shape(kind, np.array(values, float), shape.get("mask"))
    flags = shape.get("flags")
    flags = flags if isinstance(flags, dict) else {}
    attributes = {key: str(value).lower() for key, value in flags.items()}
    if form is None:
        corners = np.array(values, float)
        box = (*corners.min(axis=0).tolist(), *corners.max(axis=0).tolist())
    else:
        box = form.bounds()
    collected.add(label, box, form, attributes)


def _make_shape(kind: str, points: np.ndarray, mask: Any) -> Shape | None:  # noqa: ANN401
    if kind == "rectangle":
        return None
    if kind == "circle":
        radius = float(np.hypot(*(points[1] - points[0])))
        return ellipse(*points[0].tolist(), radius, radius)
    if kind == "mask":
        left, top = np.floor(points[0]).astype(int).tolist()
        return Picture(_read_mask(mask), left, top)
    return Outline([points])


def _read_mask(text: Any) -> np.ndarray:  # noqa: ANN401
    """A picture in base64, as LabelMe 5 keeps masks."""
    try:
        stream = io.BytesIO(base64.b64decode(text, validate=True))
        with open_picture(stream, "it") as picture:
            return np.asarray(picture.convert("L")) > 0
    except Exception as error:  # Pillow's decoders raise anything on a broken file
        raise ValueError(f"is a mask whose picture cannot be decoded: {error}") from error
