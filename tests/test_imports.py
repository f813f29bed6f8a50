"""Imports point downwards, and what needs no torch does not wait for it."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
FORBIDDEN = {
    "datamodules": {"lightning_modules", "workflow", "front", "hydra", "omegaconf"},
    "lightning_modules": {"datamodules", "workflow", "front", "hydra", "omegaconf"},
    "lightning_modules/networks": {"lightning", "lightning_modules.roi_classifier"},
    "lightning_modules/evaluation": {"lightning", "lightning_modules.callbacks"},
    "scripts/front": {
        "torch",
        "lightning",
        "timm",
        "torchvision",
        "lightning_modules.roi_classifier",
    },
}


def imported(path):
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module


@pytest.mark.parametrize("folder", FORBIDDEN)
def test_imports_point_downwards(folder):
    wrong = [
        f"{path.relative_to(ROOT)} imports {name}"
        for path in (ROOT / folder).rglob("*.py")
        for name in imported(path)
        for target in FORBIDDEN[folder]
        if name == target or name.startswith(f"{target}.")
    ]
    assert wrong == []


@pytest.mark.parametrize(
    "module",
    [
        "datamodules.sources",
        "datamodules.checks.file_check",
        "lightning_modules.metric_names",
        "lightning_modules.networks.gates.auto",
        "workflow.plan",
        "workflow.doctoring",
        "workflow.evaluating.request",
        "workflow.evaluating.cross_validation",
        "workflow.comparing.comparison",
        "lightning_modules.evaluation.comparison.page",
        "workflow.resuming.resume",
        "workflow.sweep",
        "front.app",
    ],
)
def test_the_checks_before_training_do_not_import_torch(module):
    code = f"import sys, {module}; sys.exit(any(m in sys.modules for m in ('torch', 'lightning')))"
    path = [str(ROOT), str(ROOT / "scripts")]
    command = [sys.executable, "-c", f"import sys; sys.path[:0] = {path!r}; {code}"]
    assert subprocess.run(command, check=False).returncode == 0


def test_the_top_level_is_the_one_agreed_on():
    listed = subprocess.run(
        ["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    if listed.returncode != 0:
        pytest.skip("not a git checkout")
    names = {line.split("/")[0] for line in listed.stdout.splitlines()}
    agreed = {"conf", "lightning_modules", "datamodules", "scripts", "outputs", "tests"}
    agreed |= {"pyproject.toml", "README.md", "LICENSE"}
    assert {name for name in names if not name.startswith(".")} <= agreed


def test_scripts_are_short():
    for script in (ROOT / "scripts").glob("*.py"):
        assert len(script.read_text().splitlines()) < 100, script
