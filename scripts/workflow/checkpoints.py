"""checkpoint.py: what is inside checkpoints, and their twins."""

import json
from pathlib import Path
from typing import Any

from lightning_modules.checkpoint_file import TWIN, check_file, is_twin
from workflow.places import find_checkpoint


def look_at(word: str, which: str, export: bool, out: str | None) -> dict[str, Any]:
    """Summarize the checkpoint that a word means, and write its twin where that is asked for.

    Args:
        word: ``latest``, a run's name, a run folder or a file.
        which: ``best`` or ``last``, where the word names a run.
        export: Whether to write the twin.
        out: Of the twin's weights; None: beside the checkpoint.

    Raises:
        ValueError: There is no such checkpoint, or it cannot be opened.
    """
    path = find_checkpoint(word, which)
    check_file(path)  # before torch is imported
    target = path.with_suffix(TWIN) if out is None else Path(out)
    if not is_twin(target):
        raise ValueError(f"{target} does not end with {TWIN}: name the file of the weights so.")

    from lightning_modules.checkpoint_summary import export_twin, summarize_checkpoint

    found = summarize_checkpoint(path)
    if export:
        found["twin"] = [str(file) for file in export_twin(path, target)]
    return found


def show(found: list[dict[str, Any]], as_json: bool) -> None:
    """Print summaries, for people or for programs."""
    if as_json:
        print(json.dumps(found, indent=2, ensure_ascii=False))
        return
    if not found:
        return

    from lightning_modules.checkpoint_summary import describe_checkpoint

    for one in found:
        print(describe_checkpoint(one))
        for file in one.get("twin", []):
            print(f"  written       {file}")
