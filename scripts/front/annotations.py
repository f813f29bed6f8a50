"""Whether a configuration's value suits an annotation, and how the annotation reads in a message.

What cannot be resolved is accepted: the constructor has the last word.
"""

import ast
from typing import Any

from front.modules import Module
from front.sources import Definition, Expression, resolve_expression

WORDS = {
    "int": "a whole number (int)",
    "float": "a number (float)",
    "bool": "true or false (bool)",
    "str": "text (str)",
    "Path": "a path",
    "list": "a list",
    "dict": "a mapping (dict)",
    "None": "null",
}
SEQUENCES = {"list", "List", "Sequence", "Iterable", "Collection", "tuple", "Tuple", "set", "Set"}
SEQUENCES |= {"frozenset", "MutableSequence"}
MAPPINGS = {"dict", "Dict", "Mapping", "MutableMapping", "DictConfig"}
TEXT_BASES = {"Enum", "StrEnum", "Protocol", "TypedDict", "StrategyRegistry"}


def accepts(annotation: ast.expr | None, module: Module, value: Any) -> bool:  # noqa: ANN401
    """Whether the value (plain Python, from YAML) can be meant by the annotation."""
    if annotation is None:
        return True
    match annotation:
        case ast.Constant(value=None):
            return value is None
        case ast.Constant(value=str(text)):
            return accepts(ast.parse(text, mode="eval").body, module, value)
        case ast.BinOp(left=left, op=ast.BitOr(), right=right):
            return accepts(left, module, value) or accepts(right, module, value)
        case ast.Subscript(value=outer, slice=inner):
            return _accepts_generic(_last_name(outer), inner, module, value)
        case ast.Name() | ast.Attribute():
            return _accepts_name(annotation, module, value)
    return True


def _accepts_name(annotation: ast.expr, module: Module, value: Any) -> bool:  # noqa: ANN401
    match _last_name(annotation):
        case "int":
            return isinstance(value, int) and not isinstance(value, bool)
        case "float":
            return isinstance(value, int | float) and not isinstance(value, bool)
        case "bool":
            return isinstance(value, bool)
        case "str" | "Path" | "PathLike":
            return isinstance(value, str)
        case "None":
            return value is None
        case name if name in SEQUENCES:
            return value is not None and not isinstance(value, dict)
        case name if name in MAPPINGS:
            return isinstance(value, dict)
    return _accepts_resolved(annotation, module, value)


def _accepts_resolved(annotation: ast.expr, module: Module, value: Any) -> bool:  # noqa: ANN401
    found = resolve_expression(module, annotation)
    if isinstance(found, Expression) and not isinstance(found.node, ast.Call):
        return accepts(found.node, found.module, value)
    if isinstance(found, Definition) and isinstance(found.node, ast.ClassDef):
        bases = {_last_name(base) for base in found.node.bases}
        return isinstance(value, dict) or bool(bases & TEXT_BASES)
    return True


def _accepts_generic(outer: str, inner: ast.expr, module: Module, value: Any) -> bool:  # noqa: ANN401
    parts = inner.elts if isinstance(inner, ast.Tuple) else [inner]
    if outer == "Literal":
        return any(_same(value, part) for part in parts)
    if outer == "Optional":
        return value is None or accepts(inner, module, value)
    if outer == "Union":
        return any(accepts(part, module, value) for part in parts)
    if outer == "Annotated":
        return accepts(parts[0], module, value)
    if outer in MAPPINGS:
        return isinstance(value, dict)
    if outer in SEQUENCES:
        return _accepts_sequence(outer, parts, module, value)
    return True


def _accepts_sequence(outer: str, parts: list[ast.expr], module: Module, value: Any) -> bool:  # noqa: ANN401
    if value is None or isinstance(value, dict):
        return False
    is_open = outer.lower() != "tuple" or ast.unparse(parts[-1]) in ("...", "Ellipsis")
    if not isinstance(value, list):
        return accepts(parts[0], module, value)
    if is_open:
        return all(accepts(parts[0], module, one) for one in value)
    if len(value) != len(parts):
        return False
    return all(accepts(part, module, one) for part, one in zip(parts, value, strict=True))


def _same(value: Any, literal: ast.expr) -> bool:  # noqa: ANN401
    expected = ast.literal_eval(literal)
    return value == expected and isinstance(value, bool) == isinstance(expected, bool)


def _last_name(node: ast.expr) -> str:
    if isinstance(node, ast.Attribute):
        return node.attr
    return node.id if isinstance(node, ast.Name) else ""


def describe(annotation: ast.expr, module: Module) -> str:
    """The annotation in words: ``a number (float) or null``."""
    options = list(dict.fromkeys(_choices(annotation, module)))
    literals = [one for one in options if one.startswith("'")]
    others = [one for one in options if not one.startswith("'")]
    if literals:
        others.insert(0, f"one of {', '.join(literals)}")
    return " or ".join(others)


def _choices(annotation: ast.expr, module: Module) -> list[str]:
    match annotation:
        case ast.Constant(value=str(text)):
            return _choices(ast.parse(text, mode="eval").body, module)
        case ast.BinOp(left=left, op=ast.BitOr(), right=right):
            return [*_choices(left, module), *_choices(right, module)]
        case ast.Subscript(value=outer, slice=inner):
            parts = inner.elts if isinstance(inner, ast.Tuple) else [inner]
            return _generic_choices(_last_name(outer), parts, module, annotation)
        case ast.Name() | ast.Attribute() if _last_name(annotation) not in WORDS:
            found = resolve_expression(module, annotation)
            if isinstance(found, Expression) and not isinstance(found.node, ast.Call):
                return _choices(found.node, found.module)
    text = ast.unparse(annotation)
    return [WORDS.get(text.rpartition(".")[2], text)]


def _generic_choices(
    outer: str, parts: list[ast.expr], module: Module, whole: ast.expr
) -> list[str]:
    if outer == "Literal":
        return [f"'{ast.literal_eval(part)}'" for part in parts]
    if outer in ("Union", "Optional"):
        inner = [word for part in parts for word in _choices(part, module)]
        return [*inner, "null"] if outer == "Optional" else inner
    if outer in ("list", "List", "Sequence", "Iterable"):
        words = " or ".join(_choices(parts[0], module)).replace("a ", "")
        return [f"a list of {words}"]
    if outer in MAPPINGS:
        return [WORDS["dict"]]
    return [ast.unparse(whole)]
