"""From the categories of annotations to the regions that they become."""

import re
from collections.abc import Iterable, Mapping, Sequence

import numpy as np

from datamodules.annotations.found import Annotations
from datamodules.problems import list_some
from datamodules.tables.boxes import DEFAULT_REGION

MOST_REGIONS = 16
Wanted = str | Sequence[str] | Mapping[str, str] | None


def name_regions(
    found: Annotations, wanted: Wanted, notes: list[str]
) -> tuple[tuple[str, ...], np.ndarray]:
    """Give every annotation its region.

    Args:
        found: Annotations with categories.
        wanted: As ``data.box_regions`` has it.
        notes: Takes what is left out.

    Returns:
        Names of the regions, and (A,) int64 indices into them, -1 of what is left out.

    Raises:
        ValueError: A category does not exist, two become one name, or there are too many.
    """
    categories = found.categories()
    chosen = _choose(found, categories, wanted)
    regions = tuple(dict.fromkeys(chosen.values()))
    left = [category for category in categories if category not in chosen]
    if left:
        notes.append(f"{found.name}: left out are the categories {list_some(left)}.")
    places = np.array([regions.index(chosen[c]) if c in chosen else -1 for c in categories])
    codes = found.labels.dictionary_encode()
    order = np.array([categories.index(c) for c in codes.dictionary.to_pylist()], np.int64)
    return regions, places[order[codes.indices.to_numpy()]] if len(found) else np.empty(0, int)


def keep_class_out(
    found: Annotations, wanted: Wanted, classes: Iterable[str], notes: list[str]
) -> Wanted:
    """Where categories are the classes, all are one region: the name of one would tell the class.

    Args:
        found: The annotations.
        wanted: As the user has it; anything but None stays.
        classes: That the images are to be told apart by.
        notes: Takes what was decided.
    """
    categories = found.categories()
    if wanted is not None or len(categories) < 2 or not set(categories) <= set(classes):
        return wanted
    notes.append(
        f"The categories of {found.name} are the classes, so all of its boxes are one region "
        f"{DEFAULT_REGION}: regions of these names would tell the class (data.box_regions)."
    )
    return "all"


def _choose(found: Annotations, categories: list[str], wanted: Wanted) -> dict[str, str]:
    """Category to region."""
    if wanted == "all" or (wanted is None and len(categories) == 1):
        return dict.fromkeys(categories, DEFAULT_REGION)
    if wanted is None:
        if len(categories) > MOST_REGIONS:
            raise ValueError(
                f"{found.name} has {len(categories)} categories, which would be as many regions: "
                f"{list_some(categories)}. Name those that matter (data.box_regions=face), or take "
                "data.box_regions=all for one region of all."
            )
        return _apart({category: to_region(category) for category in categories}, found.name)
    if isinstance(wanted, Mapping):
        mapping = {str(key): str(value) for key, value in wanted.items()}
        clean = {key: to_region(value) for key, value in mapping.items()}
    else:
        names = [wanted] if isinstance(wanted, str) else [str(name) for name in wanted]
        clean = _apart({name: to_region(name) for name in names}, found.name)
    unknown = [name for name in clean if name not in categories]
    if unknown:
        raise ValueError(
            f"data.box_regions names {list_some(unknown)}, which {found.name} does not have. Its "
            f"categories: {list_some(categories, 20)}."
        )
    return clean


def _apart(regions: dict[str, str], name: str) -> dict[str, str]:
    values = list(regions.values())
    alike = [category for category, region in regions.items() if values.count(region) > 1]
    if alike:
        raise ValueError(
            f"{name}: the categories {list_some(alike)} would be one region; give them names by "
            "data.box_regions={category: region}."
        )
    return regions


def to_region(category: str) -> str:
    """A category as the name of a region: letters, digits and underscores."""
    return re.sub(r"\W+", "_", category.strip()).strip("_") or DEFAULT_REGION
