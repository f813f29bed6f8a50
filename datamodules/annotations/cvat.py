"""CVAT for images 1.1: one XML file with an element ``image`` an image.

Tracks of a video have frames and no images, and are refused by name. A document type is refused
as well: its entities can grow without end or read other files, and CVAT writes none.
"""

import xml.etree.ElementTree as ElementTree
from collections.abc import Callable
from pathlib import Path

import numpy as np

from datamodules.annotations.collecting import Collected
from datamodules.annotations.found import Annotations
from datamodules.annotations.rle import check_runs
from datamodules.annotations.shapes import Outline, Runs, Shape, ellipse, rectangle
from datamodules.problems import raise_problems

NO_AREA = ("polyline", "points", "cuboid", "skeleton")
HIGHEST = 1e7  # pixels


class _NoDocumentType(ElementTree.TreeBuilder):
    def doctype(self, name: str, pubid: str | None, system: str | None) -> None:
        raise ValueError("it declares a document type (DOCTYPE), which CVAT never writes")


def read_cvat(path: Path) -> Annotations:
    """Read and check a file.

    Raises:
        ValueError: It is no such file, or values are wrong; all are listed by image.
    """
    try:
        parser = ElementTree.XMLParser(target=_NoDocumentType())
        root = ElementTree.parse(path, parser).getroot()
    except (ElementTree.ParseError, ValueError, LookupError) as error:
        raise ValueError(f"{path} cannot be read as XML: {error}.") from error
    if root.tag != "annotations" or not len(root):
        raise ValueError(
            f"{path.name} is no file of CVAT. Expected <annotations> with <image> elements, found "
            f"<{root.tag}> with {len(root)} elements."
        )
    if root.find("track") is not None:
        raise ValueError(
            f"{path.name} has tracks of a video, whose frames have no names. Export the task as "
            "'CVAT for images 1.1' instead, which names a file for every frame."
        )
    collected, problems, seen = Collected(), [], set()
    for index, image in enumerate(root.iter("image")):
        name = image.get("name", "").strip().replace("\\", "/")
        if not name or name in seen:
            problems.append(f"image {index} has {'no name' if not name else f'the name {name}'}")
            problems[-1] += " of another image as well" if name else ""
            continue
        seen.add(name)
        _add_image(collected, image, name, problems)
    raise_problems(problems, path.name)
    if not collected.names:
        raise ValueError(f"{path.name} has no <image> elements: nothing is annotated.")
    return collected.finish(name=path.name, format="CVAT")


def _add_image(
    collected: Collected, image: ElementTree.Element, name: str, problems: list[str]
) -> None:
    columns = {"subset": image.get("subset", "")} if "subset" in image.attrib else {}
    tags = [one.get("label", "") for one in image.iter("tag")]
    if len(tags) > 1:
        problems.append(f"{name}: the tags {' and '.join(tags)}; an image has one class")
    for tag in image.iter("tag"):
        columns |= {"tag": tag.get("label", "")} | _read_attributes(tag)
    try:
        size = tuple(_number(image, side) for side in ("width", "height"))
    except ValueError as error:
        problems.append(f"{name}: {error}")
        size = (np.nan, np.nan)
    collected.add_image(name, size, columns)
    for index, element in enumerate(image):
        if element.tag in NO_AREA:
            collected.leave_out(element.tag)
        elif element.tag in READERS:
            try:
                shape = READERS[element.tag](element)
                box = _box(element) if element.tag == "box" and shape is None else shape.bounds()
            except ValueError as error:
                problems.append(f"{name}: element {index}, <{element.tag}>: {error}")
                continue
            collected.add(element.get("label", ""), box, shape, _read_attributes(element))


def _read_attributes(element: ElementTree.Element) -> dict[str, str]:
    found = element.iter("attribute")
    return {one.get("name", ""): (one.text or "").strip() for one in found if one.get("name")}


def _number(element: ElementTree.Element, key: str, default: str | None = None) -> float:
    text = element.get(key, default)
    try:
        value = float(text)
    except (TypeError, ValueError):
        value = np.nan
    if not abs(value) < HIGHEST:
        raise ValueError(f"{key} is {text!r}, expected a number")
    return value


def _box(element: ElementTree.Element) -> tuple[float, float, float, float]:
    x0, y0, x1, y1 = (_number(element, side) for side in ("xtl", "ytl", "xbr", "ybr"))
    if x1 < x0 or y1 < y0:
        raise ValueError(f"({x0:g} {y0:g} {x1:g} {y1:g}) ends before it begins")
    return (x0, y0, x1, y1)


def _read_box(element: ElementTree.Element) -> Shape | None:
    degrees = _number(element, "rotation", "0")
    return rectangle(*_box(element), degrees) if degrees else None


def _read_polygon(element: ElementTree.Element) -> Shape:
    text = element.get("points", "")
    try:
        points = np.array([one.split(",") for one in text.split(";")], float)
    except ValueError:
        points = np.empty(0)
    if points.ndim != 2 or points.shape[1] != 2 or not (np.abs(points) < HIGHEST).all():
        raise ValueError(f"points are {text[:60]!r}, expected x,y;x,y;x,y")
    if len(points) < 3:
        raise ValueError(f"{len(points)} points, expected at least 3")
    return Outline([points])


def _read_ellipse(element: ElementTree.Element) -> Shape:
    return ellipse(
        *(_number(element, key) for key in ("cx", "cy", "rx", "ry")),
        _number(element, "rotation", "0"),
    )


def _read_mask(element: ElementTree.Element) -> Shape:
    left, top, width, height = (
        int(_number(element, key)) for key in ("left", "top", "width", "height")
    )
    try:
        counts = [int(one) for one in element.get("rle", "").split(",")]
    except ValueError as error:
        raise ValueError("rle is not whole numbers with commas") from error
    lengths = check_runs(counts, height, width)
    return Runs(lengths, height, width, by_columns=False, left=left, top=top)


READERS: dict[str, Callable[[ElementTree.Element], Shape | None]] = {
    "box": _read_box,
    "polygon": _read_polygon,
    "ellipse": _read_ellipse,
    "mask": _read_mask,
}
