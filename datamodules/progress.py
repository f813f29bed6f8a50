"""Progress of long work that stands outside Lightning's loops."""

import sys
from collections.abc import Iterable, Iterator
from typing import TypeVar

T = TypeVar("T")
WORTH_SHOWING = 500


def show_progress(items: Iterable[T], total: int, title: str = "Checking files") -> Iterator[T]:
    """Pass items on; show a bar on a terminal, one line elsewhere, nothing for short work."""
    if total < WORTH_SHOWING:
        yield from items
    elif sys.stderr.isatty():
        from tqdm import tqdm

        yield from tqdm(items, total=total, desc=title, unit="file", leave=False)
    else:
        print(f"{title}: {total} files, once.", file=sys.stderr, flush=True)
        yield from items
