"""How checkpoints reach the disk: whole or not at all."""

from pathlib import Path
from typing import Any

import torch
from lightning.fabric.plugins import TorchCheckpointIO

from lightning_modules.checkpoint import open_checkpoint
from lightning_modules.run_files import open_beside


class SafeCheckpointIO(TorchCheckpointIO):
    """Write a checkpoint beside its target, see ``open_beside``, and read tensors alone."""

    def save_checkpoint(  # noqa: D102
        self, checkpoint: dict[str, Any], path: str | Path, storage_options: object = None
    ) -> None:
        with open_beside(Path(path)) as file:
            torch.save(checkpoint, file)

    def load_checkpoint(  # noqa: D102
        self,
        path: str | Path,
        map_location: object = lambda storage, _: storage,
        weights_only: bool | None = True,
    ) -> dict[str, Any]:
        return open_checkpoint(path, map_location)
