"""Videos in a table of predictions: frames in the order of their time."""

import numpy as np

from lightning_modules.evaluation.predictions import PredictionTable

SEQUENCE, TIME = "sequence", "time"
PAUSE = 10.0  # median frames without any


def has_time(table: PredictionTable) -> bool:
    """Whether a table is of videos whose times are known."""
    return {SEQUENCE, TIME} <= set(table.columns) and bool((table.columns[SEQUENCE] != "").any())


def read_seconds(
    table: PredictionTable, rows: np.ndarray, frames_per_second: float | None
) -> np.ndarray:
    """Times (len(rows),) in seconds.

    Args:
        table: Of frames.
        rows: Which of them.
        frames_per_second: Of videos whose ``time`` is the number of the frame; None: it is seconds.

    Raises:
        ValueError: A time is no number, or is not known to be seconds.
    """
    try:
        times = table.columns[TIME][rows].astype(np.float64)
        bad = np.flatnonzero(~np.isfinite(times))
    except ValueError:
        times, bad = np.zeros(0), np.arange(1)
    if len(bad):
        raise ValueError(
            "The column 'time' must be a number in every frame of a sequence, to measure false "
            "alarms per hour. Mend it, or leave it out."
        )
    if frames_per_second is not None:
        return times / frames_per_second
    names = table.columns[SEQUENCE][rows]
    order = np.lexsort((times, names))
    steps = np.diff(times[order])[names[order][1:] == names[order][:-1]]
    if (times == np.round(times)).all() and len(steps) and np.median(steps) == 1:
        raise ValueError(
            "The column 'time' counts 0, 1, 2, ...: it may be the number of the frame or seconds. "
            "Say which: alarms.frames_per_second=<of the video>, or 1 if it is seconds."
        )
    return times


def cut_recordings(
    names: np.ndarray, rows: np.ndarray, seconds: np.ndarray
) -> list[tuple[np.ndarray, np.ndarray, np.ndarray]]:
    """Unbroken recordings: rows of the table, their seconds, and the seconds each frame lasts.

    A frame lasts until the next one, the last as long as the median frame of its sequence. Where
    the next is more than ``PAUSE`` of these away the recording is cut.

    Args:
        names: (N,) sequence of each frame.
        rows: (N,) its row in the table.
        seconds: (N,) its time.

    Raises:
        ValueError: Two frames of a sequence have one time.
    """
    order = np.lexsort((seconds, names))
    names, rows, seconds = names[order], rows[order], seconds[order]
    steps, same = np.diff(seconds), names[1:] == names[:-1]
    twice = np.unique(names[1:][same & (steps == 0)]).tolist()
    if twice:
        some = ", ".join(twice[:5])
        raise ValueError(
            f"{len(twice)} sequences have two frames of one 'time', so their order is not known: "
            f"{some}. Name each recording in 'sequence' by a name of its own."
        )
    parts = []
    for place in np.split(np.arange(len(rows)), np.flatnonzero(~same) + 1):
        own = np.diff(seconds[place])
        frame = float(np.median(own)) if len(own) else 0.0
        pause = own > PAUSE * frame
        lasts = np.r_[np.where(pause, frame, own), frame]
        parts += [
            (rows[place[i]], seconds[place[i]], lasts[i])
            for i in np.split(np.arange(len(place)), np.flatnonzero(pause) + 1)
        ]
    return parts
