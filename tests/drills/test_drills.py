"""Whatever goes wrong: the message, the status and the files are as they should be."""

import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch
from drills.table import DRILLS, QUICK, read_state
from small_data import make_shapes

CHILD = Path(__file__).with_name("child.py")
pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="signals and limits of POSIX")
TINY = (
    "data=manifest", "data.image_size=32", "data.batch_size=4", "data.num_workers=0",
    "model.backbone=test_resnet", "gate=pixel", "trainer.max_epochs=3", "trainer.accelerator=cpu",
)  # fmt: skip


class Place:
    """Data, outputs and runs of the drills, below one folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.outputs = folder / "outputs"
        self.data = make_shapes(folder / "data").parent
        self.made: dict[str, Path] = {}

    def environment(self) -> dict[str, str]:
        return {
            "DRILL_DATA": str(self.data),
            "DRILL_CACHE": str(self.outputs / "cache"),
            "DRILL_IMAGE": str(self.data / "images" / "disc_005.png"),
            "DRILL_CODE": str(self.folder / "has_run_code"),
            "DRILL_WAITING": str(self.folder / "waiting"),
        }

    def start(self, fault: str, *words: str) -> subprocess.Popen:
        command = [sys.executable, str(CHILD), fault, str(self.outputs), *words]
        environment = os.environ | self.environment() | {"OMP_NUM_THREADS": "1"}
        pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "text": True}
        return subprocess.Popen(command, env=environment, **pipes)

    def type(self, fault: str, *words: str) -> tuple[int, str]:
        """Run a command to its end: exit status, and all that it said."""
        process = self.start(fault, *words)
        said, _ = process.communicate(timeout=300)
        return process.returncode, said

    def begin(self, fault: str, out: Path, *words: str) -> tuple[int, str]:
        manifest = f"data.manifest={self.data / 'manifest.csv'}"
        return self.type(fault, *TINY, manifest, f"out={out}", *words)

    def run(self, kind: str) -> Path:
        """The folder of a run that ended by a fault; made once, to be copied."""
        faults = {
            "finished": ("none", 0),
            "killed": ("SIGKILL in training", -9),
            "killed in the test": ("SIGKILL in the test", -9),
        }
        if kind not in self.made:
            fault, status = faults[kind]
            out = self.folder / "runs" / kind.replace(" ", "_")
            returned, said = self.begin(fault, out)
            assert returned == status, said
            self.made[kind] = out
        return self.made[kind]


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Place:
    return Place(tmp_path_factory.mktemp("drills"))


@pytest.fixture
def data(place, monkeypatch):
    """The data, whole again after each drill."""
    kept = place.folder / "kept"
    shutil.copytree(place.data, kept)
    for name, value in place.environment().items():
        monkeypatch.setenv(name, value)
    yield
    shutil.rmtree(place.data)
    shutil.move(kept, place.data)


NAMES = [name if name in QUICK else pytest.param(name, marks=pytest.mark.slow) for name in DRILLS]


@pytest.mark.parametrize("name", NAMES)
def test_a_fault_ends_as_it_should(place, data, trained, tmp_path, name):
    drill, out = DRILLS[name], tmp_path / "run"
    if drill.begins == "new":
        status, said = place.begin(drill.fault, out, *drill.words)
    else:
        begun = trained if drill.begins == "trained" else place.run(drill.begins)
        shutil.copytree(begun, out)
        if drill.spoil is not None:
            drill.spoil(out)
        status, said = place.type(drill.fault, f"resume={out}", *drill.words)
    assert status in drill.status, said
    for words in drill.says:
        assert words in said
    assert "Traceback" not in said
    assert drill.state in (None, read_state(out)), said
    check_files(out, drill.begins == "new" or drill.spoil is None)
    assert not Path(os.environ["DRILL_CODE"]).exists()
    if drill.ends_alike:
        if read_state(out) != "finished":
            status, said = place.type("none", f"resume={out}")
            assert status == 0, said
        assert_alike(out, place.run("finished"))


def check_files(folder: Path, untouched: bool) -> None:
    """What stands there is whole."""
    for path in (folder / "checkpoints").glob("*.ckpt") if untouched else ():
        weights = torch.load(path, weights_only=True)["state_dict"].values()
        assert all(bool(w.isfinite().all()) for w in weights if w.is_floating_point())


def assert_alike(folder: Path, other: Path) -> None:
    """Two runs came to the same, to the last bit, and nothing half-written lies about."""
    for name in ("history.csv", "predictions.csv", "metrics.json", "split.csv"):
        assert (folder / name).read_bytes() == (other / name).read_bytes(), name
    for name in ("best.ckpt", "last.ckpt"):
        ours, theirs = (
            torch.load(place / "checkpoints" / name, weights_only=True) for place in (folder, other)
        )
        for key, value in theirs["state_dict"].items():
            assert torch.equal(ours["state_dict"][key], value), f"{name}: {key}"
        assert same(ours["optimizer_states"], theirs["optimizer_states"]), name
    assert [path.name for path in folder.rglob(".*")] == []


def same(one, other) -> bool:
    if isinstance(one, torch.Tensor):
        return torch.equal(one, other)
    if isinstance(one, dict):
        return one.keys() == other.keys() and all(same(one[key], other[key]) for key in one)
    if isinstance(one, list | tuple):
        return len(one) == len(other) and all(map(same, one, other))
    return one == other


@pytest.mark.slow
def test_two_processes_do_not_share_a_folder(place, data, tmp_path):
    out = tmp_path / "run"
    shutil.copytree(place.run("killed"), out)
    waiting = Path(os.environ["DRILL_WAITING"])
    first = place.start("waiting", f"resume={out}")
    try:
        until = time.monotonic() + 120
        while not waiting.exists() and time.monotonic() < until and first.poll() is None:
            time.sleep(0.1)
        assert waiting.exists()
        status, said = place.type("none", f"resume={out}")
    finally:
        waiting.unlink(missing_ok=True)
        first_said, _ = first.communicate(timeout=120)
    assert status == 2, said
    assert "process" in said
    assert first.returncode == 0, first_said
    assert_alike(out, place.run("finished"))


@pytest.mark.slow
def test_a_run_goes_on_when_the_weights_it_began_from_are_gone(place, data, tmp_path):
    import timm
    from safetensors.torch import save_file

    torch.manual_seed(0)
    weights = tmp_path / "weights.safetensors"
    save_file(timm.create_model("test_resnet").state_dict(), weights)
    words = (f"model.pretrained={weights}",)
    whole, stopped = tmp_path / "whole", tmp_path / "stopped"
    status, said = place.begin("none", whole, *words)
    assert status == 0, said
    assert place.begin("SIGKILL in training", stopped, *words)[0] == -9
    weights.unlink()
    status, said = place.type("none", f"resume={stopped}")
    assert status == 0, said
    assert_alike(stopped, whole)


@pytest.mark.slow
def test_a_run_killed_before_its_first_checkpoint_starts_anew_in_its_folder(place, data, tmp_path):
    out = tmp_path / "run"
    assert place.begin("SIGKILL in the first epoch", out)[0] == -9
    status, said = place.type("none", f"resume={out}")
    assert status == 0, said
    assert read_state(out) == "finished"


def test_there_are_thirty_drills_and_each_has_its_fault():
    from drills.faults import FAULTS

    assert len(DRILLS) >= 30
    assert {drill.fault for drill in DRILLS.values()} <= FAULTS.keys()
