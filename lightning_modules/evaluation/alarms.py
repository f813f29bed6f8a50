"""What a detector is worth on videos: false alarms per hour, and how late it notices.

Frames of a ``sequence`` are put in the order of their ``time``.

- A frame is *suspicious* if the positive class has the threshold's probability or more; one
  without an answer is not. The *alarm* is on from the k-th suspicious frame in a row until the
  next frame that is not suspicious: one alarm, however long.
- An alarm is *false* if it comes on at a negative frame. Their number is divided by the *negative
  time*: a frame lasts until the next of its sequence, the last one as long as the median frame.
- An *event* is an unbroken run of positive frames. Its *delay* is the time from its first frame to
  the first at which the alarm is on, 0 where it already was; without any it is *missed*.
- A long gap is a pause in the recording: the sequence is cut there (``cut_recordings``).

The interval of the rate is that of a Poisson count over a known time (Garwood 1936), which takes
false alarms for independent of each other: those of one person rarely are.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.stats import chi2

from lightning_modules.evaluation.predictions import PredictionTable
from lightning_modules.evaluation.recordings import SEQUENCE, cut_recordings, read_seconds

HOUR = 3600.0  # seconds


@dataclass(frozen=True)
class AlarmOptions:
    """When a detector raises an alarm, and what ``time`` counts.

    Args:
        frames: Suspicious frames in a row that raise an alarm, at least 1.
        threshold: Probability from which a frame is suspicious, in (0, 1]; None: that of
            ``calibration.json``, 0.5 where there is none.
        frames_per_second: Of videos whose ``time`` is the number of the frame, above 0; 1 says that
            whole numbers are seconds. None: ``time`` is in seconds, and whole numbers that count
            one by one are refused, as they may be either.
    """

    frames: int = 1
    threshold: float | None = None
    frames_per_second: float | None = None

    def __post_init__(self) -> None:
        problems = []
        if self.frames < 1:
            problems.append(f"alarms.frames is {self.frames}, expected at least 1")
        if self.threshold is not None and not 0 < self.threshold <= 1:
            problems.append(f"alarms.threshold is {self.threshold}, expected above 0, at most 1")
        if self.frames_per_second is not None and not 0 < self.frames_per_second < np.inf:
            problems.append(
                f"alarms.frames_per_second is {self.frames_per_second}, expected above 0, and "
                "finite"
            )
        if problems:
            raise ValueError(". ".join(problems) + ".")


def measure_alarms(
    table: PredictionTable, positive_class: str, threshold: float, options: AlarmOptions
) -> dict[str, Any]:
    """False alarms and delays over all sequences; see the top of this file for what they are.

    Args:
        table: With the columns ``sequence`` and ``time``; frames of a blank sequence are left out.
        positive_class: The class to detect.
        threshold: Probability from which a frame is suspicious.
        options: When an alarm is raised, and what ``time`` counts.

    Returns:
        ``false_alarms``, ``negative_hours``, ``false_alarms_per_hour`` with ``_low`` and ``_high``
        (95 %; the rate is missing where there is no negative time), ``events``, ``missed_events``,
        ``delay_seconds_median``, ``_mean`` and ``_max`` of the events that were noticed,
        ``alarm_threshold`` and ``alarm_frames``.

    Raises:
        ValueError: A time is no number, stands twice in a sequence, or is not known to be seconds.
    """
    known = np.flatnonzero(table.columns[SEQUENCE] != "")
    positive = list(table.class_names).index(positive_class)
    seconds = read_seconds(table, known, options.frames_per_second)
    answered = np.array(table.mask_origin) != "abstain"
    suspicious = (table.probs[:, positive] >= threshold) & answered
    false_alarms, negative_seconds, num_events = 0, 0.0, 0
    delays: list[float] = []
    for rows, times, lasts in cut_recordings(table.columns[SEQUENCE][known], known, seconds):
        event, alarm = table.labels[rows] == positive, _find_alarm(suspicious[rows], options.frames)
        comes_on = alarm & ~np.r_[False, alarm[:-1]]
        false_alarms += int((comes_on & ~event).sum())
        negative_seconds += float(lasts[~event].sum())
        for begin, end in _find_runs(event):
            num_events += 1
            noticed = np.flatnonzero(alarm[begin:end])
            if len(noticed):
                delays.append(float(times[begin + noticed[0]] - times[begin]))
    measured: dict[str, Any] = {
        "alarm_threshold": threshold,
        "alarm_frames": options.frames,
        "false_alarms": false_alarms,
        "negative_hours": negative_seconds / HOUR,
        "events": num_events,
        "missed_events": num_events - len(delays),
    }
    if negative_seconds:
        measured |= _measure_rate(false_alarms, negative_seconds / HOUR)
    if delays:
        summaries = {"median": np.median, "mean": np.mean, "max": np.max}
        measured |= {f"delay_seconds_{n}": float(take(delays)) for n, take in summaries.items()}
    return measured


def describe_alarms(measured: dict[str, Any], positive_class: str) -> list[str]:
    """What ``measure_alarms`` came to, in sentences."""
    in_a_row = measured["alarm_frames"]
    rule = f"from a probability of {measured['alarm_threshold']:.3g} on"
    rule += f" in {in_a_row} frames in a row" if in_a_row > 1 else ""
    said = [f"As an alarm for {positive_class!r} ({rule}):"]
    if "false_alarms_per_hour" in measured:
        low, high = (measured[f"false_alarms_per_hour_{end}"] for end in ("low", "high"))
        said.append(
            f"  False alarms: {measured['false_alarms']} in {_say_time(measured['negative_hours'])}"
            f" without it, {_say_rate(measured['false_alarms_per_hour'])} an hour (95 % "
            f"interval {_say_rate(low)} to {_say_rate(high)}, if they come independently of each "
            "other)."
        )
    events, missed = measured["events"], measured["missed_events"]
    if events:
        late = ""
        if "delay_seconds_median" in measured:
            late = (
                f", half of them within {measured['delay_seconds_median']:.2f} s and all within "
                f"{measured['delay_seconds_max']:.2f} s of their beginning"
            )
        said.append(f"  Noticed: {events - missed} of {events} events{late}.")
    return said


def _say_rate(rate: float) -> str:
    """Three digits, as in the report: ``1,200``."""
    return f"{float(f'{rate:.3g}'):,.12g}"


def _say_time(hours: float) -> str:
    if hours >= 1:
        return f"{hours:.1f} hours"
    return f"{60 * hours:.1f} minutes" if hours >= 1 / 60 else f"{HOUR * hours:.1f} seconds"


def _measure_rate(count: int, hours: float) -> dict[str, float]:
    low = chi2.ppf(0.025, 2 * count) / 2 if count else 0.0
    high = chi2.ppf(0.975, 2 * count + 2) / 2
    return {
        "false_alarms_per_hour": count / hours,
        "false_alarms_per_hour_low": float(low) / hours,
        "false_alarms_per_hour_high": float(high) / hours,
    }


def _find_alarm(suspicious: np.ndarray, frames: int) -> np.ndarray:
    """Where the alarm is on: (N,) bool, from the last of so many suspicious frames in a row."""
    on = np.zeros(len(suspicious), bool)
    for begin, end in _find_runs(suspicious):
        on[begin + frames - 1 : end] = True
    return on


def _find_runs(values: np.ndarray) -> list[tuple[int, int]]:
    """Begin and end (not in it) of each unbroken run of true values."""
    edges = np.flatnonzero(np.diff(np.r_[False, values, False]))
    return list(zip(edges[::2].tolist(), edges[1::2].tolist(), strict=True))
