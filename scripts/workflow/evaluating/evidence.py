"""The evidence of a test: which images are asked about, and what is said of it."""

import logging
from collections.abc import Callable, Iterable, Sequence
from contextlib import AbstractContextManager
from typing import Any

import numpy as np

from datamodules.datamodule import ROIDataModule
from datamodules.splitting.sample import choose_sample
from datamodules.tables.table import ImageTable
from lightning_modules.evaluation.interventions.evidence import Sample, gather_evidence
from lightning_modules.evaluation.interventions.options import Interventions
from lightning_modules.evaluation.interventions.table import describe, tabulate
from lightning_modules.evaluation.promised import PROMISED
from lightning_modules.networks import ROINetwork

log = logging.getLogger(__name__)
# what the donors of all classes together may take
MOST_BYTES = 512 * 2**20


def measure_evidence(
    network: ROINetwork,
    data: ROIDataModule,
    options: Interventions,
    rows: np.ndarray,
    metrics: dict[str, Any],
    context: Callable[[], AbstractContextManager],
) -> dict[str, Any]:
    """Ask a network about changed images, and say what came of it.

    Args:
        network: Of the model that was tested.
        data: Its images.
        options: How much is asked.
        rows: Of the images that were tested.
        metrics: Of the test so far.
        context: Of each forward pass.

    Returns:
        Metrics by name; nothing where no image has a ROI.
    """
    if options.num_images == 0:
        return {}
    table = data.table
    candidates = rows[table.annotated[rows].all(axis=1)]
    lending, of = _choose_lenders(table, candidates, options.donor_split)
    classes = np.unique(table.labels[np.union1d(candidates, lending)])
    if not len(candidates) or len(classes) < 2:
        log.info("No interventions: they need images of two classes whose whole ROI is known.")
        return {}
    sample = _choose(data, candidates, lending, classes, options)
    evidence = gather_evidence(network, sample, options.rounds, data.seed, context)
    if evidence is None:
        log.info("No interventions: no image with ROI and background got an answer.")
        return {}
    groups = None if table.groups is None else len(set(table.groups[sample.rows]))
    held = "; held for {test_promise_held_images} of {test_images} images".format(**metrics)
    log.info(
        "How much of it is background: %d of %d images%s, seed %d. Backgrounds are those of %d "
        "%simages%s, their ROI filled from around it. The gate promises %s%s.",
        evidence.num_images,
        len(rows),
        "" if groups is None else f" of {groups} groups",
        data.seed,
        evidence.num_donors,
        of,
        "" if groups is None else " of other groups",
        PROMISED[metrics["gate_promise"]],
        "" if metrics["gate_promise"] == "none" else held,
    )
    for line in tabulate(evidence, metrics):
        log.info("  %s", line)
    for sentence in describe(evidence):
        log.info(sentence)
    return evidence.metrics


def _choose_lenders(
    table: ImageTable, candidates: np.ndarray, split: str | None
) -> tuple[np.ndarray, str]:
    """Rows that lend their background, and the word for them; those asked about if none can."""
    if split is None:
        return candidates, ""
    lending = table.rows_of(split)
    lending = lending[table.annotated[lending].all(axis=1)]
    if len(lending):
        return lending, f"{split} "
    log.info("No %s image has a ROI (interventions.donor_split): the tested ones lend.", split)
    return candidates, "tested "


def _choose(
    data: ROIDataModule,
    candidates: np.ndarray,
    lending: np.ndarray,
    classes: np.ndarray,
    options: Interventions,
) -> Sample:
    table, seed = data.table, data.seed
    height, width = data.preprocessing.size
    affordable = MOST_BYTES // (3 * 4 * height * width)
    most = min(options.donors * len(classes), max(affordable, 2 * len(classes)))

    def load(rows: Sequence[int]) -> Iterable[dict[str, Any]]:
        return data.sample_loader(np.asarray(rows))

    return Sample(
        rows=choose_sample(candidates, table.labels, table.groups, options.num_images, seed),
        donors=choose_sample(lending, table.labels, table.groups, most, seed + 1),
        load=load,
        unit_of=table.units_of(np.union1d(candidates, lending)),
        classes=classes.tolist(),
        distractor_names=table.distractor_names,
    )
