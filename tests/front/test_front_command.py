"""A command from the outside: what it prints, what it leaves behind, and how it exits."""

from collections.abc import Callable
from pathlib import Path
from subprocess import CompletedProcess

import pytest
from front.conf_tree import CONF

Run = Callable[..., CompletedProcess]
NO_TORCH = "import sys\nsys.modules['torch'] = None\n"


def test_a_right_command_runs_without_anything_heavy(run: Run) -> None:
    done = run("gate=pixel", "seed=3")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == "ran PixelGate 3 heavy: []\n"


@pytest.mark.parametrize(
    ("name", "status", "message"),
    [
        ("mistake", 2, "the mask of image 3 is empty\n"),
        ("wrapped", 2, "fill must be below 1\n"),
        ("bug", 1, "RuntimeError: index out of range\nThis is a failure of the program"),
        ("library", 1, "JSONDecodeError: "),
        ("library_in_venv", 1, "ValueError: inside\n"),
        ("no_dependency", 2, "The package a_package_nobody_has is not installed. Run: python -m"),
        ("own_module", 1, "ModuleNotFoundError: No module named 'front.nowhere'"),
        ("not_met", 3, "val_accuracy is 0.5, required 0.9\n"),
        ("stopped", 130, "Stopped.\n"),
    ],
)
def test_the_exit_status_says_whose_mistake_it_was(
    run: Run, name: str, status: int, message: str
) -> None:
    done = run(f"name={name}")
    assert done.returncode == status
    assert done.stderr.startswith(message)
    assert "Traceback" not in done.stderr


def test_the_traceback_is_shown_when_asked_for(run: Run) -> None:
    done = run("name=mistake", "debug=traceback")
    assert done.returncode == 2
    assert "Traceback" in done.stderr
    assert done.stderr.endswith("the mask of image 3 is empty\n")


def test_problems_come_together_and_leave_nothing_behind(
    run: Run, checkout: Path, tmp_path: Path
) -> None:
    before = set(checkout.rglob("*.yaml"))
    done = run("--multirun", "gate=none,pixel", "optimizer.lr=abc", before=NO_TORCH)
    assert done.returncode == 2
    assert done.stderr.startswith("1 problem in the configuration:\n  optimizer.lr is 'abc'")
    assert done.stdout == ""
    assert set(checkout.rglob("*.yaml")) == before
    assert list(tmp_path.iterdir()) == []


def test_help_needs_nothing_installed(run: Run) -> None:
    nothing = "import sys\nfor name in ('hydra', 'omegaconf', 'torch'): sys.modules[name] = None\n"
    done = run("--help", before=nothing)
    assert done.returncode == 0
    gates = sorted(path.stem for path in (CONF / "gate").glob("*.yaml"))
    listed = ", ".join(gates).replace("auto", "[auto]")
    assert f"gate           {listed}\n" in done.stdout
    assert "python scripts/train.py gate=pixel model.dropout=0.2" in done.stdout
    assert "seed: 0             # of the weights" in done.stdout


def test_help_on_a_part_shows_its_options(run: Run) -> None:
    done = run("--help", "gate=pixel")
    assert done.stdout.startswith("gate=pixel\n  # Hides every pixel outside the ROI")
    assert "_target_" not in done.stdout


def test_a_missing_library_says_how_to_install(run: Run) -> None:
    done = run(before="import sys\nsys.modules['hydra'] = None\n")
    assert done.returncode == 2
    assert done.stderr == "The package hydra is not installed. Run: python -m pip install -e .\n"


def test_python_3_14_is_refused(run: Run) -> None:
    done = run(before="import sys\nsys.version_info = (3, 14, 0, 'final', 0)\n")
    assert done.returncode == 2
    assert "Use Python 3.11, 3.12 or 3.13" in done.stderr


@pytest.mark.parametrize("flag", ["--gate=pixel", "--lr"])
def test_dashes_are_explained(run: Run, flag: str) -> None:
    done = run(flag)
    assert done.returncode == 2
    assert f"There is no flag {flag}. Options are written without dashes" in done.stderr


def test_the_configuration_can_be_shown(run: Run) -> None:
    done = run("--cfg", "job", "gate=pixel")
    assert done.returncode == 0
    assert "_target_: lightning_modules.networks.gates.PixelGate" in done.stdout
    assert run("--cfg", "job", "gate=pixl").returncode == 2


def test_flags_may_stand_anywhere(run: Run) -> None:
    done = run("gate=pixel", "--multirun", "seed=0,1")
    assert done.stdout.count("ran PixelGate") == 2


def test_one_failing_job_does_not_stop_a_sweep(run: Run) -> None:
    done = run("--multirun", "name=mistake", "seed=0,1,2")
    assert done.returncode == 2
    assert done.stdout.count("ran") == 3
    summary = done.stderr.splitlines()[-3:]
    assert summary[0] == "2 of 3 jobs failed:"
    assert summary[1] == "  #0 name=mistake seed=0: the mask of image 3 is empty"
    assert summary[2].startswith("  #2 ")


def test_the_worst_job_decides_the_status_of_a_sweep(run: Run) -> None:
    assert run("--multirun", "name=mistake,bug,fine").returncode == 1


def test_what_is_said_after_the_last_job_of_a_sweep_is_printed_once(run: Run) -> None:
    done = run("--multirun", "name=mistake", "seed=0,1,2")
    assert done.stdout.endswith("\nended: MISTAKE OK MISTAKE\n")
    assert done.stdout.count("ended") == 1
    assert "ended" not in run("name=fine").stdout


def test_a_sweep_that_is_stopped_says_what_it_has(run: Run) -> None:
    done = run("--multirun", "name=fine,stopped,never")
    assert done.returncode == 130
    assert done.stdout.endswith("\nended: OK STOPPED\n")
    assert done.stdout.count("ran") == 2


def test_a_report_that_fails_ends_no_sweep(run: Run) -> None:
    done = run("--multirun", "name=no_table", "seed=0,1,2")
    assert done.returncode == 0
    assert "RuntimeError: no place for the table" in done.stderr
    assert done.stdout.endswith("\nended: OK OK OK\n")


def test_a_file_that_describes_a_sweep_asks_for_multirun(run: Run) -> None:
    done = run("experiment=gate_study")
    assert done.returncode == 2
    assert "conf/experiment/gate_study.yaml describes a sweep (seed, study). Add --multirun" in (
        done.stderr
    )
    assert "ran" not in done.stdout
    swept = run("--multirun", "experiment=gate_study", "study=none,pixel", "seed=0")
    assert swept.returncode == 0, swept.stderr
    assert "ran NoGate 0" in swept.stdout
    assert "ran PixelGate 0" in swept.stdout
