"""The folder of YAML files as it lies on disk: groups, choices, comments, who sets which key.

Hydra merges unknown keys of an experiment silently; the raw files still know who wrote them.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

CHECKOUT = Path(__file__).resolve().parents[2]
CONF = CHECKOUT / "conf"
# in the order of the defaults list: the last has the last word
GLOBAL_GROUPS = ("recipe", "experiment", "study", "debug")
PACKAGE = re.compile(r"^#\s*@package\s+(\S+)")


@dataclass(frozen=True)
class ConfTree:
    """One or more folders of configuration files; earlier folders win.

    Args:
        folders: Absolute paths.
    """

    folders: tuple[Path, ...] = (CONF,)

    def groups(self) -> list[str]:
        """Every folder with choices, as ``gate`` or ``sweep/launcher``; Hydra's own left out."""
        found = {
            path.parent.relative_to(folder).as_posix()
            for folder in self.folders
            for path in folder.rglob("*.yaml")
        }
        return sorted(group for group in found if group != "." and group.split("/")[0] != "hydra")

    def commands(self) -> list[str]:
        """The files of the commands, ``train`` and its like."""
        return sorted({path.stem for folder in self.folders for path in folder.glob("*.yaml")})

    def choices(self, group: str) -> list[str]:
        """The names that can be chosen; names with a leading underscore are parts of others."""
        names = {path.stem for folder in self.folders for path in (folder / group).glob("*.yaml")}
        return sorted(name for name in names if not name.startswith("_"))

    def path(self, name: str) -> Path | None:
        """The file of ``train`` or ``gate/pixel``, if there is one."""
        candidates = (folder / f"{name}.yaml" for folder in self.folders)
        return next((path for path in candidates if path.is_file()), None)

    def label(self, name: str) -> str:
        """How messages call a file: ``conf/gate/pixel.yaml``."""
        path = self.path(name)
        folder = next((one for one in self.folders if path and path.is_relative_to(one)), None)
        return f"{folder.name if folder is not None else 'conf'}/{name}.yaml"

    def text(self, name: str) -> str:
        """The file as it was written, or nothing."""
        path = self.path(name)
        return path.read_text(encoding="utf-8") if path is not None else ""

    def raw(self, name: str) -> dict[str, Any]:
        """The file's own keys, before anything is merged into them."""
        path = self.path(name)
        return _load_yaml(path) if path is not None else {}

    def package(self, name: str) -> str | None:
        """The ``@package`` that a file declares in its leading comments."""
        for line in self.text(name).splitlines():
            if line.strip() and not line.startswith("#"):
                return None
            if match := PACKAGE.match(line):
                return match[1]
        return None

    def with_parts(self, name: str) -> list[str]:
        """The file and the files of the same folder that its defaults list names, itself first."""
        group = name.rpartition("/")[0]
        parts = [name]
        for entry in self.raw(name).get("defaults", []):
            part = f"{group}/{entry}".lstrip("/") if isinstance(entry, str) else ""
            if part and entry != "_self_" and part not in parts and self.path(part) is not None:
                parts += self.with_parts(part)
        return parts

    def default_choices(self, config_name: str) -> dict[str, Any]:
        """Group -> choice in the defaults list of a command's file."""
        entries = [
            entry
            for name in self.with_parts(config_name)
            for entry in self.raw(name).get("defaults", [])
            if isinstance(entry, dict)
        ]
        pairs = [pair for entry in entries for pair in entry.items()]
        return {key.split()[-1].split("@")[0].lstrip("/"): choice for key, choice in pairs}

    def own_keys(self, config_name: str) -> dict[str, Any]:
        """Top-level keys of a command's file with their raw defaults."""
        keys: dict[str, Any] = {}
        for name in reversed(self.with_parts(config_name)):
            keys |= {k: v for k, v in self.raw(name).items() if k not in ("defaults", "hydra")}
        return keys

    def global_files(self, choices: dict[str, Any]) -> Iterator[str]:
        """The chosen files that speak for all groups, last word first: debug ... recipe."""
        for group in reversed(GLOBAL_GROUPS):
            chosen = choices.get(group)
            names = chosen if isinstance(chosen, list) else [chosen]
            for name in reversed([one for one in names if one is not None]):
                yield from self.with_parts(f"{group}/{name}")


def has_key(raw: dict[str, Any], key: str) -> bool:
    """Whether nested dicts hold the dotted key."""
    node: Any = raw
    for part in key.split("."):
        if not isinstance(node, dict) or part not in node:
            return False
        node = node[part]
    return True


@cache
def _load_yaml(path: Path) -> dict[str, Any]:
    import yaml

    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    with path.open(encoding="utf-8") as file:
        loaded = yaml.load(file, Loader=loader)
    return loaded if isinstance(loaded, dict) else {}
