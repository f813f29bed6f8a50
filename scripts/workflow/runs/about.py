"""What a run's config.yaml says of it, for those who list many runs."""

import re
from pathlib import Path

from workflow.gate_names import name_gate


def read_about(file: Path) -> dict[str, str] | None:
    """What config.yaml says of gate, backbone, data and seed, line by line; None: no such file.

    The project writes it, a key a line; a parser takes a hundred times as long.
    """
    try:
        lines = file.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return None
    found, group = {}, ""
    for line in lines:
        key, _, value = line.partition(":")
        if not line.startswith((" ", "-")):
            group = key
            found[key] = value.strip().strip("'\"")
        elif line.startswith("  ") and line[2] not in " -":
            found[f"{group}.{key.strip()}"] = value.strip().strip("'\"")
    about = {"data": _name_data(found), "seed": found.get("seed", "")}
    about["backbone"] = found.get("model.backbone", "")
    about["epochs"] = found.get("trainer.max_epochs", "")
    if "gate._target_" in found:
        unsupervised = found.get("gate.unsupervised") == "true"
        about["gate"] = name_gate(found["gate._target_"], unsupervised)
    return {key: value for key, value in about.items() if value}


def _name_data(found: dict[str, str]) -> str:
    """The file or folder that the images came from, else the name of the data."""
    for key in ("data.manifest", "data.images", "data.folder", "data.shards", "predictions"):
        value = found.get(key, "")
        if value not in ("", "null"):
            path = Path(value)
            return path.parent.name if path.stem in ("manifest", "predictions") else path.stem
    name = found.get("data._target_", "").rpartition(".")[2].removesuffix("Data")
    return re.sub(r"(?<!^)(?=[A-Z])", "_", name).lower()
