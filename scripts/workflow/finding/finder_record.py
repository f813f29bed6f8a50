"""finder.json: which finder made the ROIs of a manifest and how, kept with it and in checkpoints.

What is read from it is plain data: a name of the project's own list and that finder's options.
"""

import dataclasses
import hashlib
import importlib
import json
import logging
import sys
from pathlib import Path
from typing import Any

from datamodules.roi_finders.base import ROIFinder
from datamodules.tables.table import ImageTable

log = logging.getLogger(__name__)
FILE = "finder.json"
# closed: a record names nothing else, and so cannot name code to run
FINDERS = {
    "boxes": ("datamodules.roi_finders.boxes", "BoxesFinder"),
    "face": ("datamodules.roi_finders.face", "FaceFinder"),
    "fixed": ("datamodules.roi_finders.fixed", "FixedFinder"),
    "saliency": ("workflow.finding.saliency_finder", "SaliencyFinder"),
}
VERSIONED = ("cv2", "numpy", "PIL", "timm", "torch")


def describe_finder(finder: ROIFinder) -> dict[str, Any]:
    """Plain record of a finder: its name, options, files by their SHA-256, and versions."""
    options = {f.name: _plain(getattr(finder, f.name)) for f in dataclasses.fields(finder)}
    loaded = {name: sys.modules.get(name) for name in VERSIONED}
    return {
        "finder": finder.name,
        "options": options,
        "regions": list(finder.region_names),
        "proposes": finder.proposes,
        "files": _hash_files(options),
        "versions": {name: str(m.__version__) for name, m in loaded.items() if m is not None},
    }


def _plain(value: Any) -> Any:  # noqa: ANN401
    if isinstance(value, dict):
        return {str(key): _plain(one) for key, one in value.items()}
    return [_plain(one) for one in value] if isinstance(value, list | tuple) else value


def _hash_files(options: dict[str, Any]) -> dict[str, str]:
    """SHA-256 of each file that an option names."""
    paths = {key: Path(value) for key, value in options.items() if isinstance(value, str) and value}
    return {
        key: hashlib.sha256(path.read_bytes()).hexdigest()
        for key, path in paths.items()
        if path.is_file()
    }


def load_finder(record: dict[str, Any], where: str = "the record of the finder") -> ROIFinder:
    """Build the finder of a record again.

    Args:
        record: As ``describe_finder`` made it, or as it was read from a file or checkpoint.
        where: It comes from, for messages.

    Raises:
        ValueError: It names no finder of this project, an option that the finder does not have, or
            a file that is gone or another one by now.
    """
    check_record(record, where)
    module, name = FINDERS[record["finder"]]
    kind = getattr(importlib.import_module(module), name)
    unknown = sorted(record["options"].keys() - {field.name for field in dataclasses.fields(kind)})
    if unknown:
        raise ValueError(
            f"{where}: roi={record['finder']} has no option {', '.join(unknown)}. It was written "
            "by another version: run scripts/find_roi.py again."
        )
    changed = [
        f"{key} {record['options'].get(key)}"
        for key, digest in record["files"].items()
        if _hash_files({key: record["options"].get(key)}).get(key) != digest
    ]
    if changed:
        raise ValueError(
            f"{where}: not the file that the ROIs were found with, or gone: {', '.join(changed)}. "
            "Put the same file there."
        )
    return kind(**record["options"])


def check_record(record: Any, where: str) -> None:  # noqa: ANN401
    """Hold a record that was read to the form of those that are written.

    Raises:
        ValueError: It is none, or names a finder that this project does not have.
    """
    kinds = {"finder": str, "options": dict, "regions": list, "proposes": bool, "files": dict}
    wrong = not isinstance(record, dict) or [
        key for key, kind in kinds.items() if not isinstance(record.get(key), kind)
    ]
    if wrong or record["finder"] not in FINDERS:
        raise ValueError(
            f"{where} is no record of a finder: expected {', '.join(kinds)}, with finder one of "
            f"{', '.join(FINDERS)}. Write it with scripts/find_roi.py, or delete the file."
        )


def read_finder(config: dict[str, Any], table: ImageTable) -> dict[str, Any]:
    """``{"roi_finder": record}`` of a table whose ROIs were found, else an empty dict.

    Args:
        config: Of the run; the record lies beside ``data.manifest``.
        table: Its images.

    Raises:
        ValueError: The file beside the manifest is no such record.
    """
    manifest = config["data"].get("manifest")
    file = Path(manifest).with_name(FILE) if manifest else None
    if file is None or not table.detected.any() or not file.is_file():
        return {}
    try:
        record = json.loads(file.read_text(encoding="utf-8"))
    except (ValueError, RecursionError) as error:
        raise ValueError(
            f"{file} cannot be read ({error}). Write it with scripts/find_roi.py, or delete it."
        ) from error
    check_record(record, str(file))
    log.info("roi=%s found the ROIs; how is kept in the checkpoint.", record["finder"])
    return {"roi_finder": record}
