"""predictions.csv: what the model said of every test image."""

from pathlib import Path
from typing import Any

import numpy as np
from lightning.pytorch import Callback, LightningModule, Trainer

from lightning_modules.evaluation.predictions import PredictionTable
from lightning_modules.networks.gates.none import NoGate
from lightning_modules.networks.mask_source import MaskOrigin
from lightning_modules.networks.roi_network import NetworkOutput


class Predictions(Callback):
    """Gather the test's outputs into a ``PredictionTable`` and write it."""

    def __init__(self) -> None:
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
        parts = (
            outputs.logits.float(),
            outputs.origin,
            outputs.mask.float().mean(dim=(1, 2, 3)),
            batch["roi_share"],
        )
        self._parts.append((batch["id"], *(part.cpu().numpy() for part in parts)))

    def on_test_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:  # noqa: D102
        ids, logits, origins, mask_share, roi_share = zip(*self._parts, strict=True)
        ids = [name for part in ids for name in part]
        dataset = trainer.test_dataloaders.dataset
        source = dataset.table
        row_of = {source.ids[int(row)].as_py(): int(row) for row in dataset.rows}
        rows = np.array([row_of[name] for name in ids])
        gated = not isinstance(pl_module.network.gate, NoGate)
        origin = [MaskOrigin(code).name.lower() for code in np.concatenate(origins).tolist()]
        self.table = PredictionTable(
            ids=ids,
            labels=source.labels[rows],
            logits=np.concatenate(logits),
            class_names=source.class_names,
            mask_origin=origin if gated else ["none"] * len(ids),
            mask_share=np.concatenate(mask_share) if gated else np.ones(len(ids)),
            roi_share=np.concatenate(roi_share),
            columns={
                name: np.array(source.columns[name].to_pylist())[rows]
                for name in source.columns.column_names
            },
            groups=None if source.groups is None else source.groups[rows],
        )
        self.table.write(Path(trainer.default_root_dir) / "predictions.csv")
