"""The help of a command, read from its configuration files: their comments are the manual."""

import re

from front.conf_tree import ConfTree

FLAGS = """\
Flags
  --help [part]     this text; with a part, such as --help gate, its choices and their options
  --cfg job         show the composed configuration and stop
  --multirun        run every combination of values separated by commas
  --info defaults   show which files are used"""
KEY_LINE = re.compile(r"^([a-z_]+):\s*(.*)$")


def help_text(config_name: str, asked: list[str], tree: ConfTree) -> str:
    """Help on the whole command, or on the groups in ``asked`` (``gate`` or ``gate=pixel``)."""
    groups = [one for one in asked if one.partition("=")[0] in tree.groups()]
    if groups:
        return "\n\n".join(_group_help(one, tree) for one in groups)
    parts = [_header(tree.text(config_name)), _groups(config_name, tree), _keys(config_name, tree)]
    return "\n\n".join([*(part for part in parts if part), FLAGS])


def _header(text: str) -> str:
    lines = []
    for line in text.splitlines():
        if not line.startswith("#"):
            break
        if "@package" not in line:
            lines.append(line[1:].removeprefix(" "))
    return "\n".join(lines)


def _groups(config_name: str, tree: ConfTree) -> str:
    """One line a group: its choices, the default marked."""
    defaults = tree.default_choices(config_name)
    lines = []
    for group in defaults:
        if group in tree.groups():
            chosen = defaults[group] if isinstance(defaults[group], list) else [defaults[group]]
            names = [f"[{one}]" if one in chosen else one for one in tree.choices(group)]
            lines.append(f"  {group:<15}{', '.join(names)}")
    elsewhere = {group for name in tree.commands() for group in tree.default_choices(name)}
    more = [group for group in tree.groups() if group not in elsewhere]
    if not lines:
        return ""
    title = "Parts: <part>=<choice> picks a file of conf/<part>/; <part>.<option>=<value>"
    extra = [f"  more, added with +<part>=<choice>: {', '.join(more)}"] if more else []
    return "\n".join([f"{title} sets a value; [default]", *lines, *extra])


def _keys(config_name: str, tree: ConfTree) -> str:
    """The command's own keys with their defaults and comments."""
    own = tree.own_keys(config_name)
    lines = {}  # a file has the last word on a key of those that it is made of
    for name in reversed(tree.with_parts(config_name)):
        for line in tree.text(name).splitlines():
            match = KEY_LINE.match(line)
            if match and match[1] in own and match[1] != "defaults":
                lines[match[1]] = f"  {line}"
    return "\n".join(["Keys: <key>=<value>", *lines.values()]) if lines else ""


def _group_help(asked: str, tree: ConfTree) -> str:
    """The files of a group as they are written, comments included."""
    group, _, choice = asked.partition("=")
    names = [choice] if choice in tree.choices(group) else tree.choices(group)
    blocks = []
    for name in names:
        parts = tree.with_parts(f"{group}/{name}")
        lines = [line for part in parts for line in _body(tree.text(part))]
        blocks.append("\n".join([f"{group}={name}", *(f"  {line}" for line in lines)]))
    return "\n\n".join(blocks)


def _body(text: str) -> list[str]:
    """A file without what only Hydra reads."""
    text = re.sub(r"^defaults:\n(?:  ?- .*\n|  .*\n)*", "", text, flags=re.MULTILINE)
    hidden = ("_target_:", "# @package")
    return [line for line in text.splitlines() if line.strip() and not line.startswith(hidden)]
