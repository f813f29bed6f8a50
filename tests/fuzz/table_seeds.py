"""Tables and label files that mutated inputs start from, and cells that hurt."""

import csv
import io
import json
import random

import pyarrow as pa
import pyarrow.parquet

NAMES = ("image", "label", "split", "group", "mask", "box", "weight", "site")
CELLS = (
    "", " ", "nan", "-1", "inf", "1e400", "0", "none", "null", "\0", "../../1.png", "/etc/passwd",
    "C:\\data\\1.png", "\\\\server\\1.png", "ümläut/写真.png", "a" * 70_000, '"', "'", ";", "\t",
    "\ufeff", "=1+1", "1 2 3", "1 2 3 4 5", "9 9 1 1", "-5 0 1 1", "0.1 0.2 0.3 0.4", "test",
    "TRAIN", "tset", "image", "1,5", "true", "\r", "\n", "\u202e", "\ud7ff",
)  # fmt: skip
NUM_IMAGES = 20  # that a file of COCO speaks of
ENCODINGS = ("utf-8", "utf-8-sig", "latin-1", "utf-16", "cp1252")


def make_rows() -> list[dict[str, str]]:
    """A table without mistakes."""
    return [
        {
            "image": f"images/{label}_{index}.png",
            "label": label,
            "split": ("train", "train", "val", "test")[index % 4],
            "group": f"g{index}",
            "mask": f"masks/{index}.png" if index % 2 else "",
            "box": "1 2 10 12" if not index % 2 else "",
            "weight": "0.5",
            "site": "ab"[index % 2],
        }
        for index in range(12)
        for label in ("cat", "dog")
    ]


def break_rows(rng: random.Random) -> tuple[list[str], list[list[str]]]:
    """Header and cells with mistakes of a person, a spreadsheet or a script."""
    names = list(NAMES)
    rows = [[row[name] for name in names] for row in make_rows()]
    for _ in range(rng.choice((1, 1, 2, 5))):
        way = rng.randrange(7)
        row = rng.randrange(len(rows)) if rows else 0
        column = rng.randrange(len(names)) if names else 0
        if way <= 2 and rows and column < len(rows[row]):
            rows[row][column] = rng.choice(CELLS)
        elif way == 3 and names:
            names[column] = rng.choice((*NAMES, *CELLS, "box_x0", "mask_", "distractor_a"))
        elif way == 4 and rows:
            rows[row] = rows[row][: rng.randrange(len(names) + 1)]
        elif way == 5 and names:
            del names[column]
            rows = [cells[:column] + cells[column + 1 :] for cells in rows]
        elif way == 6:
            rows = rng.choice((rows[:0], rows[:1], rows * 2, [*rows, []]))
    return names, rows


def make_csv(rng: random.Random) -> bytes:
    """A broken CSV in any separator, line end and encoding."""
    names, rows = break_rows(rng)
    file = io.StringIO()
    writer = csv.writer(
        file,
        delimiter=rng.choice(",,;\t|"),
        lineterminator=rng.choice(("\n", "\r\n", "\r")),
        quoting=rng.choice((csv.QUOTE_MINIMAL, csv.QUOTE_ALL)),
    )
    writer.writerows([names, *rows])
    return file.getvalue().encode(rng.choice(ENCODINGS), "replace")


def make_parquet(rng: random.Random) -> bytes:
    """A Parquet table with columns of odd types and cells with mistakes."""
    names, rows = break_rows(rng)
    columns = [[cells[i] if i < len(cells) else None for cells in rows] for i in range(len(names))]
    arrays = [pa.array(column, pa.string()) for column in columns]
    for index in range(len(arrays)):
        if rng.random() < 0.15:
            arrays[index] = rng.choice(TYPES)(len(rows), rng)
    table = pa.Table.from_arrays(arrays, names=names)
    file = io.BytesIO()
    pa.parquet.write_table(table, file, compression=rng.choice(("snappy", "none", "zstd")))
    return file.getvalue()


TYPES = (
    lambda n, rng: pa.nulls(n),
    lambda n, rng: pa.array([rng.choice((0.5, float("nan"), -1.0, None)) for _ in range(n)]),
    lambda n, rng: pa.array(range(n)),
    lambda n, rng: pa.array([rng.random() < 0.5 for _ in range(n)]),
    lambda n, rng: pa.array([b"\xff\xfe"] * n),
    lambda n, rng: pa.array(["a", "b"] * n)[:n].dictionary_encode(),
    lambda n, rng: pa.array([[1, 2, 3, 4]] * n),
    lambda n, rng: pa.array([[1.5, None, float("inf")]] * n),
    lambda n, rng: pa.array([{"x": 1}] * n),
    lambda n, rng: pa.array([["a", ["b"]][:1]] * n),
    lambda n, rng: pa.array([0] * n, pa.timestamp("us")),
)


def make_coco(rng: random.Random) -> bytes:
    """Labels in COCO's json with values of the wrong kind and names that are missing."""
    whole = {
        "images": [
            {"id": i, "file_name": f"{i}.png", "width": 32, "height": 24}
            for i in range(NUM_IMAGES)
        ],
        "annotations": [
            {"id": i, "image_id": i, "category_id": i % 2, "bbox": [1, 2, 9, 10], "iscrowd": 0,
             "area": 90, "segmentation": [[1, 2, 10, 2, 10, 12, 1, 12]]}
            for i in range(NUM_IMAGES)
        ],
        "categories": [{"id": 0, "name": "cat"}, {"id": 1, "name": "dog"}],
    }  # fmt: skip
    odd = (None, -1, 10**30, 1e308, float("nan"), "", "x", [], {}, [[]], [1, 2], True, "../x.png")
    for _ in range(rng.choice((1, 1, 2, 4))):
        part = rng.choice(list(whole))
        entry = rng.choice(whole[part]) if isinstance(whole[part], list) and whole[part] else None
        if rng.random() < 0.1 or not isinstance(entry, dict) or not entry:
            whole[part] = rng.choice(odd)
        elif rng.random() < 0.3:
            del entry[rng.choice(list(entry))]
        else:
            entry[rng.choice(list(entry))] = rng.choice(odd)
    return json.dumps(whole).encode(rng.choice(("utf-8", "utf-8", "utf-8", *ENCODINGS)))
