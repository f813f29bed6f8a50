"""A copy of the checkout with a command whose ``name`` decides its fate, and a conf/ to spoil."""

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from front.composition import job_problems
from front.conf_tree import CHECKOUT, CONF, ConfTree

Problems = Callable[..., list[str]]
Run = Callable[..., subprocess.CompletedProcess]

COMMAND = """
import sys

from front import RequirementNotMet, hydra_app


ENDED = []


def after_job(outcome):
    ENDED.append(outcome.status.name)
    if ENDED == ["OK", "OK"] and "name=no_table" in sys.argv:
        raise RuntimeError("no place for the table")
    return "ended: " + " ".join(ENDED)


@hydra_app("train", after_job)
def main(cfg):
    heavy = {"torch", "lightning", "timm", "torchvision"} & set(sys.modules)
    print("ran", cfg.gate._target_.rpartition(".")[2], cfg.seed, "heavy:", sorted(heavy))
    if cfg.name == "mistake" and cfg.seed != 1:
        raise ValueError("the mask of image 3 is empty")
    if cfg.name == "wrapped":
        try:
            raise ValueError("fill must be below 1")
        except ValueError as error:
            raise TypeError("Error in call to target") from error
    if cfg.name == "bug":
        raise RuntimeError("index out of range")
    if cfg.name == "library":
        import json
        json.loads("{")
    if cfg.name == "library_in_venv":
        from in_venv import fail
        fail()
    if cfg.name == "no_dependency":
        import a_package_nobody_has
    if cfg.name == "own_module":
        import front.nowhere
    if cfg.name == "not_met":
        raise RequirementNotMet("val_accuracy is 0.5, required 0.9")
    if cfg.name == "stopped":
        raise KeyboardInterrupt
    return 0.5


if __name__ == "__main__":
    main()
"""


@pytest.fixture(scope="session")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A checkout elsewhere on the disk, with a virtual environment inside it."""
    root = tmp_path_factory.mktemp("place") / "checkout"
    skip = shutil.ignore_patterns("__pycache__")
    for folder in ("conf", "scripts/front", "lightning_modules", "datamodules"):
        shutil.copytree(CHECKOUT / folder, root / folder, ignore=skip)
    (root / "scripts" / "command.py").write_text(COMMAND, encoding="utf-8")
    packages = root / ".venv" / "site-packages"
    packages.mkdir(parents=True)
    (packages / "in_venv.py").write_text('def fail():\n    raise ValueError("inside")\n')
    return root


@pytest.fixture
def run(checkout: Path, tmp_path: Path) -> Run:
    """Runs the command from another working directory."""

    def call(*arguments: str, before: str = "") -> subprocess.CompletedProcess:
        env = {name: value for name, value in os.environ.items() if name != "HYDRA_FULL_ERROR"}
        env["PYTHONPATH"] = str(checkout / ".venv" / "site-packages")
        script = checkout / "scripts" / "command.py"
        if before:
            script = checkout / "scripts" / "changed.py"
            script.write_text(before + COMMAND, encoding="utf-8")
        return subprocess.run(
            [sys.executable, str(script), *arguments],
            cwd=tmp_path,
            env=env,
            capture_output=True,
            text=True,
            timeout=60,
        )

    return call


@pytest.fixture
def conf(tmp_path: Path) -> Path:
    """A copy of conf/ that a test may spoil."""
    return Path(shutil.copytree(CONF, tmp_path / "conf"))


@pytest.fixture
def problems(conf: Path) -> Problems:
    """The problems of one job of train.py with these arguments."""
    return lambda *overrides: job_problems("train", list(overrides), ConfTree((conf,)))
