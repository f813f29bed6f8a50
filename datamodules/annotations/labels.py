"""The class of an image where annotations tell it: a category, a flag, a tag or an attribute."""

import numpy as np

from datamodules.annotations.found import Annotations
from datamodules.problems import list_some

CATEGORY = "category"
OF_IMAGES = ("flags", "tag", "label")  # columns that name a class by themselves, first found first


def read_labels(found: Annotations, label_from: str | None) -> tuple[np.ndarray, str]:
    """Find the class of every annotated image.

    Args:
        found: The annotations.
        label_from: ``category``, a value of the images or an attribute of their annotations; None
            takes the flag, tag or label of the image where any has one, else the category.

    Returns:
        (M,) text, "" where nothing tells, and from what they were taken.

    Raises:
        ValueError: There is no such value, or images have several; these are listed.
    """
    if label_from is None:
        label_from = next((key for key in OF_IMAGES if any(found.columns.get(key, []))), CATEGORY)
    if label_from in found.columns:
        return np.array(found.columns[label_from], object).astype(str), label_from
    owners, values = _of_annotations(found, label_from)
    words, codes = np.unique(values, return_inverse=True)
    pairs = np.unique(owners * max(len(words), 1) + codes)
    owners, codes = np.divmod(pairs, max(len(words), 1))
    _check_single(found, owners, words[codes], label_from)
    labels = np.full(len(found.names), "", object)
    labels[owners] = words[codes]
    return labels.astype(str), label_from


def _of_annotations(found: Annotations, label_from: str) -> tuple[np.ndarray, np.ndarray]:
    """Images and values of the annotations that have one."""
    if label_from == CATEGORY:
        values = np.array(found.labels.to_pylist(), object).astype(str)
    elif any(label_from in attributes for attributes in found.attributes):
        values = np.array([one.get(label_from, "") for one in found.attributes])
    else:
        raise ValueError(
            f"data.label_from={label_from}: {found.name} has no such value. It has "
            f"{list_some(_choices(found), 20)}."
        )
    return found.image[values != ""], values[values != ""]


def _choices(found: Annotations) -> list[str]:
    attributes = dict.fromkeys(key for one in found.attributes for key in one)
    return [CATEGORY, *dict.fromkeys([*found.columns, *attributes])]


def _check_single(
    found: Annotations, owners: np.ndarray, values: np.ndarray, label_from: str
) -> None:
    several = np.flatnonzero(np.bincount(owners, minlength=len(found.names)) > 1)
    if not len(several):
        return
    named = [
        f"{found.names[image].as_py()} ({' and '.join(values[owners == image])})"
        for image in several[:5].tolist()
    ]
    others = [choice for choice in _choices(found) if choice != label_from]
    instead = f"({', '.join(others[:20])})" if others else "(this file has nothing else)"
    raise ValueError(
        f"{found.name}: {len(several)} images have several values of {label_from}: "
        f"{list_some(named + [''] * (len(several) - len(named)))}. An image has one class. Name "
        f"what tells it by data.label_from {instead}, leave such images out of the file, or write "
        "the classes into a manifest and take the boxes from here (data=manifest data.boxes=...)."
    )
