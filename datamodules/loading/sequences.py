"""Frames of one sequence (a video, a burst) resemble each other: few of each make an epoch."""

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from datamodules.problems import MOST_SHOWN, list_some, raise_problems
from datamodules.splitting.given_split import SPLITS
from datamodules.tables.numbers import is_number, parse_numbers
from datamodules.tables.table import ImageTable

SEQUENCE, TIME = "sequence", "time"


@dataclass(frozen=True)
class Sequences:
    """Training images by sequence, in the order of their time.

    Args:
        order: (N,) indices of the images, one sequence after the other.
        starts: (S,) where each sequence begins in ``order``.
        lengths: (S,) its number of frames, at least 1.
        most: Frames of each that an epoch trains on, at most.
        timed: Whether a column ``time`` orders them; otherwise the table does.
    """

    order: np.ndarray
    starts: np.ndarray
    lengths: np.ndarray
    most: int
    timed: bool

    @property
    def taken(self) -> np.ndarray:
        """(S,) frames of each sequence in an epoch."""
        return np.minimum(self.lengths, self.most)

    def draw(self, rng: np.random.Generator) -> np.ndarray:
        """Indices of an epoch's frames, (sum of ``taken``,), sequence by sequence.

        A sequence is cut into as many parts, of equal size but for one frame, as frames are taken,
        and each part gives one, so that frames are spread over its time. Where the cuts lie is
        drawn as well, or frames of the smaller parts would come more often.
        """
        taken = self.taken
        lengths = np.repeat(self.lengths, taken)
        parts = np.repeat(taken, taken)
        shift = np.repeat(rng.integers(0, taken), taken)
        part = np.arange(len(parts)) - np.repeat(np.cumsum(taken) - taken, taken)
        begin, end = ((part + i) * lengths + shift for i in (0, 1))
        begin, end = begin // parts, end // parts
        return self.order[np.repeat(self.starts, taken) + rng.integers(begin, end)]

    def shares(self) -> np.ndarray:
        """(N,) expected appearances of each image in an epoch, in (0, 1], sequence by sequence."""
        return np.repeat(self.taken / self.lengths, self.lengths)


def find_sequences(table: ImageTable, rows: np.ndarray, most: int | None) -> Sequences | None:
    """Sort images into sequences; a blank sequence is unknown, that image stands for itself.

    Args:
        table: All images.
        rows: (N,) which of them; the result counts in places of these.
        most: Frames of each sequence in an epoch; None: no limit, nothing to be found.

    Raises:
        ValueError: There is no column ``sequence``, or a ``time`` is no number.
    """
    if most is None:
        return None
    names = table.columns.column_names
    if SEQUENCE not in names:
        raise ValueError(
            f"data.frames_per_sequence={most} needs a column 'sequence' that names the video or "
            f"burst of each image, and {table.name} has none. Columns: {', '.join(names)}."
        )
    codes = _encode(table.columns[SEQUENCE])[rows]
    # who is alone gets a number of its own
    alone = codes < 0
    codes[alone] = codes.max(initial=-1) + 1 + np.arange(alone.sum())
    keys = (codes,)
    if TIME in names:
        keys = (_read_times(table, rows, needed=~alone), codes)
    order = np.lexsort(keys)
    ordered = codes[order]
    starts = np.flatnonzero(np.r_[True, ordered[1:] != ordered[:-1]])
    return Sequences(order, starts, np.diff(np.r_[starts, len(rows)]), most, TIME in names)


def check_sequences(table: ImageTable) -> None:
    """Hold every sequence on one side of the split.

    Raises:
        ValueError: One stands on two sides; all are listed.
    """
    if SEQUENCE not in table.columns.column_names:
        return
    codes = _encode(table.columns[SEQUENCE])
    sides = np.zeros((codes.max(initial=-1) + 2, len(SPLITS)), bool)
    for side, split in enumerate(SPLITS):
        sides[codes[table.rows_of(split)], side] = True
    sides[-1] = False  # the blank ones, by their code of -1
    on_both = np.flatnonzero(sides.sum(axis=1) > 1)
    problems = []
    for code in on_both[: MOST_SHOWN + 1]:
        name = table.columns[SEQUENCE][int((codes == code).argmax())].as_py()
        where = " and ".join(
            split for split, there in zip(SPLITS, sides[code], strict=True) if there
        )
        problems.append(
            f"sequence {name!r} stands in {where}; frames of one sequence belong on one side. If "
            "several groups count their sequences anew, name them <group>_<sequence>; if a "
            "sequence shows several groups, name them all by one group"
        )
    problems += [""] * (len(on_both) - len(problems))  # counted, not worded
    raise_problems(problems, f"the split of {table.name}")


def describe_sequences(sequences: Sequences) -> str:
    """Say what an epoch trains on."""
    spread = "spread over 'time'" if sequences.timed else "spread over the order of the table"
    return (
        f"An epoch trains on {sequences.taken.sum()} of {len(sequences.order)} images: at most "
        f"{sequences.most} frames of each of {len(sequences.lengths)} sequences "
        f"(data.frames_per_sequence), {spread}, others in other epochs."
    )


def _encode(column: pa.ChunkedArray) -> np.ndarray:
    """Number of each row's text, (rows,) int64; -1 of a blank."""
    filled = pc.if_else(pc.equal(column, ""), None, column)
    encoded = filled.dictionary_encode().unify_dictionaries()
    indices = [pc.fill_null(chunk.indices, -1).to_numpy() for chunk in encoded.chunks]
    return np.concatenate([np.zeros(0, np.int64), *indices]).astype(np.int64)


def _read_times(table: ImageTable, rows: np.ndarray, needed: np.ndarray) -> np.ndarray:
    """(N,) numbers; 0 where none is needed."""
    texts = table.columns[TIME]
    values, good = np.full(len(texts), np.nan), is_number(texts)
    values[good] = parse_numbers(texts.filter(pa.array(good)))
    values = values[rows]
    wrong = np.flatnonzero(~np.isfinite(values) & needed)
    if len(wrong):
        named = list_some((rows[wrong] + table.first_row).tolist())
        raise ValueError(
            f"{table.name}: 'time' must be a number (seconds, the number of the frame), because "
            f"data.frames_per_sequence spreads frames over it. It is none in {len(wrong)} rows "
            f"({named}), such as {texts[int(rows[wrong[0]])].as_py()!r}. Mend the column, or give "
            "it another name: frames are then spread over the order of the table."
        )
    return np.where(needed, values, 0.0)
