"""ROIs: empty, everywhere, tiny, or telling the label."""

from collections.abc import Iterator

import numpy as np

from datamodules.checks.examination import Examination
from datamodules.checks.file_check import find_empty
from datamodules.checks.mask_only import measure_mask_only
from datamodules.checks.roi_presence import find_association
from datamodules.doctor.findings import Finding, Level, of_rows
from datamodules.tables.table import ImageTable

# of the image's area: 4 x 4 of 224 x 224 pixels
SMALLEST_AREA = 16 / 224**2


def measure_areas(table: ImageTable, found: Examination) -> np.ndarray:
    """(rows, regions) share of the image's area in [0, 1]; NaN where nothing is annotated."""
    pixels = found.images["height"].astype(float) * found.images["width"]
    pixels[pixels == 0] = np.nan
    areas = np.full((len(table), len(table.region_names)), np.nan)
    for column, region in enumerate(table.region_names):
        if region in table.boxes:
            x0, y0, x1, y1 = table.boxes[region].T
            size = (x1 - x0) * (y1 - y0)
            areas[:, column] = size if table.boxes_normalized else size / pixels
        if region in found.masks:
            masks = found.masks[region]
            there = masks.named & ~masks.broken
            areas[there, column] = (masks["set_pixels"] / pixels)[there]
    return areas


def find_in_masks(
    table: ImageTable, found: Examination, areas: np.ndarray, seed: int
) -> Iterator[Finding]:
    """Findings about ROIs; the table has good images only."""
    if not table.annotated.any():
        return
    empty = find_empty(table, found)
    presence = find_association(table, table.has_roi().any(axis=1))
    if presence is not None:
        yield Finding(Level.WARNING, "ROIs that go with the label", presence, 1)
    if empty.any():
        telling = find_association(table, table.annotated.any(axis=1) & ~empty)
        level = Level.WARNING if telling is not None and presence is None else Level.NOTE
        also = " Whether it is empty goes with the label." if level else ""
        yield of_rows(
            table,
            level,
            "empty ROIs",
            "The ROI of images is annotated as absent, and a gate shows nothing of them. Leave the "
            f"mask blank where it is unknown.{also}",
            np.flatnonzero(empty),
        )
    full = np.flatnonzero((areas >= 1).any(axis=1))
    if len(full):
        sentence = "A ROI covers the whole image and hides nothing: is the mask inverted, or white?"
        yield of_rows(table, Level.WARNING, "ROIs that cover all", sentence, full)
    tiny = np.flatnonzero(((areas > 0) & (areas < SMALLEST_AREA)).any(axis=1))
    if len(tiny):
        sentence = (
            "A ROI is smaller than 4 x 4 pixels of an input of 224: little is left of it. Take a "
            "larger data.image_size, or gate=crops."
        )
        yield of_rows(table, Level.WARNING, "tiny ROIs", sentence, tiny)
    alone = measure_mask_only(table, seed)
    if alone is not None and alone.warning:
        yield Finding(Level.WARNING, "masks that give the label away", alone.sentence, 1)


def describe_areas(table: ImageTable, areas: np.ndarray) -> list[list[str]]:
    """Section: area of each region a class, in per cent of the image."""
    rows = [["region, class", "images", "least", "median", "most"]]
    for column, region in enumerate(table.region_names):
        for label, name in enumerate(table.class_names):
            values = areas[table.labels == label, column]
            values = 100 * values[np.isfinite(values)]
            if len(values):
                numbers = (values.min(), np.median(values), values.max())
                row = [f"{number:.3g} %" for number in numbers]
                rows.append([f"{region}, {name}", str(len(values)), *row])
    return rows
