"""benchmark.py: what a part of the project does in a second, beside what it is compared with."""

import json
import logging
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from front.conf_tree import CHECKOUT
from omegaconf import DictConfig, OmegaConf

from datamodules.problems import raise_problems
from lightning_modules.run_files import write_json
from workflow.journal import Journal
from workflow.places import OUTPUTS, make_new, open_out

log = logging.getLogger(__name__)
PARTS = ("data",)
LEAST = {"images": 32, "rows": 1000}


def measure(cfg: DictConfig, journal: Journal) -> None:
    """Measure a part, print it and write ``benchmark.json``.

    Raises:
        ValueError: There is no such part, or too little to measure with.
    """
    asked: dict[str, Any] = OmegaConf.to_container(cfg, resolve=True)
    problems = [
        f"{name} is {asked[name]}, expected at least {least}"
        for name, least in LEAST.items()
        if asked[name] < least
    ]
    if asked["part"] not in PARTS:
        problems.append(f"part is {asked['part']!r}, expected {' or '.join(PARTS)}")
    raise_problems(problems, "the options of the benchmark")
    out = asked["out"]
    folder = (
        make_new(OUTPUTS / "benchmark") if out is None else open_out(out, "Name another folder.")
    )
    journal.write_to(folder / "log.txt")
    with tempfile.TemporaryDirectory(prefix="benchmark_") as scratch:
        measured = _measure_data(Path(scratch), asked["images"], asked["rows"], asked["seed"])
    write_json(folder / "benchmark.json", measured)
    log.info("Written to %s", folder / "benchmark.json")


def _measure_data(scratch: Path, num_images: int, num_rows: int, seed: int) -> dict[str, Any]:
    from datamodules.benchmark.determinism import hash_epochs
    from datamodules.benchmark.index import write_rows
    from datamodules.benchmark.photographs import write_photographs
    from datamodules.benchmark.pipeline import USUAL, measure_pipelines

    log.info("Drawing %d photographs of 500 x 375 pixels, each with a mask.", num_images)
    manifest = write_photographs(scratch / "photographs", num_images, seed)
    speeds = measure_pipelines(manifest, scratch / "cache")
    log.info(
        "Training pipeline, JPEG 500 x 375 to 224 x 224, mirror, rotation, colour; ours with a "
        "mask each, torchvision's ImageFolder with Pillow transforms without:"
    )
    log.info("  %-40s %14s %8s", "", "images/s/core", "ratio")
    for name, speed in speeds.items():
        log.info("  %-40s %14.0f %8.2f", name, speed, speed / speeds[USUAL])

    hashes = hash_epochs(manifest, scratch / "cache")
    same = len(set(hashes.values())) == 1
    log.info("One epoch, all tensors hashed, read in %d ways:", len(hashes))
    for way, found in hashes.items():
        log.info("  %-40s %s", way, found[:16])
    log.info("  %s", "All the same." if same else "They DIFFER.")

    log.info("A manifest of %d rows:", num_rows)
    write_rows(scratch / "rows.csv", num_rows, seed)
    index = _run_alone("datamodules.benchmark.index", scratch / "rows.csv")
    log.info("  opened, checked, split by group, first batch known: %.1f s", index["seconds"])
    log.info("  peak memory: %.2f GB", index["peak_gigabytes"])
    for start in ("fork", "spawn"):
        extra = index[f"worker_{start}_megabytes"]
        log.info("  a worker above one of an empty data set (%s): %.0f MB", start, extra)
    return {
        "images_per_second": speeds,
        "ratios": {name: speed / speeds[USUAL] for name, speed in speeds.items()},
        "epoch_hashes": hashes,
        "epochs_are_identical": same,
        "index": index,
    }


def _run_alone(module: str, argument: Path) -> dict[str, Any]:
    """Run a module in a process of its own, whose memory is that of nothing else."""
    done = subprocess.run(
        [sys.executable, "-m", module, str(argument)],
        cwd=CHECKOUT,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise RuntimeError(f"python -m {module} ended with {done.returncode}: {done.stderr}")
    return json.loads(done.stdout)
