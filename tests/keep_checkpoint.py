"""Keeps a small checkpoint of a released format for the tests, with what it answers.

For each new FORMAT, with the code that writes it (a format of the past: in a worktree of its last
commit, with that checkout first on PYTHONPATH), train a small network and keep what comes of it:

    python scripts/train.py data=manifest data.manifest=... data.image_size=32 trainer.max_epochs=1
        model.backbone=test_efficientnet gate=pixel out=some_run
    python tests/keep_checkpoint.py some_run/checkpoints/best.ckpt tests/checkpoints

Writes format_<N>.ckpt, with weights in half precision and without what only training needs, and
format_<N>.json with the logits of ``make_batch()``, computed by the code that runs this.
"""

import json
import sys
from pathlib import Path
from typing import Any

import torch

KEPT = ("epoch", "global_step", "hyper_parameters", "roi_classifier")
SIZE = 32


def make_batch() -> dict[str, torch.Tensor]:
    """Two images of waves (2, 3, 32, 32), the ROI of each a rectangle."""
    y, x = torch.meshgrid(torch.arange(SIZE), torch.arange(SIZE), indexing="ij")
    waves = [torch.sin(x / (2 + c) + y / (3 + i)) for i in range(2) for c in range(3)]
    roi = torch.zeros(2, 1, SIZE, SIZE, dtype=torch.bool)
    roi[0, :, 4:20, 8:28] = True
    roi[1, :, 10:30, 2:18] = True
    image = torch.stack(waves).view(2, 3, SIZE, SIZE)
    return {"image": image, "roi": roi, "has_roi": torch.ones(2, 1, dtype=torch.bool)}


def without_folders(value: Any) -> Any:
    """The same values, absolute paths cut down to their last part."""
    if isinstance(value, dict):
        return {key: without_folders(item) for key, item in value.items()}
    if isinstance(value, list):
        return [without_folders(item) for item in value]
    return Path(value).name if isinstance(value, str) and Path(value).is_absolute() else value


def keep(source: Path, folder: Path) -> Path:
    """Write the small checkpoint and its answers; returns its path."""
    from lightning_modules import ROIClassifier

    checkpoint = torch.load(source, weights_only=True)
    small = {name: without_folders(checkpoint[name]) for name in KEPT}
    small["state_dict"] = {
        name: value.half() if value.is_floating_point() else value
        for name, value in checkpoint["state_dict"].items()
    }
    path = folder / f"format_{small['roi_classifier']['format']}.ckpt"
    torch.save(small, path)
    with torch.no_grad():
        logits = ROIClassifier.load_from_checkpoint(path)(make_batch()).logits
    text = json.dumps({"logits": logits.tolist()}, indent=1)
    path.with_suffix(".json").write_text(text + "\n", encoding="utf-8")
    return path


if __name__ == "__main__":
    print(keep(Path(sys.argv[1]), Path(sys.argv[2])))
