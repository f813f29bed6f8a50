"""Hydra's own complaints in the words of this project, for mistakes that stand in files."""

import re
from collections.abc import Iterator
from typing import Any

from hydra.errors import MissingConfigException
from yaml import MarkedYAMLError

from front.conf_tree import ConfTree
from front.wording import did_you_mean


def explain_hydra(error: Exception, choices: dict[str, Any], tree: ConfTree) -> str:
    """A sentence on an error that no single argument explains.

    Args:
        error: What Hydra raised.
        choices: Group -> choice as typed, to find the file that is at fault.
        tree: The folder of configuration files.
    """
    if isinstance(error, MarkedYAMLError) and error.problem_mark is not None:
        mark = error.problem_mark
        tabs = " YAML is indented with spaces, not tabs." if "\\t" in str(error.problem) else ""
        place = f"{_without_folders(mark.name, tree)}, line {mark.line + 1}"
        return f"{place} is not valid YAML: {error.context or ''} {error.problem}.{tabs}"
    if ignored := list(ignored_files(choices, tree)):
        return "\n".join(ignored)
    if isinstance(error, MissingConfigException) and "/" in (error.missing_cfg_file or ""):
        return _missing_choice(str(error.missing_cfg_file), choices, tree)
    text = str(error).split("\nConfig search path")[0].split("\nSearch path")[0]
    if error.__cause__ is not None and str(error.__cause__) not in text:
        text = f"{text}\n{error.__cause__}"
    lines = [line.strip() for line in _without_folders(text, tree).splitlines() if line.strip()]
    if unknown := re.search(r"Could not override '([\w/]+)'\. No match", text):
        lines[-1] += did_you_mean(unknown[1], tree.groups())
    return "\n".join(lines) or type(error).__name__


def ignored_files(choices: dict[str, Any], tree: ConfTree) -> Iterator[str]:
    """Chosen experiments and debug modes whose values Hydra would put where nobody looks."""
    for name in tree.global_files(choices):
        if tree.package(name) != "_global_":
            yield (
                f"{tree.label(name)} must begin with the line '# @package _global_',"
                " or Hydra ignores its values"
            )


def _missing_choice(missing: str, choices: dict[str, Any], tree: ConfTree) -> str:
    group, _, name = missing.rpartition("/")
    known = tree.choices(group)
    files = [file for file in tree.global_files(choices) if _asks_for(tree, file, name)]
    source = f"  ({tree.label(files[0])})" if files else ""
    return (
        f"there is no conf/{missing}.yaml.{did_you_mean(name, known)}"
        f" Choices: {', '.join(known)}{source}"
    )


def _asks_for(tree: ConfTree, file: str, choice: str) -> bool:
    entries = tree.raw(file).get("defaults", [])
    return any(choice in (e.values() if isinstance(e, dict) else [e]) for e in entries)


def _without_folders(text: str, tree: ConfTree) -> str:
    for folder in tree.folders:
        text = text.replace(str(folder), folder.name)
    return text
