"""Parameters of callables, and the fields of dataclasses, which become parameters."""

import ast
from dataclasses import dataclass

from front.modules import Module
from front.sources import Definition, resolve_expression


@dataclass(frozen=True, eq=False)
class Parameter:
    """One parameter of a constructor or function.

    Args:
        name: As written.
        annotation: Its type as written, or None.
        default: Its default as written, or None for a required one.
        keyword_only: It can only be given by name.
        module: Where the names of the annotation are defined.
        is_field: It is the field of a dataclass.
    """

    name: str
    annotation: ast.expr | None
    default: ast.expr | None
    keyword_only: bool
    module: Module
    is_field: bool = False


def dataclass_decorator(node: ast.AST) -> ast.expr | None:
    """The ``@dataclass`` of a class, or None."""
    for decorator in getattr(node, "decorator_list", []):
        called = decorator.func if isinstance(decorator, ast.Call) else decorator
        if (called.attr if isinstance(called, ast.Attribute) else called.id) == "dataclass":
            return decorator
    return None


def dataclass_fields(found: Definition) -> dict[str, Parameter]:
    """Fields by name, those of the bases first."""
    fields: dict[str, Parameter] = {}
    assert isinstance(found.node, ast.ClassDef)
    for base in reversed(found.node.bases):
        above = resolve_expression(found.module, base)
        if isinstance(above, Definition) and dataclass_decorator(above.node) is not None:
            fields |= dataclass_fields(above)
    keyword_only = _flag(dataclass_decorator(found.node), "kw_only")
    for one in found.node.body:
        if not isinstance(one, ast.AnnAssign) or not isinstance(one.target, ast.Name):
            continue
        kind = ast.unparse(one.annotation)
        if kind.endswith("KW_ONLY"):
            keyword_only = True
        elif "ClassVar" not in kind and not _is_init_false(one.value):
            own = keyword_only or _flag(one.value, "kw_only")
            default = _field_default(one.value)
            fields[one.target.id] = Parameter(
                one.target.id, one.annotation, default, own, found.module, is_field=True
            )
    return fields


def _is_field_call(value: ast.expr | None) -> bool:
    return isinstance(value, ast.Call) and ast.unparse(value.func).split(".")[-1] == "field"


def _field_default(value: ast.expr | None) -> ast.expr | None:
    if not _is_field_call(value):
        return value
    assert isinstance(value, ast.Call)
    given = {one.arg: one.value for one in value.keywords}
    return given.get("default", given.get("default_factory"))


def _is_init_false(value: ast.expr | None) -> bool:
    return _is_field_call(value) and _flag(value, "init", expected=False)


def _flag(call: ast.expr | None, name: str, expected: bool = True) -> bool:
    """Whether a call sets the keyword to the expected boolean."""
    keywords = call.keywords if isinstance(call, ast.Call) else []
    return any(
        one.arg == name and isinstance(one.value, ast.Constant) and one.value.value is expected
        for one in keywords
    )
