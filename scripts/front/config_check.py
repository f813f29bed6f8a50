"""Every mistake in a composed configuration, found before anything heavy is imported."""

import re
from collections.abc import Iterator
from typing import Any

from omegaconf import DictConfig, OmegaConf

from front import known_names
from front.composed import Composed, override_key
from front.conf_tree import GLOBAL_GROUPS
from front.hydra_errors import ignored_files
from front.nodes import UNKNOWN, node_problems, plain_value, shown
from front.wording import nearest, unknown_top_level

TYPES = {bool: "true or false (bool)", int: "a whole number (int)", str: "text (str)"}


def find_problems(composed: Composed) -> list[str]:
    """All problems, each a full sentence that ends with where the mistake stands."""
    return [
        *ignored_files(composed.choices, composed.tree),
        *_unknown_top_level_keys(composed),
        *_wrong_top_level_types(composed),
        *_absent_parts(composed),
        *_missing_values(composed),
        *_bad_nodes(composed),
        *_entries_without_target(composed),
        *_unknown_backbones(composed),
        *_unknown_optimizers(composed),
        *_unlogged_monitors(composed),
    ]


def _unknown_top_level_keys(composed: Composed) -> Iterator[str]:
    known = known_top_level(composed)
    ignored = {
        group
        for group in GLOBAL_GROUPS
        if group in composed.choices and group not in composed.tree.own_keys(composed.config_name)
    }
    for key in composed.cfg:
        if key not in known and key not in ignored:
            yield f"{unknown_top_level(str(key), known)}  {composed.source(str(key))}"


def known_top_level(composed: Composed) -> set[str]:
    """The keys of the command's own file and its groups."""
    defaults = composed.tree.default_choices(composed.config_name)
    several = {group for group, choice in defaults.items() if isinstance(choice, list)}
    chosen = {*composed.choices, *several}  # Hydra does not tell of the choices of several
    groups = {group.split("/")[0] for group in chosen} - {"hydra", *GLOBAL_GROUPS}
    own = composed.tree.own_keys(composed.config_name)
    extra = {override_key(one) for one in composed.overrides if one.startswith("+")}
    return groups | own.keys() | (extra & set(composed.tree.groups()))


def _wrong_top_level_types(composed: Composed) -> Iterator[str]:
    for key, default in composed.tree.own_keys(composed.config_name).items():
        kind = str if default is None else type(default)
        if key not in composed.cfg or kind not in TYPES:
            continue
        value = plain_value(composed.cfg, key)
        optional = default is None and value is None
        if value is not UNKNOWN and not optional and type(value) is not kind:
            or_null = " or null" if default is None else ""
            example = f", such as {key}=run_{value}" if key == "name" else ""
            yield (
                f"{key} is {shown(value)}, expected {TYPES[kind]}{or_null}{example}"
                f"  {composed.source(key)}"
            )


def _absent_parts(composed: Composed) -> Iterator[str]:
    for group, choice in composed.tree.default_choices(composed.config_name).items():
        needed = choice is not None and group not in ("hydra", *GLOBAL_GROUPS)
        if needed and "/" not in group and group not in composed.cfg:
            choices = ", ".join(composed.tree.choices(group))
            yield f"{group} cannot be left out. Choices: {choices}  {composed.source(group)}"


def _missing_values(composed: Composed) -> Iterator[str]:
    nodes = walk(composed.cfg)
    missing = [
        (key, name) for key, node in nodes for name in node if OmegaConf.is_missing(node, name)
    ]
    for key in [f"{key}.{name}".lstrip(".") for key, name in missing]:
        group = composed.group_of(key)
        chosen = composed.group_file(group) if group is not None else None
        text = composed.tree.text(chosen or composed.config_name)
        example = re.search(rf"#.*\b({re.escape(key)}=\S+)", text)
        how = example[1] if example else f"{key}=<value>"
        yield f"{key} is not set. Set it, for example: {how}  {composed.source(key)}"


def walk(node: Any, key: str = "") -> Iterator[tuple[str, DictConfig]]:  # noqa: ANN401
    """Every mapping below a node with its dotted path."""
    if OmegaConf.is_dict(node) and not node._is_missing() and not node._is_none():
        yield key, node
        for name in node:
            child = node._get_node(name)
            if OmegaConf.is_config(child) and not child._is_interpolation():
                yield from walk(child, f"{key}.{name}".lstrip("."))
    elif OmegaConf.is_list(node) and not node._is_missing() and not node._is_none():
        for index in range(len(node)):
            child = node._get_node(index)
            if OmegaConf.is_config(child) and not child._is_interpolation():
                yield from walk(child, f"{key}.{index}")


def _bad_nodes(composed: Composed) -> Iterator[str]:
    for key, node in walk(composed.cfg):
        if "_target_" in node:
            yield from node_problems(composed, key, node)


def _entries_without_target(composed: Composed) -> Iterator[str]:
    """In a group of named parts (callbacks), an entry without a class is a misspelled name."""
    for group in composed.choices:
        parts = composed.cfg.get(group)
        if not OmegaConf.is_dict(parts) or "_target_" in parts:
            continue
        entries = {str(name): parts[name] for name in parts if OmegaConf.is_dict(parts.get(name))}
        named = [name for name, entry in entries.items() if "_target_" in entry]
        for name in entries.keys() - set(named) if named else ():
            guess = nearest(name, named)
            hint = f" Did you mean '{guess[0]}'?" if guess else f" There are: {', '.join(named)}"
            yield (
                f"{group}.{name} names no class (_target_).{hint}"
                f"  {composed.source(_first_leaf(f'{group}.{name}', entries[name]))}"
            )


def _first_leaf(key: str, node: DictConfig) -> str:
    return f"{key}.{next(iter(node))}" if len(node) else key


def _unknown_backbones(composed: Composed) -> Iterator[str]:
    for key, node in walk(composed.cfg.get("model"), "model"):
        name = plain_value(node, "backbone") if "backbone" in node else None
        if isinstance(name, str) and not known_names.backbone_exists(name):
            guesses = nearest(name.split(".")[0], known_names.backbone_names(), 5, 0.5)
            yield _unknown_name(composed, f"{key}.backbone", name, "backbone", guesses)


def _unknown_optimizers(composed: Composed) -> Iterator[str]:
    optimizer = composed.cfg.get("optimizer")
    if not OmegaConf.is_dict(optimizer) or "name" not in optimizer:
        return
    name = plain_value(optimizer, "name")
    if isinstance(name, str) and not known_names.optimizer_exists(name):
        guesses = nearest(name, known_names.optimizer_names(), 5, 0.5)
        yield _unknown_name(composed, "optimizer.name", name, "optimizer", guesses)


def _unknown_name(composed: Composed, key: str, name: str, kind: str, guesses: list[str]) -> str:
    hint = f" Did you mean {' or '.join(guesses)}?" if guesses else ""
    return f"{key} is '{name}', no {kind} of the installed timm.{hint}  {composed.source(key)}"


def _unlogged_monitors(composed: Composed) -> Iterator[str]:
    for group in ("callbacks", "scheduler"):
        for key, node in walk(composed.cfg.get(group), group):
            name = plain_value(node, "monitor") if "monitor" in node else None
            if isinstance(name, str) and not known_names.is_logged(name):
                logged = ", ".join(known_names.logged_names())
                path = f"{key}.monitor"
                yield (
                    f"{path} is '{name}', which is never logged."
                    f" Logged: {logged}, val_f1_<class>, ...  {composed.source(path)}"
                )
