"""costs=true: what a run's network costs beside the plain backbone of the same settings."""

import copy
import logging

import numpy as np
import torch

from datamodules.loading.dataset import ROIDataset
from lightning_modules.build import build
from lightning_modules.evaluation.costs import Trainee, measure_costs, synthetic_batch
from lightning_modules.extras import Extras
from lightning_modules.networks import ROINetwork
from lightning_modules.networks.gates import NoGate
from lightning_modules.roi_classifier import ROIClassifier
from workflow.objects import Objects
from workflow.plan import Plan

log = logging.getLogger(__name__)
NUM_IMAGES = 64  # of training, among which a typical ROI is looked for


def measure_run(plan: Plan, objects: Objects, device: torch.device) -> dict[str, float]:
    """Measure on copies and say what came of it; weights and random state stay as they are.

    Args:
        plan: Of the run.
        objects: Of the run, trained or not.
        device: Where it trained.
    """
    model = objects.model
    roi, has_roi = typical_roi(objects.data.dataset("train"))
    with torch.random.fork_rng(devices=[device] if device.type == "cuda" else []):
        torch.manual_seed(plan.config["seed"])
        batch = synthetic_batch(plan.options.batch_size, roi, has_roi)
        costs = measure_costs(
            _to(device, copy.deepcopy(model.network), model.extras, model),
            _to(device, _plain_network(plan, model), Extras(), model),
            {name: value.to(device) for name, value in batch.items()},
        )
    log.info(
        "Costs beside the plain model: %.2f times the parameters, %.2f times the FLOPs of an "
        "answer, %.2f times the time of a training step.",
        *costs.values(),
    )
    return costs


def _to(device: torch.device, network: ROINetwork, extras: Extras, model: ROIClassifier) -> Trainee:
    return Trainee(network.float().to(device), extras, copy.deepcopy(model.loss).to(device))


def _plain_network(plan: Plan, model: ROIClassifier) -> ROINetwork:
    config = plan.config["model"] | {"pretrained": False, "compile": False}
    backbone = build(config, len(plan.table.class_names), model.image_size)
    return ROINetwork(backbone, NoGate(), tuple(plan.table.region_names))


def typical_roi(dataset: ROIDataset) -> tuple[torch.Tensor, torch.Tensor]:
    """The ROI (R, H, W) bool whose area is nearest to the mean, and which regions are known (R,).

    Of the images that have most regions; where none has any, nothing is known of the ROI returned.
    """
    num_known = dataset.has_roi.sum(axis=1)
    rows = np.flatnonzero(num_known == num_known.max())
    places = np.unique(np.linspace(0, len(rows) - 1, NUM_IMAGES).astype(int))
    batch = dataset.load(rows[places].tolist())
    shares = batch["roi_share"]
    chosen = int((shares - shares.mean()).abs().argmin())
    return batch["roi"][chosen], batch["has_roi"][chosen]
