"""Several COCO files in a folder, such as one a split, read as one.

An image is named from the folder that its file lies in. Where the path of each file has one word
for a split (``train/_annotations.coco.json``, ``instances_val2017.json``), that is a column.
"""

import posixpath
import re
from pathlib import Path

import numpy as np
import pyarrow as pa

from datamodules.annotations.coco import load_coco, read_coco
from datamodules.annotations.found import Annotations
from datamodules.problems import list_some, raise_problems
from datamodules.tables.folder import SPLIT_FOLDERS


def read_several_coco(paths: list[Path], folder: Path, with_shapes: bool) -> Annotations:
    """Read the files of a folder.

    Args:
        paths: Files of COCO, at least one.
        folder: Names of images are relative to it.
        with_shapes: Whether segmentations are wanted, too.

    Raises:
        ValueError: A file is wrong, an image stands in two, or they do not go together.
    """
    names = [path.relative_to(folder).as_posix() for path in paths]
    parts = [
        read_coco(load_coco(path, with_shapes), name, with_shapes)
        for path, name in zip(paths, names, strict=True)
    ]
    numbered = [name for name, part in zip(names, parts, strict=True) if part.format != "COCO"]
    if numbered:
        raise ValueError(f"{folder}: {list_some(numbered)} are results of COCO; name one file.")
    images = [
        posixpath.normpath((path.relative_to(folder).parent / image.replace("\\", "/")).as_posix())
        for path, part in zip(paths, parts, strict=True)
        for image in part.names.to_pylist()
    ]
    _check_apart(images, parts, names, folder)
    starts = np.cumsum([0, *(len(part.names) for part in parts)])
    return Annotations(
        name=folder.name,
        format=f"COCO, {len(paths)} files",
        names=pa.array(images, pa.string()),
        sizes=np.concatenate([part.sizes for part in parts]),
        image=np.concatenate([p.image + s for p, s in zip(parts, starts[:-1], strict=True)]),
        labels=pa.concat_arrays([part.labels for part in parts]),
        boxes=np.concatenate([part.boxes for part in parts]),
        scores=np.concatenate([part.scores for part in parts]),
        detected=any(part.detected for part in parts),
        shapes=[shape for part in parts for shape in part.shapes],
        attributes=_join_attributes(parts),
        columns=_join_columns(parts, names),
    )


def _check_apart(
    images: list[str], parts: list[Annotations], names: list[str], folder: Path
) -> None:
    """An image may stand in one file only."""
    if len(set(images)) == len(images):
        return
    files = [name for name, part in zip(names, parts, strict=True) for _ in range(len(part.names))]
    first: dict[str, str] = {}
    problems = []
    for image, file in zip(images, files, strict=True):
        before = first.setdefault(image, file)
        if before != file:
            problems.append(f"{image} stands in {before} and in {file}; keep one of them")
    raise_problems(problems, str(folder))


def _join_attributes(parts: list[Annotations]) -> list[dict[str, str]]:
    if not any(part.attributes for part in parts):
        return []
    return [one for part in parts for one in (part.attributes or [{}] * len(part))]


def _join_columns(parts: list[Annotations], names: list[str]) -> dict[str, list[str]]:
    keys = dict.fromkeys(key for part in parts for key in part.columns)
    columns = {
        key: [v for part in parts for v in part.columns.get(key, [""] * len(part.names))]
        for key in keys
    }
    splits = [_split_of(name) for name in names]
    if "split" not in columns and None not in splits:
        columns["split"] = [
            split for split, part in zip(splits, parts, strict=True) for _ in range(len(part.names))
        ]
    return columns


def _split_of(name: str) -> str | None:
    """The split that the path of a file names, None if it names none or several."""
    words = re.findall("[a-z]+", name.lower())
    found = {SPLIT_FOLDERS[word] for word in words if word in SPLIT_FOLDERS}
    return found.pop() if len(found) == 1 else None
