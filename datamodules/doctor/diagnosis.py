"""The whole examination of a data set; nothing in it stops at a mistake."""

from typing import NamedTuple

import numpy as np

from datamodules.checks.bad_images import find_bad, leave_out
from datamodules.checks.duplicates import find_duplicates
from datamodules.checks.examination import Examination
from datamodules.checks.file_check import find_misplaced_boxes
from datamodules.checks.near_duplicates import NearPairs, find_near_pairs, join
from datamodules.checks.shortcuts import measure_hints
from datamodules.doctor.files import describe_files, find_in_files
from datamodules.doctor.findings import Diagnosis, Finding, Level
from datamodules.doctor.masks import describe_areas, find_in_masks, measure_areas
from datamodules.doctor.shortcuts import describe_hints, find_in_hints
from datamodules.doctor.splits import describe_splits, find_in_splits
from datamodules.doctor.twins import Apart, find_exact, find_near
from datamodules.tables.table import ImageTable


class Examined(NamedTuple):
    """A data set and what is known of it.

    Args:
        table: All images, bad ones too.
        found: What is known of their files.
        areas: (rows, regions) share of the image's area, NaN where unknown.
        clusters: (rows,) number of the cluster of images that are alike; others stand alone.
        diagnosis: What was found.
    """

    table: ImageTable
    found: Examination
    areas: np.ndarray
    clusters: np.ndarray
    diagnosis: Diagnosis


def diagnose(table: ImageTable, found: Examination, seed: int) -> Examined:
    """Look for everything that spoils a result.

    Args:
        table: The images.
        found: What is known of their files.
        seed: Of samples.
    """
    diagnosis = Diagnosis()
    bad, misplaced = find_bad(table, found), find_misplaced_boxes(table, found)
    areas = measure_areas(table, found)
    diagnosis.add(*find_in_files(table, found, bad, misplaced), *find_exact(table, found))
    pairs = find_near_pairs(table, found, Apart(table))
    diagnosis.add(*find_near(table, pairs), *find_in_splits(table))
    diagnosis.sections = {"Images": describe_splits(table)} | describe_files(found.images)
    if table.annotated.any():
        diagnosis.sections["Area of the ROI"] = describe_areas(table, areas)
    _look_at_good(table, found, np.unique([one.row for one in bad]).astype(int), diagnosis, seed)
    return Examined(table, found, areas, _cluster(table, found, pairs), diagnosis)


def _look_at_good(
    table: ImageTable, found: Examination, bad: np.ndarray, diagnosis: Diagnosis, seed: int
) -> None:
    """What needs images that can be read."""
    if len(bad):
        try:
            table = leave_out(table, bad)
        except ValueError as error:
            diagnosis.add(Finding(Level.ERROR, "too little is left", str(error), 1))
            return
        found = found.keep(np.setdiff1d(np.arange(len(found.images.index)), bad))
    if not find_misplaced_boxes(table, found):
        diagnosis.add(*find_in_masks(table, found, measure_areas(table, found), seed))
        hints = measure_hints(table, found, seed)
        diagnosis.add(*find_in_hints(hints))
        if hints:
            diagnosis.sections["How well the class is told by"] = describe_hints(hints)


def _cluster(table: ImageTable, found: Examination, pairs: NearPairs) -> np.ndarray:
    """Near and exact duplicates are one cluster."""
    sets = find_duplicates(found.images["content"], np.flatnonzero(~found.images.broken))
    same = sets.sets[1:] == sets.sets[:-1]
    first = np.concatenate([pairs.first, sets.rows[:-1][same]])
    second = np.concatenate([pairs.second, sets.rows[1:][same]])
    return join(len(table), first, second)
