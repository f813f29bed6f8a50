"""What is wrong with one argument of the command line, in a sentence."""

import re

from hydra.core.override_parser.types import Override, QuotedString
from omegaconf import DictConfig, OmegaConf

from front.composed import Composed
from front.conf_tree import ConfTree, has_key
from front.config_check import known_top_level
from front.nodes import other_owners, unknown_option
from front.signatures import Signature, read_signature
from front.sources import TargetNotFound
from front.wording import did_you_mean, listed, unknown_top_level

HERE = " (command line)"


def grammar_problem(argument: str) -> str:
    """An argument that Hydra cannot read at all."""
    key, equals, value = argument.partition("=")
    if not equals and re.fullmatch(r"\w+([./]\w+)+", argument):
        return f"{argument} has no value. Write {argument}=<value> {HERE}"
    if not equals:
        return (
            f"'{argument}' is not an option: options are written <key>=<value>, such as gate=pixel."
            f" If it is part of a value with a space, quote the whole option {HERE}"
        )
    if value.strip("[]").endswith(","):
        return (
            f"{key}={value.strip('[]')} ends with a comma: write values without blanks between "
            f"them, such as {key}=a,b, or quote the whole option {HERE}"
        )
    if value.startswith("[") and value.endswith("]") and not set(value[1:-1]) & set("[]{}\"'"):
        quoted = ", ".join(f"'{part.strip()}'" for part in value[1:-1].split(","))
        return (
            f"{argument} cannot be read. In a list, names with special characters (spaces, letters "
            f'beyond a to z) need quotes of their own: "{key}=[{quoted}]" {HERE}'
        )
    return (
        f"{argument} cannot be read. A value with special characters (commas, brackets, =, letters "
        f"beyond a to z) needs two pairs of quotes: \"{key}='{value}'\" {HERE}"
    )


def group_problem(override: Override, known: dict[str, object], tree: ConfTree) -> str | None:
    """A choice that its group does not have."""
    group = override.key_or_group
    line = override.input_line or ""
    if override.is_delete():
        return None
    if override.is_sweep_override():
        return several_values(override)
    if group not in known and not override.is_add():
        return f"{group} is not part of this command by default. Add it with +{line} {HERE}"
    value = override.value()
    names = value if isinstance(value, list) else [value]
    if value is None:
        choices = ", ".join(tree.choices(group))
        what = "cannot be left out" if known.get(group) else "is null when it is not named"
        return f"{line}: {group} {what}. Choices: {choices} {HERE}"
    for name in names:
        text = name.text if isinstance(name, QuotedString) else name
        if text is not None and tree.path(f"{group}/{text}") is None:
            choices = tree.choices(group)
            return (
                f"{line}: there is no conf/{group}/{text}.yaml."
                f"{did_you_mean(str(text), choices)} Choices: {', '.join(choices)} {HERE}"
            )
    return None


def several_values(override: Override) -> str:
    """A comma outside of brackets, which only a sweep understands."""
    key, _, value = (override.input_line or "").partition("=")
    return (
        f"{key}={value} names several values. Add --multirun to run each;"
        f' for one list write "{key}=[{value}]" {HERE}'
    )


def argument_problem(override: Override, base: Composed) -> str | None:
    """A key that the configuration composed from the groups does not have."""
    key = override.key_or_group
    if override.is_sweep_override():
        return several_values(override)
    if override.package is not None or "/" in key:
        return f"{override.input_line}: there is no group '{key}' {HERE}"
    if override.is_delete():
        gone = not _has(base.cfg, key)
        return f"{override.input_line}: there is no {key} to take away {HERE}" if gone else None
    if "=" not in (override.input_line or ""):
        return f"{key} has no value. Write {key}=<value> {HERE}"
    if override.is_add() or override.is_force_add() or _has(base.cfg, key):
        return None
    parent, name = _first_unknown(base.cfg, key)
    if parent:
        return f"{_below(base, parent, name, override)} {HERE}"
    known = known_top_level(base) | set(base.tree.default_choices(base.config_name)) - {"hydra"}
    return f"{unknown_top_level(name, known)} {HERE}"


def _has(cfg: DictConfig, key: str) -> bool:
    return has_key(OmegaConf.to_container(cfg, resolve=False), key)  # type: ignore[arg-type]


def _first_unknown(cfg: DictConfig, key: str) -> tuple[str, str]:
    """The longest path that exists, and the first part below it that does not."""
    parts = key.split(".")
    known = next(n for n in reversed(range(len(parts))) if n == 0 or _has(cfg, ".".join(parts[:n])))
    return ".".join(parts[:known]), parts[known]


def _below(base: Composed, parent: str, name: str, override: Override) -> str:
    node = OmegaConf.select(base.cfg, parent, throw_on_missing=False)
    key = f"{parent}.{name}"
    if not OmegaConf.is_dict(node):
        return f"{key}: {parent} is a value, it has nothing below it."
    signature = _signature(node)
    if signature is None:
        known = [str(one) for one in node]
        hint = did_you_mean(name, known) or other_owners(base, parent, name)
        return f"{key} does not exist.{hint}{listed('There are', known)}"
    if name in signature.options:
        return (
            f"{key} is an option that the file {base.source(f'{parent}._target_')} does not list."
            f" To add it, write +{override.input_line}"
        )
    return f"{key} {unknown_option(base, signature, parent, name)}"


def _signature(node: DictConfig) -> Signature | None:
    target = node.get("_target_")
    try:
        signature = read_signature(target) if isinstance(target, str) else None
    except TargetNotFound:
        return None
    return None if signature is None or signature.takes_anything else signature
