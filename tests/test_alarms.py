"""False alarms per hour and the delay of a detector, against cases worked by hand."""

import numpy as np
import pytest
from scipy.stats import poisson
from test_units import table_of

from lightning_modules.evaluation.alarms import (
    AlarmOptions,
    describe_alarms,
    measure_alarms,
)
from lightning_modules.evaluation.recordings import has_time


def video(suspicious, labels, times, names=None, origins=None):
    """A video by two strings of 0 and 1; frames lie half a second apart unless said."""
    count = len(suspicious)
    return table_of(
        [0.9 if mark == "1" else 0.1 for mark in suspicious],
        [int(mark) for mark in labels],
        None,
        origins,
        sequence=names or ["v"] * count,
        time=[str(time) for time in times],
    )


def measure(table, frames=1, threshold=0.5, **options):
    return measure_alarms(table, "ill", threshold, AlarmOptions(frames=frames, **options))


HALVES = [place / 2 for place in range(12)]


@pytest.mark.parametrize(
    ("frames", "false_alarms", "delays"), [(1, 2, [0.5]), (2, 1, [1.0]), (3, 0, [1.5])]
)
def test_a_video_by_hand(frames, false_alarms, delays):
    #                      0 1 2 3 4 5 6 7 8 9 10 11
    measured = measure(video("010110011110", "000000111111", HALVES), frames)
    assert measured["false_alarms"] == false_alarms
    assert measured["negative_hours"] == pytest.approx(6 * 0.5 / 3600)
    assert measured["false_alarms_per_hour"] == pytest.approx(false_alarms / (3 / 3600))
    assert (measured["events"], measured["missed_events"]) == (1, 0)
    assert measured["delay_seconds_median"] == pytest.approx(delays[0])


def test_an_event_without_an_alarm_is_missed():
    measured = measure(video("000100000000", "001100110000", HALVES))
    assert (measured["events"], measured["missed_events"], measured["false_alarms"]) == (2, 1, 0)
    assert measured["delay_seconds_max"] == 0.5
    none = measure(video("000000000000", "001100110000", HALVES))
    assert none["missed_events"] == 2
    assert "delay_seconds_median" not in none


def test_an_alarm_that_was_on_before_is_false_and_notices_at_once():
    measured = measure(video("011110000000", "000111000000", HALVES))
    assert (measured["false_alarms"], measured["delay_seconds_median"]) == (1, 0.0)


def test_an_alarm_that_outlasts_its_event_is_not_false():
    assert measure(video("000111110000", "000110000000", HALVES))["false_alarms"] == 0


def test_frames_are_sorted_and_videos_stay_apart():
    names = ["b"] * 6 + ["a"] * 6
    whole = measure(video("000011110000", "000000000000", HALVES, names), 3)
    assert whole["false_alarms"] == 0  # two suspicious frames in each
    rng = np.random.default_rng(0)
    table = video("010110011110", "000000111111", HALVES)
    assert measure(table.only(np.ones(12, bool)), 2) == measure(table, 2)
    order = rng.permutation(12)
    marks, labels = (np.array(list(t))[order] for t in ("010110011110", "000000111111"))
    mixed = video(marks, labels, np.array(HALVES)[order])
    assert measure(mixed, 2) == measure(table, 2)


def test_a_pause_in_the_recording_is_no_time_and_ends_a_run():
    times = [0, 0.5, 1, 1.5, 600, 600.5, 601, 601.5]
    measured = measure(video("00110000", "00000000", times), 1)
    assert measured["negative_hours"] == pytest.approx(8 * 0.5 / 3600)
    cut = measure(video("00011000", "00000000", times), 2)
    assert cut["false_alarms"] == 0


def test_frames_without_an_answer_raise_no_alarm():
    origins = ["abstain"] * 12
    assert measure(video("1" * 12, "0" * 12, HALVES, None, origins))["false_alarms"] == 0


def test_the_interval_of_the_rate_is_that_of_a_poisson_count():
    measured = measure(video("010101000000", "0" * 12, HALVES))
    hours = 6 / 3600
    low, high = (measured[f"false_alarms_per_hour_{end}"] * hours for end in ("low", "high"))
    assert poisson.sf(2, low) == pytest.approx(0.025)  # 3 or more
    assert poisson.cdf(3, high) == pytest.approx(0.025)


def test_numbers_of_frames_need_their_rate():
    table = video("010110011110", "000000111111", range(12))
    with pytest.raises(ValueError, match=r"counts 0, 1, 2.*alarms\.frames_per_second"):
        measure(table)
    assert measure(table, frames_per_second=2.0) == measure(
        video("010110011110", "000000111111", HALVES)
    )


def test_mistakes_are_named():
    with pytest.raises(ValueError, match="must be a number"):
        measure(video("01", "00", ["0.5", "later"]))
    with pytest.raises(ValueError, match=r"two frames of one 'time'.*v"):
        measure(video("01", "00", [0.5, 0.5]))
    with pytest.raises(ValueError, match=r"alarms.frames is 0.*alarms.threshold is 2"):
        AlarmOptions(frames=0, threshold=2)


def test_what_is_said_of_it_can_be_read_alone():
    table = video("010110011110", "000000111111", HALVES)
    assert has_time(table)
    first, rate, events = describe_alarms(measure(table, 2), "ill")
    assert first == "As an alarm for 'ill' (from a probability of 0.5 on in 2 frames in a row):"
    assert rate.startswith("  False alarms: 1 in 3.0 seconds without it, 1,200 an hour")
    assert events == (
        "  Noticed: 1 of 1 events, half of them within 1.00 s and all within 1.00 s of their "
        "beginning."
    )
