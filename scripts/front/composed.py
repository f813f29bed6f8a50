"""A composed configuration together with where every key of it came from."""

from dataclasses import dataclass
from typing import Any

from omegaconf import DictConfig

from front.conf_tree import ConfTree, has_key


@dataclass(frozen=True)
class Composed:
    """What one job would run with.

    Args:
        cfg: The composed configuration, Hydra's own part left out.
        overrides: The arguments that were typed.
        choices: Group -> chosen file.
        config_name: The command's file, such as ``train``.
        tree: The folder of configuration files.
    """

    cfg: DictConfig
    overrides: list[str]
    choices: dict[str, Any]
    config_name: str
    tree: ConfTree

    def group_of(self, key: str) -> str | None:
        """The group whose file fills the key: the longest that the key starts with."""
        path = key.replace(".", "/") + "/"
        groups = [group for group in self.choices if path.startswith(f"{group}/")]
        return max(groups, key=len, default=None)

    def group_file(self, group: str) -> str | None:
        """The chosen file of a group, such as ``gate/pixel``."""
        choice = self.choices.get(group)
        return f"{group}/{choice}" if isinstance(choice, str) else None

    def source(self, key: str) -> str:
        """Who set the key: ``(command line)`` or the file that has the last word on it."""
        if any(_sets(override, key, self.tree.groups()) for override in self.overrides):
            return "(command line)"
        for name in self.tree.global_files(self.choices):
            if has_key(self.tree.raw(name), key):
                return f"({self.tree.label(name)})"
        group = self.group_of(key)
        chosen = self.group_file(group) if group is not None else None
        if group is not None and chosen is not None:
            below = key[len(group) + 1 :]
            for name in self.tree.with_parts(chosen):
                if below and has_key(self.tree.raw(name), below):
                    return f"({self.tree.label(name)})"
            return f"({self.tree.label(chosen)})"
        part = "/".join(key.split(".")[:2])  # one of several choices names its key as its file
        return f"({self.tree.label(part if self.tree.path(part) else self.config_name)})"


def override_key(override: str) -> str:
    """The key or group of an argument, without ``+``, ``~``, its package and its value."""
    return override.partition("=")[0].lstrip("+~").partition("@")[0]


def _sets(override: str, key: str, groups: list[str]) -> bool:
    typed = override_key(override)
    return typed == key or (key.startswith(f"{typed}.") and typed not in groups)
