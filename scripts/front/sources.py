"""Finds classes, functions and aliases in Python source without importing anything.

Follows what Python itself would follow: submodules, ``from x import y``, star imports, aliases, and
the project's lazy packages, whose ``_EXPORTS`` dict names the module of every exported class.
"""

import ast
from dataclasses import dataclass

from front.modules import Imported, Module, load_module
from front.wording import did_you_mean

MAX_HOPS = 25


class TargetNotFound(Exception):
    """No such package, module or name; the message is a sentence."""


@dataclass(frozen=True, eq=False)
class Definition:
    """A class or function and the module whose names its annotations use."""

    module: Module
    node: ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef


@dataclass(frozen=True, eq=False)
class Expression:
    """The value of an assignment: an alias, a constant, or something only Python can know."""

    module: Module
    node: ast.expr


Found = Definition | Expression | Module


def find(path: str) -> Found:
    """What a dotted path such as ``lightning.pytorch.Trainer`` names.

    Raises:
        TargetNotFound: Nothing can be found under it.
    """
    first, *rest = path.split(".")
    here: Found | None = load_module(first)
    if here is None:
        raise TargetNotFound(f"there is no package '{first}'; is it installed?")
    for part in rest:
        found = _member(here, part)
        if found is None:
            known = _names(here)
            owner = here.name if isinstance(here, Module) else path.rpartition(".")[0]
            raise TargetNotFound(f"{owner} has no '{part}'.{did_you_mean(part, known)}")
        here = found
    return here


def resolve(module: Module, name: str, hops: int = 0) -> Found | None:
    """What a name means inside a module, following imports and plain aliases."""
    binding = module.bindings.get(name)
    if hops > MAX_HOPS:
        return None
    if binding is None:
        stars = (load_module(star) for star in module.stars)
        candidates = (resolve(star, name, hops + 1) for star in stars if star is not None)
        return next((found for found in candidates if found is not None), None)
    if isinstance(binding, Imported):
        source = load_module(binding.module)
        if source is None or binding.name is None:
            return source
        return resolve(source, binding.name, hops + 1) or load_module(
            f"{binding.module}.{binding.name}"
        )
    if isinstance(binding, ast.Name) and binding.id != name:
        return resolve(module, binding.id, hops + 1) or Expression(module, binding)
    if isinstance(binding, ast.expr):
        return Expression(module, binding)
    return Definition(module, binding)


def resolve_expression(module: Module, node: ast.expr) -> Found | None:
    """What ``Name`` or ``package.Name`` in the module's source refers to."""
    if isinstance(node, ast.Name):
        return resolve(module, node.id)
    if isinstance(node, ast.Attribute):
        owner = resolve_expression(module, node.value)
        return None if owner is None else _member(owner, node.attr)
    return None


def _member(owner: Found, name: str) -> Found | None:
    if isinstance(owner, Expression):
        return owner
    if isinstance(owner, Definition):
        body = owner.node.body if isinstance(owner.node, ast.ClassDef) else []
        functions = (one for one in body if isinstance(one, ast.FunctionDef) and one.name == name)
        return next((Definition(owner.module, one) for one in functions), None)
    found = resolve(owner, name) or load_module(f"{owner.name}.{name}")
    if found is None and "__getattr__" in _defined(owner) and "_EXPORTS" not in owner.bindings:
        return Expression(owner, ast.Constant(value=...))
    return found


def _defined(module: Module) -> set[str]:
    return {one.name for one in module.tree.body if isinstance(one, ast.FunctionDef)}


def _names(owner: Found) -> list[str]:
    if not isinstance(owner, Module):
        return []
    files = owner.folder.iterdir() if owner.folder is not None else ()
    below = [file.stem for file in files if file.suffix == ".py" or file.is_dir()]
    return [name for name in {*owner.bindings, *below} if not name.startswith("_")]
