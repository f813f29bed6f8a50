"""Parses Python files into tables of the names they define; nothing is imported or run."""

import ast
import importlib.util
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

from front.conf_tree import CHECKOUT


@dataclass(eq=False)
class Module:
    """A parsed file, or a folder without ``__init__.py``."""

    name: str
    folder: Path | None
    tree: ast.Module
    bindings: dict[str, "Binding"] = field(default_factory=dict)
    stars: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Imported:
    """A name that another module defines; ``name`` is None for the module itself."""

    module: str
    name: str | None


Binding = Imported | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef | ast.expr


@cache
def load_module(name: str) -> Module | None:
    """Parses a module's file; a package is located by its top-level name, so nothing runs."""
    parent_name, _, last = name.rpartition(".")
    if not parent_name:
        return _load_top(name)
    parent = load_module(parent_name)
    if parent is None or parent.folder is None:
        return None
    return _read(name, parent.folder / last)


def _load_top(name: str) -> Module | None:
    own = _read(name, CHECKOUT / name)
    if own is not None:
        return own
    spec = importlib.util.find_spec(name) if name.isidentifier() else None
    if spec is None:
        return None
    for folder in spec.submodule_search_locations or []:
        return _read(name, Path(folder))
    origin = Path(spec.origin or "")
    return _read(name, origin.with_suffix("")) if origin.suffix == ".py" else _open_module(name)


def _read(name: str, stem: Path) -> Module | None:
    """The module at ``stem.py`` or in the folder ``stem``."""
    if (file := stem / "__init__.py").is_file():
        return _parse(name, file, stem)
    if (file := stem.with_name(f"{stem.name}.py")).is_file():
        return _parse(name, file, None)
    if stem.is_dir():
        return Module(name, stem, ast.Module(body=[], type_ignores=[]))
    compiled = stem.parent.is_dir() and next(stem.parent.glob(f"{stem.name}.*.[sp][oy]*"), None)
    return _open_module(name) if compiled else None


def _open_module(name: str) -> Module:
    """A module without readable source: anything may be in it."""
    return Module(name, None, ast.parse("def __getattr__(name): ..."))


def _parse(name: str, file: Path, folder: Path | None) -> Module:
    module = Module(name, folder, ast.parse(file.read_text(encoding="utf-8"), str(file)))
    for statement in _statements(module.tree.body):
        _bind(module, statement)
    for exported, source in _lazy_exports(module):
        module.bindings.setdefault(exported, Imported(source, exported))
    return module


def _statements(body: list[ast.stmt]) -> Iterator[ast.stmt]:
    """Top-level statements, those under ``if`` and ``try`` included; fallbacks first, they lose."""
    for statement in body:
        if isinstance(statement, ast.If):
            yield from _statements(statement.orelse)
        elif isinstance(statement, ast.Try):
            for handler in statement.handlers:
                yield from _statements(handler.body)
            yield from _statements(statement.orelse)
        if isinstance(statement, ast.If | ast.Try | ast.With):
            yield from _statements(statement.body)
        else:
            yield statement


def _bind(module: Module, statement: ast.stmt) -> None:
    match statement:
        case ast.ClassDef() | ast.FunctionDef() | ast.AsyncFunctionDef():
            module.bindings[statement.name] = statement
        case ast.ImportFrom():
            source = _absolute(module, statement)
            for alias in statement.names:
                if alias.name == "*":
                    module.stars.append(source)
                else:
                    bound = alias.asname or alias.name
                    module.bindings[bound] = Imported(source, alias.name)
        case ast.Import():
            for alias in statement.names:
                whole = alias.name if alias.asname else alias.name.split(".")[0]
                module.bindings[alias.asname or whole] = Imported(whole, None)
        case ast.Assign(targets=[ast.Name(id=name)], value=value):
            module.bindings[name] = value
        case ast.AnnAssign(target=ast.Name(id=name), value=ast.expr() as value):
            module.bindings[name] = value


def _absolute(module: Module, statement: ast.ImportFrom) -> str:
    if not statement.level:
        return statement.module or ""
    parts = module.name.split(".")
    drop = statement.level - (module.folder is not None)
    base = parts[: len(parts) - drop] if drop else parts
    return ".".join([*base, *([statement.module] if statement.module else [])])


def _lazy_exports(module: Module) -> list[tuple[str, str]]:
    exports = module.bindings.get("_EXPORTS")
    if not isinstance(exports, ast.Dict):
        return []
    return [
        (key.value, value.value)
        for key, value in zip(exports.keys, exports.values, strict=True)
        if isinstance(key, ast.Constant) and isinstance(value, ast.Constant)
    ]
