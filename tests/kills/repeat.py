"""Kill runs by SIGKILL at any time, go on with them, and compare them with runs left alone.

python tests/kills/repeat.py --times 100 [--seed 0] [--only "two_stage"]

Every run is a process of its own, forked from this one, which has everything imported. The time of
a kill is uniform over the time that the run takes. What is compared is everything that a run leaves
except times and paths: history, metrics, predictions, and both checkpoints whole.
"""

import argparse
import contextlib
import importlib
import itertools
import mmap
import os
import random
import shutil
import signal
import sys
import tempfile
import time
import traceback
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

HERE = Path(__file__).resolve()
for _folder in (HERE.parents[2], HERE.parents[2] / "scripts", HERE.parents[1], HERE.parent):
    sys.path.insert(0, str(_folder))

from phases import PHASES, mark_phases  # noqa: E402
from same_run import find_differences  # noqa: E402
from settings import EVERY, SETTINGS  # noqa: E402
from small_data import make_shapes  # noqa: E402

# a process that has not ended after so many times the usual duration hangs
PATIENCE = 30


class Runs:
    """Starts runs on one small data set and kills them."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.manifest = make_shapes(folder / "shapes", per_class=40)
        self.phase = mmap.mmap(-1, 1)
        self.wholes: dict[str, tuple[Path, float]] = {}

    def whole(self, name: str) -> tuple[Path, float]:
        """Folder of a run that is left alone, and the seconds it took."""
        if name not in self.wholes:
            out = self.folder / f"whole_{len(self.wholes)}"
            started = time.monotonic()
            ended, _ = self.start([*self.words(name), f"out={out}"], None)
            if not ended:
                raise RuntimeError(f"{name!r} fails, or hangs, without being killed: {out}.txt")
            self.wholes[name] = out, time.monotonic() - started
        return self.wholes[name]

    def words(self, name: str) -> list[str]:
        """What is typed for a setting."""
        return [*EVERY, f"data.manifest={self.manifest}", *SETTINGS[name], "data.num_workers=0"]

    def start(self, words: list[str], seconds: float | None) -> tuple[bool, str]:
        """Run a command, killed after ``seconds``; returns whether it ended, and its last phase."""
        child = os.fork()
        if child == 0:
            os.setsid()
            self._be_the_run(words)
        deadline = time.monotonic() + (60 * PATIENCE if seconds is None else seconds)
        status = None
        while time.monotonic() < deadline:
            done, status = os.waitpid(child, os.WNOHANG)
            if done:
                return status == 0, self._read_phase()
            time.sleep(0.002)
        phase = self._read_phase()
        with contextlib.suppress(ProcessLookupError):  # it may end at this very moment
            os.killpg(child, signal.SIGKILL)
        os.waitpid(child, 0)
        return False, phase

    def _read_phase(self) -> str:
        return PHASES[self.phase[0]]

    def _be_the_run(self, words: list[str]) -> None:
        status = 1
        try:
            out = next(w.partition("=")[2] for w in words if w.startswith(("out=", "resume=")))
            log = open(f"{out}.txt", "a")
            os.dup2(log.fileno(), 1)
            os.dup2(log.fileno(), 2)
            self.phase[0] = 0
            mark_phases(self.phase)
            for module in ("places", "plan"):
                importlib.import_module(f"workflow.{module}").OUTPUTS = self.folder / "outputs"
            run_command(words)
            status = 0
        except BaseException:
            traceback.print_exc()
        finally:
            sys.stdout.flush()
            os._exit(status)


def run_command(words: list[str]) -> None:
    """What scripts/train.py does, in this process."""
    import runpy

    sys.argv = ["train.py", *words]
    try:
        runpy.run_path(str(HERE.parents[2] / "scripts" / "train.py"), run_name="__main__")
    except SystemExit as end:
        if end.code:
            raise


def kill_and_go_on(runs: Runs, name: str, out: Path, rng: random.Random) -> list[str]:
    """Kill a run once or twice, go on until it ends; returns the phases that the kills hit."""
    _, seconds = runs.whole(name)
    kills, phases = rng.choice([1, 1, 2]), []
    while True:
        workers = rng.choice([0, 0, 1, 2])
        if (out / "config.yaml").is_file():
            words = [f"resume={out}", "resume_allow=data.num_workers"]
        else:
            words = [*runs.words(name), f"out={out}"]
        after = rng.uniform(0, seconds) if len(phases) < kills else None
        ended, phase = runs.start([*words, f"data.num_workers={workers}"], after)
        if ended:
            return phases
        if after is None:
            raise RuntimeError(f"{name!r} cannot be gone on with after {phases}: {out}.txt")
        phases.append(phase)


def import_all() -> None:
    """Import what a run needs, once for all of them."""
    for package in ("lightning_modules", "datamodules", "scripts/workflow"):
        for file in (HERE.parents[2] / package).glob("**/*.py"):
            parts = file.relative_to(HERE.parents[2]).with_suffix("").parts
            module = ".".join(part for part in parts if part not in ("scripts", "__init__"))
            with contextlib.suppress(ImportError):  # of an extra that is not installed
                importlib.import_module(module)


def repeat(
    times: int, seed: int, only: str = "", say: Callable[[str], None] = print
) -> Iterator[tuple[str, list[str], list[str]]]:
    """Kill ``times`` runs; yields setting, phases that the kills hit, and what differs.

    Args:
        times: Runs that are killed, each once or twice.
        seed: Of the moments.
        only: Part of the names of the settings that take turns.
        say: Is told about each.
    """
    import_all()
    rng = random.Random(seed)
    names = itertools.cycle([name for name in SETTINGS if only in name])
    folder = Path(tempfile.mkdtemp(prefix="kills_"))
    runs = Runs(folder)
    for number, name in zip(range(times), names, strict=False):
        out = folder / f"killed_{number}"
        phases = kill_and_go_on(runs, name, out, rng)
        differences = find_differences(runs.whole(name)[0], out)
        say(f"{number + 1:4d} {name}: killed in {', '.join(phases) or 'nothing: it was over'}; "
            f"{'the same' if not differences else f'DIFFERS in {differences[:5]}'}")  # fmt: skip
        if not differences:
            shutil.rmtree(out)
        yield name, phases, differences
    shutil.rmtree(folder)


def main() -> None:
    """Print each kill, then the counts."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--times", type=int, default=100)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--only", default="")
    asked = parser.parse_args()
    results = list(
        repeat(asked.times, asked.seed, asked.only, lambda line: print(line, flush=True))
    )
    phases = Counter(phase for _, hit, _ in results for phase in hit)
    same = sum(not differences for *_, differences in results)
    print(f"{same} of {len(results)} runs ended the same, after {sum(phases.values())} kills:")
    for phase, count in phases.most_common():
        print(f"  {count:4d} in {phase}")
    sys.exit(same < len(results))


if __name__ == "__main__":
    main()
