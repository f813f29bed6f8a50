"""predictions.csv: what the model said of every test image."""

from pathlib import Path
from typing import Any

import numpy as np
import torch
from lightning.pytorch import Callback, LightningModule, Trainer
from torch import Tensor

from lightning_modules.evaluation.mask_quality import dice, iou, recall
from lightning_modules.evaluation.predictions import PredictionTable
from lightning_modules.evaluation.predictions_file import write_predictions
from lightning_modules.networks.across import gather_in_order
from lightning_modules.networks.gates.base import NetworkOutput
from lightning_modules.networks.mask_source import MaskOrigin, join_regions
from lightning_modules.objective import count_once

QUALITIES = {"mask_dice": dice, "mask_iou": iou, "mask_recall": recall}


class Predictions(Callback):
    """Gather the test's outputs into a ``PredictionTable`` and write it.

    Set ``writes`` to false for a test that is only measured, and ``file_name`` where other images
    are predicted than those of the test.
    """

    def __init__(self) -> None:
        self.writes = True
        self.file_name = "predictions.csv"
        self.table: PredictionTable | None = None
        self._parts: list[tuple[Any, ...]] = []

    def on_test_epoch_start(self, trainer: Trainer, pl_module: LightningModule) -> None:  # noqa: D102
        self._parts = []

    def on_test_batch_end(  # noqa: D102
        self,
        trainer: Trainer,
        pl_module: LightningModule,
        outputs: NetworkOutput,
        batch: dict[str, Any],
        batch_idx: int,
        dataloader_idx: int = 0,
    ) -> None:
        outputs, batch = count_once(outputs, batch)
        if not batch["id"]:  # they count in another process
            return
        mask = outputs.mask.float().mean(dim=(1, 2, 3))
        parts = [outputs.logits.float(), outputs.origin, mask, batch["roi_share"]]
        parts.append(measure_masks(outputs, batch))
        parts.append(outputs.maps.get("region_weights", torch.zeros(len(mask), 0)))
        self._parts.append((batch["id"], *(part.cpu().numpy() for part in parts)))

    def on_test_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:  # noqa: D102
        ids, *columns = zip(*gather_in_order(self._parts), strict=True)
        ids = [name for part in ids for name in part]
        logits, origins, mask_share, roi_share, quality, weights = map(np.concatenate, columns)
        dataset = trainer.test_dataloaders.dataset
        source = dataset.table
        row_of = {source.ids[int(row)].as_py(): int(row) for row in dataset.rows}
        rows = np.array([row_of[name] for name in ids])
        hides = pl_module.network.gate.hides
        origin = [MaskOrigin(code).name.lower() for code in origins.tolist()]
        self.table = PredictionTable(
            ids=ids,
            labels=source.labels[rows],
            logits=logits,
            class_names=source.class_names,
            mask_origin=[name if hides or name == "abstain" else "none" for name in origin],
            mask_share=mask_share if hides else np.ones(len(ids)),
            roi_share=roi_share,
            columns={
                name: np.array(source.columns[name].take(rows).to_pylist(), dtype=np.str_)
                for name in source.columns.column_names
            },
            groups=None if source.groups is None else source.groups[rows],
            region_weights=dict(zip(pl_module.network.gate.weighed, weights.T, strict=True)),
            mask_quality={}
            if np.isnan(quality).all()
            else dict(zip(QUALITIES, quality.T, strict=True)),
        )
        if self.writes and trainer.is_global_zero:
            write_predictions(self.table, Path(trainer.default_root_dir) / self.file_name)


def measure_masks(outputs: NetworkOutput, batch: dict[str, Any]) -> Tensor:
    """Dice, IoU and recall (B, 3) of predicted masks, before their margin, with the user's ROI.

    NaN where the mask was given or a region of the ROI is unknown.
    """
    given = (outputs.origin == MaskOrigin.GIVEN) | (outputs.origin == MaskOrigin.DETECTED)
    known = batch["annotated"].all(dim=1) & ~given
    if outputs.mask_logits is None:
        return torch.full((len(known), len(QUALITIES)), torch.nan)
    roi = join_regions(batch["roi"], batch["annotated"])
    found = [measure(outputs.mask_logits > 0, roi) for measure in QUALITIES.values()]
    return torch.where(known[:, None], torch.stack(found, dim=1), torch.nan)
