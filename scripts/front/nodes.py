"""Checks a node that names a class by ``_target_`` against the signature of that class."""

from typing import Any

from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import InterpolationKeyError, OmegaConfBaseException

from front.annotations import accepts, describe
from front.composed import Composed
from front.signatures import Signature, read_signature
from front.sources import TargetNotFound
from front.wording import CKPT_WORDS, THREE_WORDS, did_you_mean, listed, nearest

HYDRA_KEYS = {"_target_", "_args_", "_convert_", "_partial_", "_recursive_"}
UNKNOWN = object()


def node_problems(composed: Composed, key: str, node: DictConfig) -> list[str]:
    """Every mistake in one node; ``key`` is its dotted path."""
    target = node.get("_target_")
    if not isinstance(target, str) or "." not in target:
        wrong = f"{key}._target_ is {shown(target)}, expected the dotted path of a class"
        return [f"{wrong}  {composed.source(f'{key}._target_')}"]
    try:
        signature = read_signature(target)
    except TargetNotFound as error:
        source = composed.source(f"{key}._target_")
        return [f"{key}._target_ is '{target}': {error}  {source}"]
    problems = []
    for name in node.keys():
        if name not in HYDRA_KEYS:
            problems += _key_problems(composed, signature, key, node, str(name))
    absent = [name for name in signature.required if name not in node.keys()]
    owner = owner_name(composed, key, signature)
    file = composed.source(f"{key}._target_")
    if "_args_" not in node:
        problems += [f"{key}.{one} is required by {owner}. Add it  {file}" for one in absent]
    return problems


def _key_problems(
    composed: Composed, signature: Signature, key: str, node: DictConfig, name: str
) -> list[str]:
    path = f"{key}.{name}"
    parameter = signature.options.get(name)
    if parameter is None:
        if signature.takes_anything:
            return []
        return [f"{path} {unknown_option(composed, signature, key, name)}  {composed.source(path)}"]
    value = plain_value(node, name)
    if isinstance(value, InterpolationKeyError):
        return [f"{path}: {_first_line(value)}  {composed.source(path)}"]
    if value is UNKNOWN or (isinstance(value, dict) and "_target_" in value):
        return []
    if parameter.annotation is None or accepts(parameter.annotation, parameter.module, value):
        return []
    expected = describe(parameter.annotation, parameter.module)
    hint = text_hint(value, expected, path)
    return [f"{path} is {shown(value)}, expected {expected}{hint}  {composed.source(path)}"]


def unknown_option(composed: Composed, signature: Signature, key: str, name: str) -> str:
    """Why a class does not take a key, as the end of a sentence that starts with the key."""
    if key == "trainer" and name in CKPT_WORDS:
        return THREE_WORDS
    owner = owner_name(composed, key, signature)
    if name in signature.supplied:
        return f"is supplied by the program; it is not an option of {owner}."
    guess = did_you_mean(name, signature.options)
    owners = "" if guess else other_owners(composed, key, name)
    names = listed("Options", signature.options)
    if not names and not signature.options:
        names = f" {owner} has no options."
    return f"is not an option of {owner}.{guess}{owners}{names}"


def owner_name(composed: Composed, key: str, signature: Signature) -> str:
    """A class by its name; a function, which users never see, by the choice that names it."""
    choice = composed.choices.get(key)
    is_class = signature.name[:1].isupper()
    return f"{key}={choice}" if isinstance(choice, str) and not is_class else signature.name


def other_owners(composed: Composed, group: str, name: str) -> str:
    """' It belongs to gate=pixel', when other files of the group know the key."""
    if group not in composed.tree.groups():
        return ""
    owners = [
        f"{group}={choice}"
        for choice in composed.tree.choices(group)
        if choice != composed.choices.get(group)
        and name in _options_of(composed.tree.raw(f"{group}/{choice}").get("_target_"))
    ]
    return f" It belongs to {', '.join(owners)}." if owners else ""


def _options_of(target: Any) -> list[str]:  # noqa: ANN401
    try:
        return list(read_signature(target).options) if isinstance(target, str) else []
    except TargetNotFound:
        return []


def plain_value(node: DictConfig, name: str) -> Any:  # noqa: ANN401
    """The value as plain Python; UNKNOWN when missing or known at run time only.

    A reference to a key that does not exist comes back as the error itself.
    """
    if OmegaConf.is_missing(node, name):
        return UNKNOWN
    try:
        value = node[name]
        return OmegaConf.to_container(value, resolve=True) if OmegaConf.is_config(value) else value
    except InterpolationKeyError as error:
        return error
    except OmegaConfBaseException:
        return UNKNOWN


def text_hint(value: Any, expected: str, path: str) -> str:  # noqa: ANN401
    """How to give a number where text is expected, or which of the choices was meant."""
    if isinstance(value, int | float) and not isinstance(value, bool) and "text (str)" in expected:
        return f". To give a number as text: \"{path}='{value}'\""
    if isinstance(value, str) and "one of " in expected:
        words = [word for word in expected.split("'") if word.strip(", ")]
        guess = nearest(value, words, cutoff=0.8)
        return f". Did you mean '{guess[0]}'?" if guess else ""
    return ""


def shown(value: Any) -> str:  # noqa: ANN401
    """A value as YAML would write it."""
    if value is None:
        return "null"
    return str(value).lower() if isinstance(value, bool) else repr(value)


def _first_line(error: Exception) -> str:
    return str(error).splitlines()[0]
