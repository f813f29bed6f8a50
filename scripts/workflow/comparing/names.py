"""Names for the variants of a comparison: as short as they can be, and what else differs."""

from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import PurePath
from typing import Any

from front.conf_tree import GLOBAL_GROUPS

from workflow.gate_names import name_gate
from workflow.resuming.config_hash import OF_THE_CALL, PLACES, covers

# says nothing of what was learned
LEFT_OUT = (*OF_THE_CALL, *PLACES, "out", "name", "config_hash", "control", "which", "callbacks")
LEFT_OUT += ("interventions", "data.slice_by", "data.pair_by", "data._target_")
# what says most about a model, in the order in which a name takes it
FIRST = (
    "gate",
    "predictions",
    "study",
    "experiment",
    "recipe",
    "model.backbone",
    "model.pretrained",
    "ckpt",
    "extras",
    "seed",
    "data.fold",
)
LONGEST = 28  # characters of a value


def tell_apart(
    configs: Sequence[dict[str, Any]], folders: Sequence[str]
) -> list[tuple[str, dict[str, str]]]:
    """Name each variant by what its configuration does not share with the others'.

    A name takes options one after the other, those that say most first, and only as long as they
    tell more variants apart; where all of them do not, the name of the folder follows.

    Args:
        configs: Resolved, one a variant.
        folders: What to call each where its configuration is that of another.

    Returns:
        The name of each, and all that differs, as text by its key.
    """
    flat = [dict(_flatten(config)) for config in configs]
    for key in GLOBAL_GROUPS:
        if not all(key in one for one in flat):
            flat = [{name: value for name, value in one.items() if name != key} for one in flat]
    different = [key for key in _all_keys(flat) if len({one.get(key) for one in flat}) > 1]
    ranked = sorted(different, key=_rank)
    chosen: list[str] = []
    kinds = [()] * len(flat)
    for key in ranked:
        finer = [(*kind, one.get(key)) for kind, one in zip(kinds, flat, strict=True)]
        if len(set(finer)) > len(set(kinds)):
            chosen, kinds = [*chosen, key], finer
        if len(set(kinds)) == len(kinds):
            break
    names = [_join(one, chosen) or _join(one, [k for k in ranked if k in one][:1]) for one in flat]
    shared = Counter(names)
    names = [
        name if name and shared[name] == 1 else f"{name} {folder}".strip()
        for name, folder in zip(names, folders, strict=True)
    ]
    settings = [{key: one[key] for key in different if key in one} for one in flat]
    return list(zip(_number(names), settings, strict=True))


def _join(one: dict[str, str], chosen: Sequence[str]) -> str:
    """``gate=pixel lr=0.1``: the chosen options that a variant has."""
    return " ".join(f"{_short(key, chosen)}={_cut(one[key])}" for key in chosen if key in one)


def _flatten(node: dict[str, Any], prefix: str = "") -> Iterator[tuple[str, str]]:
    """Dotted keys to text; a part by its kind first, as ``gate`` to ``pixel``."""
    for name, value in node.items():
        key = f"{prefix}{name}"
        if covers(LEFT_OUT, key):
            continue
        if isinstance(value, dict):
            if "_target_" in value:
                yield key, _name_kind(key, value)
            yield from _flatten(value, f"{key}.")
        elif name != "_target_":
            yield key, _show(value)


def _name_kind(key: str, part: dict[str, Any]) -> str:
    if key == "gate":
        return name_gate(part["_target_"], bool(part.get("unsupervised")))
    return _last(part["_target_"])


def _all_keys(flat: Sequence[dict[str, str]]) -> list[str]:
    """In the order of the configuration, without options that only some kinds of a part have."""
    keys = dict.fromkeys(key for one in flat for key in one)
    kinds = {key.partition(".")[0] for key in keys if "." not in key}
    split = {kind for kind in kinds if len({one.get(kind) for one in flat}) > 1}
    return [
        key
        for key in keys
        if key.partition(".")[0] not in split or "." not in key or all(key in one for one in flat)
    ]


def _rank(key: str) -> tuple[int, str]:
    places = [place for place, one in enumerate(FIRST) if covers((one,), key)]
    return (places[0] if places else len(FIRST), "")


def _short(key: str, chosen: Sequence[str]) -> str:
    """``lr`` for ``optimizer.lr``, unless another chosen key ends alike."""
    last = key.rpartition(".")[2]
    return last if sum(one.rpartition(".")[2] == last for one in chosen) == 1 else key


def _show(value: Any) -> str:  # noqa: ANN401
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    if isinstance(value, list):
        return ",".join(_show(one) for one in value)
    return str(value)


def _cut(value: str) -> str:
    """A path by its last part; what is longer than a name should be by its end."""
    text = PurePath(value.replace("\\", "/")).name if "/" in value or "\\" in value else value
    return text if len(text) <= LONGEST else f"...{text[3 - LONGEST :]}"


def _last(target: str) -> str:
    return target.rpartition(".")[2]


def _number(names: Sequence[str]) -> list[str]:
    """The same names, the second of two alike with a number."""
    seen: Counter[str] = Counter()
    numbered = []
    for name in names:
        seen[name] += 1
        numbered.append(name if seen[name] == 1 else f"{name} ({seen[name]})")
    return numbered
