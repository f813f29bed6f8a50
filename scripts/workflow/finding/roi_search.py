"""find_roi.py: regions of interest for images that have none."""

import logging
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from omegaconf import DictConfig, OmegaConf

from datamodules.annotations.options import without_joining
from datamodules.options import DataOptions
from datamodules.problems import list_some
from datamodules.regions.contact_sheet import draw_contact_sheet
from datamodules.regions.found_files import in_pixels, write_manifest, write_misses
from datamodules.roi_finders.base import Found, ROIFinder
from datamodules.tables.table import ImageTable
from lightning_modules.run_files import write_json, write_text
from workflow.call import Call
from workflow.finding.finder_record import FILE, describe_finder
from workflow.finding.found_report import report_found
from workflow.journal import Journal
from workflow.next_command import say_next
from workflow.places import OUTPUTS, make_new, open_out
from workflow.plan import instantiate
from workflow.typed import join_words

log = logging.getLogger(__name__)


def find_roi(cfg: DictConfig, call: Call, journal: Journal) -> None:
    """Look for regions, write what was found and missed, and say what it means.

    Raises:
        ValueError: The data or an option has mistakes, there is nothing to look for, or nothing was
            found; what was missed is written all the same.
    """
    asked = OmegaConf.to_container(cfg, resolve=True)
    _check(asked)
    if asked["roi"]["_target_"].endswith("BoxesFinder"):  # it looks data.boxes up itself
        asked["data"] = without_joining(asked["data"])
    finder, options = instantiate(asked["roi"]), instantiate(asked["data"])
    table = options.read(asked["seed"])
    for note in table.notes:
        log.info(note)
    rows = choose_rows(table, finder, asked["replace"])
    table = in_pixels(table)  # before the search: what cannot be written would be lost after it
    out = asked["out"]
    given = open_out(out, "Name another folder.") if out is not None else None
    log.info(
        "Looking for %s in %d images of %s (roi=%s).",
        ", ".join(finder.region_names),
        len(rows),
        table.name,
        finder.name,
    )
    found = finder.find(table, rows)
    folder = make_new(OUTPUTS / "find_roi" / finder.name) if given is None else given
    journal.write_to(folder / "log.txt")
    write_text(folder / "config.yaml", OmegaConf.to_yaml(OmegaConf.create(asked)))
    write_text(
        folder / "command.txt",
        join_words(["python", "scripts/find_roi.py", *call.overrides]) + "\n",
    )
    _write(folder, table, rows, found, finder, asked)
    report_found(table, rows, found, finder, asked)
    _finish(folder, table, found, options, asked)


def _check(asked: dict[str, Any]) -> None:
    if not 0 <= asked["seed"] < 2**32:
        raise ValueError(f"seed is {asked['seed']}, expected 0 to 2**32 - 1.")
    if asked["sheet_images"] < 1:
        raise ValueError(f"sheet_images is {asked['sheet_images']}, expected at least 1.")


def choose_rows(table: ImageTable, finder: ROIFinder, replace_given: bool) -> np.ndarray:
    """Rows to look into: all, or those without any ROI.

    Raises:
        ValueError: There are none, or given ROIs would stand beside regions of other names.
    """
    if replace_given:
        return np.arange(len(table))
    has_one = table.annotated.any(axis=1)
    rows = np.flatnonzero(~has_one)
    instead = "replace=true looks into all images, and leaves the given ROIs out."
    if not len(rows):
        raise ValueError(f"All {len(table)} images of {table.name} have a ROI. {instead}")
    if has_one.any() and set(table.region_names) != set(finder.region_names):
        raise ValueError(
            f"{int(has_one.sum())} of {len(table)} images of {table.name} have a ROI, of the "
            f"regions {', '.join(table.region_names)}, and roi={finder.name} finds "
            f"{', '.join(finder.region_names)}: all images of a table need the same. {instead}"
        )
    return rows


def _write(
    folder: Path,
    table: ImageTable,
    rows: np.ndarray,
    found: Found,
    finder: ROIFinder,
    asked: dict[str, Any],
) -> None:
    if asked["replace"]:
        table = replace(table, mask_paths={}, boxes={}, detected=np.zeros(len(table), bool))
    boxes = {}
    for region, numbers in found.boxes.items():
        kept = table.boxes.get(region)
        boxes[region] = np.full((len(table), 4), np.nan) if kept is None else kept.copy()
        boxes[region][rows] = numbers
    word = "proposed" if finder.proposes else "detected"
    sources = np.where(table.annotated.any(axis=1), "given", "").astype(object)
    sources[table.detected] = "detected"
    sources[rows] = np.where(found.reasons == "", word, "")
    write_manifest(folder / "manifest.csv", table, boxes, sources)
    write_misses(folder / "misses.csv", table, rows, found.reasons)
    write_json(folder / FILE, describe_finder(finder))
    sheet = draw_contact_sheet(
        table, rows, found.boxes, found.reasons, asked["sheet_images"], asked["seed"]
    )
    sheet.save(folder / "contact_sheet.png")


def _finish(
    folder: Path, table: ImageTable, found: Found, options: DataOptions, asked: dict[str, Any]
) -> None:
    """Say where everything is and what to do next; stop where there is nothing to train on."""
    if (found.reasons != "").all():
        reasons = list_some(sorted(set(found.reasons.tolist())), 3)
        raise ValueError(
            f"No ROI was found in any of the {len(found.reasons)} images: {reasons}. misses.csv "
            f"and contact_sheet.png in {folder} show them; another roi=, or other options of it "
            "(--help roi), may find more."
        )
    log.info(
        "Results: %s. Look at contact_sheet.png before you train on manifest.csv; misses.csv has "
        "what was missed and why.",
        folder,
    )
    masks = {} if asked["replace"] else table.mask_paths
    log.info("Next: %s", say_next(folder / "manifest.csv", table, masks, options))
