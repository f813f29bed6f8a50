"""Time and memory of a table of millions of rows, in a process of its own.

Run as a module with the path of a manifest; prints one line of JSON.
"""

import json
import multiprocessing
import re
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv

FRAMES_PER_GROUP = 200


def write_rows(path: Path, num_rows: int, seed: int) -> None:
    """Write a manifest of image, label, group and mask; the files that it names are not there."""
    rng = np.random.default_rng(seed)
    groups = rng.integers(0, max(num_rows // FRAMES_PER_GROUP, 10), num_rows)
    labels = pa.array(["alert", "drowsy", "yawning"]).take(pa.array(rng.integers(0, 3, num_rows)))
    group = _join("s", _padded(groups, 6))
    number = _padded(np.arange(num_rows), 8)
    columns = {
        "image": _join("frames/", group, "/", number, ".jpg"),
        "label": labels,
        "group": group,
        "mask": _join("masks/", group, "/", number, ".png"),
    }
    pa.csv.write_csv(pa.table(columns), path)


def _padded(numbers: np.ndarray, width: int) -> pa.Array:
    return pc.utf8_lpad(pa.array(numbers).cast(pa.string()), width, "0")


def _join(*parts: pa.Array | str) -> pa.Array:
    return pc.binary_join_element_wise(*parts, "")


def measure_index(manifest: Path) -> dict[str, Any]:
    """Open, check and split a manifest, and order an epoch; then start workers that read rows.

    Returns:
        ``seconds`` until the first batch's rows are known, ``peak_gigabytes`` then, and
        ``worker_<start>_megabytes``: what a worker needs above one of a data set of nothing.
    """
    started = time.perf_counter()
    from datamodules.sources import ManifestData

    table = ManifestData(manifest=str(manifest)).read(0)
    from datamodules.loading.sampler import EpochSampler

    rows = table.rows_of("train")
    _, first = next(iter(EpochSampler(len(rows), 0)))
    assert table.ids[int(rows[first])].as_py()
    measured: dict[str, Any] = {"rows": len(table), "seconds": time.perf_counter() - started}
    measured["peak_gigabytes"] = _memory("VmHWM", "self") / 2**20
    for start in ("fork", "spawn"):
        sizes = [_worker_size(start, dataset) for dataset in (Nothing(), Rows(table, rows))]
        measured[f"worker_{start}_megabytes"] = (sizes[1] - sizes[0]) / 2**10
    return measured


class Nothing:
    """A data set of nothing."""

    def touch(self) -> None:
        """Nothing to read."""


class Rows:
    """What a loading process holds of a table, without the images."""

    def __init__(self, table: Any, rows: np.ndarray) -> None:  # noqa: ANN401
        from datamodules.loading.dataset import ROIDataset
        from datamodules.loading.transforms import Preprocessing

        steps = Preprocessing((224, 224), (0.5,) * 3, (0.5,) * 3, "bilinear")
        self.dataset = ROIDataset(table, rows, steps)

    def touch(self) -> None:
        """Look at what batches of many rows need."""
        table = self.dataset.table
        for row in np.random.default_rng(0).permutation(self.dataset.rows)[:3200].tolist():
            table.image_path(row), table.mask_path("roi", row), table.ids[row], table.labels[row]


def _worker_size(start: str, dataset: Nothing | Rows) -> int:
    """Memory in kB that the second of two workers shares with nobody."""
    context = multiprocessing.get_context(start)
    pipes = [context.Pipe() for _ in range(2)]
    workers = [context.Process(target=_work, args=(dataset, there)) for _, there in pipes]
    for worker, (here, _) in zip(workers, pipes, strict=True):
        worker.start()
        here.recv()  # it has looked at its rows
    here.send("measure")
    size = here.recv()
    for worker, (here, _) in zip(workers, pipes, strict=True):
        here.send("end")
        worker.join()
    return size


def _work(dataset: Nothing | Rows, pipe: Any) -> None:  # noqa: ANN401
    import datamodules.datamodule  # as every loading process does

    dataset.touch()
    pipe.send("ready")
    while pipe.recv() == "measure":
        text = Path("/proc/self/smaps_rollup").read_text()
        private = re.findall(r"^Private_\w+:\s+(\d+) kB", text, re.MULTILINE)
        pipe.send(sum(map(int, private)))
    del datamodules


def _memory(field: str, process: str) -> int:
    """A field of a process's memory in kB; Linux only."""
    text = Path(f"/proc/{process}/status").read_text()
    return int(re.search(rf"^{field}:\s+(\d+) kB", text, re.MULTILINE)[1])


if __name__ == "__main__":
    print(json.dumps(measure_index(Path(sys.argv[1]))))
