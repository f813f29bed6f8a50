"""What the README tells people to type is true."""

import re
import shlex
from pathlib import Path

import pytest
from front.composition import job_problems
from front.conf_tree import ConfTree
from front.sets import jobs_of_sets, spread_sets

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```(?:\w+)?\n(.*?)^```", README, re.MULTILINE | re.DOTALL)
LINES = [line.strip() for block in BLOCKS for line in block.splitlines()]
SCRIPTS = "train|evaluate|compare|check_data|find_roi|find_lr|benchmark"
COMMANDS = [
    part.strip()
    for line in LINES
    for part in line.partition("  #")[0].split(" ; ")
    if re.match(rf"python scripts/({SCRIPTS})\.py", part.strip())
]


def test_the_two_commands_come_first():
    first, second = (line for line in LINES if " ; " in line)
    assert first == "python -m pip install -c conf/constraints.txt -e . ; python scripts/train.py"
    assert second.startswith('python -m pip install -c conf/constraints.txt -e ".[dev]" ; ')
    assert second.endswith("python -m pytest -n 2 --dist worksteal")


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_is_one_that_the_program_accepts(command):
    _, script, *words = [word for word in shlex.split(command) if word != "--multirun"]
    if words in (["--help"], []) or any(word.startswith("resume=") for word in words):
        return
    words = spread_sets(words) if script.endswith("evaluate.py") else words
    singles = [word if "[" in word else word.split(",")[0] for word in words]
    for job in list(jobs_of_sets(singles).values()) or [singles]:
        assert job_problems(Path(script).stem, job, ConfTree()) == []


def test_every_file_it_names_is_there():
    named = re.findall(r"`((?:conf|scripts|datamodules|lightning_modules|tests)/[\w/.]+)`", README)
    pictures = re.findall(r"\]\((\.github/[^)]+)\)|src=\"(\.github/[^\"]+)\"", README)
    paths = named + [part for pair in pictures for part in pair if part]
    assert len(paths) > 10
    assert [path for path in paths if not (ROOT / path).exists()] == []


def test_no_command_holds_a_character_that_a_shell_takes_for_its_own():
    for command in COMMANDS:
        command = re.sub(r'"[^"$`]*"', "", command)  # quoted, it is safe in all of them
        assert not re.search(r"[\[\]{}$`*?!&|]", command), command


def test_no_result_is_left_to_be_filled_in():
    texts = [
        README,
        *(path.read_text(encoding="utf-8") for path in (ROOT / "conf").rglob("*.yaml")),
    ]
    assert not any(re.search(r"@[A-Z_]+@", text) for text in texts)


def test_the_example_of_a_prediction_runs(trained, shapes, monkeypatch):
    (code,) = (block for block in BLOCKS if "load_from_checkpoint" in block)
    checkpoint = str(trained / "checkpoints" / "best.ckpt")
    code = re.sub(r'"outputs/runs/[^"]*"', repr(checkpoint), code)
    code = code.replace('"photo.jpg"', repr(str(shapes.parent / "images" / "disc_000.png")))
    code = code.replace("expected =", 'model.network.mask_source.roi_missing = "full"\nexpected =')
    names: dict = {}
    exec(code, names)
    assert names["probs"].shape == (1, 2)
    assert names["probs"].sum().item() == pytest.approx(1.0)
