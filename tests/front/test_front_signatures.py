"""Signatures are read from source, and agree with what Python says about the imported classes."""

import inspect
import sys
from pathlib import Path

import pytest
from front.annotations import accepts, describe
from front.modules import load_module
from front.signatures import read_signature
from front.sources import TargetNotFound

SOURCE = """
from dataclasses import KW_ONLY, dataclass, field
from typing import ClassVar, Literal, Optional
from collections.abc import Sequence
from pathlib import Path
from . import shapes
from .shapes import *

Unit = Literal["pixel", "share"]
Size = int | tuple[int, int]


class Base:
    def __init__(self, width: int, *, height: int = 3):
        pass


class Child(Base):
    pass


class Grandchild(shapes.Far):
    pass


class Anything:
    def __init__(self, known: int = 1, **others):
        pass

    @classmethod
    def build(cls, name: str):
        pass


class Unreadable(missing_package.Base):
    pass


@dataclass
class Point:
    x: int
    y: float = 0.0
    names: list[str] = field(default_factory=list)
    count: ClassVar[int] = 0
    hidden: int = field(init=False)


@dataclass(kw_only=True)
class Named(Point):
    label: str


def function(given, /, supplied, *, size: Size, unit: Unit = "pixel", path: Optional[Path] = None,
             many: Sequence[str] = (), ratio: "float | None" = None):
    pass
"""


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """A package of odd classes that would not survive being imported."""
    folder = tmp_path / "odd_package"
    folder.mkdir()
    lazy = '_EXPORTS = {"Point": "odd_package.inside"}\ndef __getattr__(name): ...\n'
    (folder / "__init__.py").write_text(lazy + "from .inside import Child as Kid\n1 / 0\n")
    (folder / "inside.py").write_text(SOURCE + "\n1 / 0\n")
    (folder / "shapes.py").write_text("class Far:\n    def __init__(self, far: int): ...\n")
    monkeypatch.syspath_prepend(tmp_path)
    load_module.cache_clear()
    read_signature.cache_clear()
    return "odd_package"


def test_nothing_is_imported(package: str) -> None:
    read_signature(f"{package}.inside.function")
    assert package not in sys.modules


def test_keyword_only_parameters_are_the_options(package: str) -> None:
    signature = read_signature(f"{package}.inside.function")
    assert list(signature.options) == ["size", "unit", "path", "many", "ratio"]
    assert signature.supplied == ["supplied"]
    assert signature.required == ["size"]


def test_without_keyword_only_parameters_all_are_options(package: str) -> None:
    signature = read_signature(f"{package}.Point")
    assert list(signature.options) == ["x", "y", "names"]
    assert signature.required == ["x"]


def test_constructors_are_inherited(package: str) -> None:
    assert list(read_signature(f"{package}.Kid").options) == ["height"]
    assert list(read_signature(f"{package}.inside.Grandchild").options) == ["far"]


def test_fields_of_a_base_come_first(package: str) -> None:
    signature = read_signature(f"{package}.inside.Named")
    assert [one.name for one in signature.parameters] == ["x", "y", "names", "label"]
    assert list(signature.options) == ["label"]


def test_star_imports_and_methods_are_followed(package: str) -> None:
    assert read_signature(f"{package}.inside.Far").name == "Far"
    assert list(read_signature(f"{package}.inside.Anything.build").options) == ["name"]


def test_what_cannot_be_read_takes_anything(package: str) -> None:
    assert read_signature(f"{package}.inside.Anything").takes_anything
    assert read_signature(f"{package}.inside.Unreadable").takes_anything


@pytest.mark.parametrize(
    ("path", "message"),
    [
        ("no_package_of_this_name.X", "no package"),
        ("odd_package.insid.Point", "Did you mean 'inside'"),
        ("odd_package.inside.Pont", "Did you mean 'Point'"),
    ],
)
def test_what_does_not_exist_is_named(package: str, path: str, message: str) -> None:
    with pytest.raises(TargetNotFound, match=message):
        read_signature(path)


@pytest.mark.parametrize(
    ("name", "value", "fits"),
    [
        ("size", 3, True),
        ("size", [3, 4], True),
        ("size", [3, 4, 5], False),
        ("size", 3.5, False),
        ("size", True, False),
        ("unit", "share", True),
        ("unit", "shar", False),
        ("path", "a/b", True),
        ("path", None, True),
        ("path", 3, False),
        ("many", "one", True),
        ("many", ["one", "two"], True),
        ("many", [1], False),
        ("ratio", 1, True),
        ("ratio", "1e-3x", False),
    ],
)
def test_values_fit_annotations(package: str, name: str, value: object, fits: bool) -> None:
    parameter = read_signature(f"{package}.inside.function").options[name]
    assert accepts(parameter.annotation, parameter.module, value) is fits


def test_annotations_read_as_words(package: str) -> None:
    options = read_signature(f"{package}.inside.function").options
    words = {n: describe(one.annotation, one.module) for n, one in options.items()}
    assert words["unit"] == "one of 'pixel', 'share'"
    assert words["ratio"] == "a number (float) or null"


@pytest.mark.slow
@pytest.mark.parametrize(
    "path",
    [
        "lightning.pytorch.Trainer",
        "lightning.pytorch.callbacks.EarlyStopping",
        "lightning.pytorch.callbacks.ModelCheckpoint",
        "timm.create_model",
    ],
)
def test_the_source_says_what_python_says(path: str) -> None:
    module, _, name = path.rpartition(".")
    real = getattr(__import__(module, fromlist=[name]), name)
    kinds = (inspect.Parameter.VAR_KEYWORD, inspect.Parameter.VAR_POSITIONAL)
    expected = {p.name for p in inspect.signature(real).parameters.values() if p.kind not in kinds}
    assert {one.name for one in read_signature(path).parameters} == expected
