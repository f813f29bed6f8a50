"""Which configurations are one and the same run, wherever and by however many it is computed."""

import copy
import hashlib
import json
from pathlib import Path
from typing import Any

from lightning_modules.run_files import hash_file

PATHS = {
    "manifest", "root", "images", "masks", "folder", "shards", "boxes", "annotations", "mask_cache",
    "corrections",
}  # fmt: skip
# keys that concern one call and not the run
OF_THE_CALL = (
    *("resume", "resume_allow", "dry_run", "test", "costs", "traceback"),
    *("require", "report"),
)
# keys that say where and by what a run is computed, and who watches: what it learns is the same,
# but for rounding where another device computes it
PLACES = (
    *(f"data.{name}" for name in sorted(PATHS)),
    "data.num_workers",
    "data.cache",
    "data.cache_gigabytes",
    "trainer.accelerator",
    "trainer.devices",
    "trainer.num_nodes",
    "trainer.strategy",
    "trainer.log_every_n_steps",
    "logger",
)


def hash_config(config: dict[str, Any]) -> str:
    """16 hexadecimal digits that stand for what a run learns by a configuration.

    Args:
        config: Resolved, as composed: before anything is settled by the data.
    """
    kept = copy.deepcopy(config)
    corrections = kept.get("data", {}).get("corrections")
    if corrections is not None:  # what they say is part of the data, wherever they lie
        file = Path(corrections).expanduser()
        kept["data"]["corrected"] = hash_file(file) if file.is_file() else None
    for key in (*OF_THE_CALL, "out", "config_hash", *PLACES):
        *parents, last = key.split(".")
        node = kept
        for name in parents:
            node = node.get(name) or {}
        node.pop(last, None)
    return hash_content(kept)


def hash_content(config: object) -> str:
    """16 hexadecimal digits that stand for all values of a configuration."""
    text = json.dumps(config, sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def covers(allowed: tuple[str, ...] | list[str], key: str) -> bool:
    """Whether a key is on a list, or below one that is: ``trainer`` covers all of the trainer."""
    return any(key == one or key.startswith(f"{one}.") for one in allowed)
