"""Fixtures: a small data set that nobody changes, and a run on it."""

import csv
import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from in_process import train_in_process
from small_data import Rows, make_shapes

os.environ.setdefault("OMP_NUM_THREADS", "1")  # the tests run in two processes
os.environ.pop("COLUMNS", None)  # pytest-xdist gives its workers one; tables are as wide as that


@pytest.fixture(scope="session")
def shapes(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Manifest of a small data set that nobody changes."""
    return make_shapes(tmp_path_factory.mktemp("shapes"))


@pytest.fixture
def rows_of() -> Callable[[Path], Rows]:
    """Read a manifest's rows, to change and write them again."""

    def read(manifest: Path) -> Rows:
        with manifest.open(encoding="utf-8", newline="") as file:
            return list(csv.DictReader(file))

    return read


@pytest.fixture(scope="session")
def outputs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """An outputs/ folder of the tests' own."""
    import workflow.places
    import workflow.plan

    folder = tmp_path_factory.mktemp("outputs")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(workflow.places, "OUTPUTS", folder)
        patch.setattr(workflow.plan, "OUTPUTS", folder)
        yield folder


@pytest.fixture(scope="session")
def trained(shapes: Path, outputs: Path) -> Path:
    """Folder of a finished run of two epochs behind the pixel gate."""
    out = outputs / "runs" / "shapes" / "2026-01-01_00-00-00"
    words = ("gate=pixel", "data.slice_by=site", "data.pair_by=pair", "report=default")
    return train_in_process(shapes, out, *words)
