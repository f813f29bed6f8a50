"""Which row of a table an annotated image is, by one rule for the whole file.

The strictest rule under which any image is found: the whole path, else its last parts, down to the
file name; then the same without the suffix (``cat/1`` is ``cat/1.jpg``); last, for files that
number their images, the number that is the file name (12 is ``000000012.jpg``).
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from datamodules.problems import list_some

MOST_PARTS = 8
SUFFIX = r"\.[A-Za-z0-9]{1,5}$"


@dataclass(frozen=True)
class Match:
    """What is annotated where.

    Args:
        names: (rows,) int64 annotated image of each row of the table, -1 where there is none.
        rule: By what they were found, in words.
    """

    names: np.ndarray
    rule: str


def match_names(paths: pa.Array, names: pa.Array, numbered: bool, source: str) -> Match:
    """Find what is annotated of every row; an image may stand in several.

    Args:
        paths: (rows,) images of the table.
        names: (M,) annotated images, each once.
        numbered: Whether these are numbers.
        source: Of the annotations, for messages.

    Raises:
        ValueError: None is found, or a name means several images; these are listed.
    """
    paths, names = _tidy(paths), _tidy(names)
    unique = pc.dictionary_encode(paths)
    for rule, ours, theirs in _rules(unique.dictionary, names, numbered):
        found = pc.index_in(theirs, value_set=ours)
        if found.null_count < len(found):
            _check_single(ours, theirs, unique.dictionary, names, rule, source)
            place = pc.fill_null(found, -1).to_numpy()
            owner = np.full(len(ours), -1, np.int64)
            owner[place[place >= 0]] = np.flatnonzero(place >= 0)
            return Match(owner[unique.indices.to_numpy()], rule)
    raise ValueError(
        f"{source}: none of its {len(names)} images is in the table. It names "
        f"{list_some(names[:3].to_pylist())}; the table {list_some(paths[:3].to_pylist())}."
    )


def _tidy(texts: pa.Array) -> pa.Array:
    texts = texts.combine_chunks() if isinstance(texts, pa.ChunkedArray) else texts
    slashed = pc.replace_substring(texts.cast(pa.string()), "\\", "/")
    return pc.replace_substring_regex(
        pc.replace_substring_regex(slashed, "//+", "/"), r"^(\./)+", ""
    )


def _rules(
    paths: pa.Array, names: pa.Array, numbered: bool
) -> Iterator[tuple[str, pa.Array, pa.Array]]:
    """Rule in words, what our paths and what their names become under it; strictest first."""
    yield "path", paths, names
    depth = min(_depth(paths), _depth(names), MOST_PARTS)
    endings = [(parts, _last(paths, parts), _last(names, parts)) for parts in range(depth, 0, -1)]
    for parts, ours, theirs in endings:
        yield ("file name" if parts == 1 else f"last {parts} parts of the path"), ours, theirs
    for parts, ours, theirs in [(0, paths, names), *endings]:
        kind = {0: "path", 1: "file name"}.get(parts, f"last {parts} parts of the path")
        bare = pc.replace_substring_regex(theirs, SUFFIX, "")
        yield f"{kind} without suffix", pc.replace_substring_regex(ours, SUFFIX, ""), bare
    if numbered:
        stems = pc.replace_substring_regex(_last(paths, 1), r"^0+([0-9])|" + SUFFIX, r"\1")
        yield "number that is the file name", stems, names


def _depth(texts: pa.Array) -> int:
    return 1 + (pc.max(pc.count_substring(texts, "/")).as_py() or 0)


def _last(texts: pa.Array, parts: int) -> pa.Array:
    """The last parts of paths; shorter paths as they are."""
    return pc.replace_substring_regex(texts, rf"^.*?((?:[^/]*/){{{parts - 1}}}[^/]*)$", r"\1")


def _check_single(
    ours: pa.Array, theirs: pa.Array, paths: pa.Array, names: pa.Array, rule: str, source: str
) -> None:
    """Of what both sides name, neither may name anything twice."""
    for keys, others, full, whose in (
        (ours, theirs, paths, "images of the table"),
        (theirs, ours, names, "annotated images"),
    ):
        counts = pc.value_counts(keys)
        repeated = counts.field("values").filter(pc.greater(counts.field("counts"), 1))
        repeated = repeated.filter(pc.is_in(repeated, value_set=others))
        if len(repeated):
            alike = full.filter(pc.is_in(keys, value_set=repeated[:1])).to_pylist()
            raise ValueError(
                f"{source}: by {rule}, its only match with the table, {len(repeated)} names mean "
                f"several {whose}, such as {list_some(alike)}. Give the paths of the table in the "
                f"annotations. All: {list_some(repeated.to_pylist(), 20)}."
            )
