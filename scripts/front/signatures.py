"""The options of a class or function, read from its source by ``ast``; nothing is imported.

Third-party classes are read the same way, from the installed files, rather than from a committed
schema: what is read at every start cannot drift from what is installed.

Which parameters are configuration: the keyword-only ones of a callable that has any (code supplies
the others), else all of them.
"""

import ast
from dataclasses import dataclass
from functools import cache

from front.parameters import Parameter, dataclass_decorator, dataclass_fields
from front.sources import Definition, find, resolve_expression

# Bases that take anything on paper (*args, **kwargs) and nothing in truth; they are not read.
BARE_BASES = {"Module", "LightningModule", "LightningDataModule", "Dataset", "Sampler"}
PLAIN_BASES = {"object", "ABC", "Generic", "Protocol", "Enum", "StrEnum", "NamedTuple"}


@dataclass(frozen=True, eq=False)
class Signature:
    """What a callable takes.

    Args:
        name: Of the class or function.
        parameters: In order; ``self`` left out.
        takes_anything: It has ``**kwargs``, or cannot be read from source.
    """

    name: str
    parameters: tuple[Parameter, ...]
    takes_anything: bool = False

    @property
    def options(self) -> dict[str, Parameter]:
        """The parameters that a configuration may set."""
        by_name = {one.name: one for one in self.parameters if one.keyword_only}
        return by_name or {one.name: one for one in self.parameters}

    @property
    def supplied(self) -> list[str]:
        """The parameters that the program sets itself."""
        return [one.name for one in self.parameters if one.name not in self.options]

    @property
    def required(self) -> list[str]:
        """The options that a configuration must set."""
        return [
            one.name
            for one in self.options.values()
            if one.default is None and (one.keyword_only or one.is_field)
        ]


@cache
def read_signature(path: str) -> Signature:
    """The signature of the class, function or method under a dotted path.

    Raises:
        TargetNotFound: Nothing can be found under it.
    """
    found = find(path)
    name = path.rpartition(".")[2]
    if not isinstance(found, Definition):
        return Signature(name, (), takes_anything=True)
    if isinstance(found.node, ast.ClassDef):
        return _of_class(name, found)
    return _of_function(name, found, skip_first=_is_classmethod(found.node))


def _of_class(name: str, found: Definition) -> Signature:
    for owner in _ancestry(found):
        if owner is None:
            return Signature(name, (), takes_anything=True)
        if dataclass_decorator(owner.node) is not None:
            fields = dataclass_fields(owner)
            return Signature(name, tuple(sorted(fields.values(), key=lambda one: one.keyword_only)))
        init = _method(owner.node, "__init__") or _method(owner.node, "__new__")
        if init is not None:
            return _of_function(name, Definition(owner.module, init), skip_first=True)
    return Signature(name, ())


def _ancestry(found: Definition) -> list[Definition | None]:
    """The class and its bases, depth first; None for a base that cannot be read."""
    line: list[Definition | None] = [found]
    if _method(found.node, "__init__") or not isinstance(found.node, ast.ClassDef):
        return line
    for base in found.node.bases:
        plain = base.value if isinstance(base, ast.Subscript) else base
        last = plain.attr if isinstance(plain, ast.Attribute) else getattr(plain, "id", "")
        if last in PLAIN_BASES or last in BARE_BASES:
            continue
        above = resolve_expression(found.module, plain)
        is_class = isinstance(above, Definition) and isinstance(above.node, ast.ClassDef)
        line += _ancestry(above) if is_class and isinstance(above, Definition) else [None]
    return line


def _method(node: ast.AST, name: str) -> ast.FunctionDef | None:
    body = node.body if isinstance(node, ast.ClassDef) else []
    found = (one for one in body if isinstance(one, ast.FunctionDef) and one.name == name)
    return next(found, None)


def _is_classmethod(node: ast.AST) -> bool:
    decorators = getattr(node, "decorator_list", [])
    return any(isinstance(one, ast.Name) and one.id == "classmethod" for one in decorators)


def _of_function(name: str, found: Definition, skip_first: bool) -> Signature:
    arguments = found.node.args
    positional = [*arguments.posonlyargs, *arguments.args]
    missing = len(positional) - len(arguments.defaults)
    defaults = [*([None] * missing), *arguments.defaults]
    pairs = list(zip(positional, defaults, strict=True))[int(skip_first) :]
    only_positional = {one.arg for one in arguments.posonlyargs}
    parameters = [
        Parameter(one.arg, one.annotation, default, False, found.module)
        for one, default in pairs
        if one.arg not in only_positional
    ] + [
        Parameter(one.arg, one.annotation, default, True, found.module)
        for one, default in zip(arguments.kwonlyargs, arguments.kw_defaults, strict=True)
    ]
    return Signature(name, tuple(parameters), takes_anything=arguments.kwarg is not None)
