"""The evidence of a test: which images are asked about, and what is said of it."""

import logging
from collections.abc import Callable, Iterable, Sequence
from contextlib import AbstractContextManager
from typing import Any

import numpy as np

from datamodules.datamodule import ROIDataModule
from datamodules.sample import choose_sample
from datamodules.table import ImageTable
from lightning_modules.evaluation.interventions.evidence import Sample, gather_evidence
from lightning_modules.evaluation.interventions.options import Interventions
from lightning_modules.evaluation.interventions.table import describe, tabulate
from lightning_modules.networks import ROINetwork

log = logging.getLogger(__name__)
# donors of all classes together, unless that leaves a class with fewer than two
MOST_DONORS = 256


def measure_evidence(
    network: ROINetwork,
    data: ROIDataModule,
    options: Interventions,
    metrics: dict[str, Any],
    context: Callable[[], AbstractContextManager],
    split: str = "test",
) -> dict[str, Any]:
    """Ask a network about changed images of a split, and say what came of it.

    Args:
        network: Of the model that was tested.
        data: Its images.
        options: How much is asked.
        metrics: Of the test so far.
        context: Of each forward pass.
        split: Whose images.

    Returns:
        Metrics by name; nothing where no image has a ROI.
    """
    table = data.table
    rows = table.rows_of(split)
    candidates = rows[table.annotated[rows].all(axis=1)]
    if options.num_images == 0:
        return {}
    if len(np.unique(table.labels[candidates])) < 2:
        log.info("No interventions: they need images of two classes whose whole ROI is known.")
        return {}
    lending = table.rows_of(options.donor_split or split)
    lending = lending[table.annotated[lending].all(axis=1)]
    sample = _choose(table, candidates, lending, options, data)
    evidence = gather_evidence(network, sample, options.rounds, data.seed, context)
    if evidence is None:
        log.info("No interventions: no image with ROI and background got an answer.")
        return {}
    log.info(
        "How much of it is background: %d of %d images%s, seed %d. Backgrounds are those of %d %s "
        "images of other groups, their ROI filled from around it. The gate promises %s, which held "
        "for %d of %d images of the test.",
        len(sample.rows),
        len(rows),
        "" if table.groups is None else f" of {len(np.unique(table.groups[sample.rows]))} groups",
        data.seed,
        evidence.num_donors,
        options.donor_split or split,
        metrics["gate_promise"].upper(),
        metrics["test_promise_held_images"],
        metrics["test_images"],
    )
    for line in tabulate(evidence, metrics):
        log.info("  %s", line)
    for sentence in describe(evidence):
        log.info(sentence)
    return evidence.metrics


def _choose(
    table: ImageTable,
    candidates: np.ndarray,
    lending: np.ndarray,
    options: Interventions,
    data: ROIDataModule,
) -> Sample:
    seed, num_classes = data.seed, len(table.class_names)
    most = min(options.donors * num_classes, max(MOST_DONORS, 2 * num_classes))
    _, units = np.unique(
        table.ids.to_pylist() if table.groups is None else table.groups, return_inverse=True
    )

    def load(rows: Sequence[int]) -> Iterable[dict[str, Any]]:
        return data.sample_loader(np.asarray(rows))

    return Sample(
        rows=choose_sample(candidates, table.labels, table.groups, options.num_images, seed),
        donors=choose_sample(lending, table.labels, table.groups, most, seed + 1),
        load=load,
        unit_of={
            table.ids[row].as_py(): int(units[row])
            for row in np.union1d(candidates, lending).tolist()
        },
        num_classes=num_classes,
        distractor_names=table.distractor_names,
    )
