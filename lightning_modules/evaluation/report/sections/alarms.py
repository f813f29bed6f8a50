"""What a detector in videos is worth: false alarms, and how late it notices."""

from lightning_modules.evaluation.alarms import describe_alarms
from lightning_modules.evaluation.report.blocks import (
    bullets,
    paragraph,
    table,
    term,
)
from lightning_modules.evaluation.report.page import Section
from lightning_modules.evaluation.report.record import Record

PER_HOUR = tuple(f"false_alarms_per_hour{end}" for end in ("", "_low", "_high"))
ALARMS = {
    "false_alarms": "false alarms",
    "events": "events",
    "missed_events": "events that were missed",
    "delay_seconds_median": "delay, half of the noticed events are faster (s)",
    "delay_seconds_mean": "delay on average (s)",
    "delay_seconds_max": "longest delay (s)",
}


def write_alarms(record: Record) -> Section:
    """Nothing where no alarms were measured."""
    names = ("alarm_threshold", "alarm_frames", "negative_hours", *PER_HOUR, *ALARMS)
    found = {n: record.metrics[f"test_{n}"] for n in names if f"test_{n}" in record.metrics}
    if not found:
        return Section("alarms", "As an alarm", [])
    what, *said = describe_alarms(found, record.class_names[record.positive])
    rows = [[words, _short(found[n]), None] for n, words in ALARMS.items() if n in found]
    if PER_HOUR[0] in found:
        rate, *ends = (_short(found[name]) for name in PER_HOUR)
        rows.insert(0, ["false alarms per hour", rate, " to ".join(ends)])
    rule = (
        "A false alarm comes on where there is no event; it counts once, however long it lasts. An "
        "event is an unbroken run of images of the class. Its delay is the time from its beginning "
        "until the alarm is on."
    )
    shown = [paragraph(what), bullets([one.strip() for one in said])]
    shown += [table(["", "value", term("95 % interval")], rows), paragraph(rule)]
    lead = "How often it would cry wolf in a video, and how soon it would notice what it is for."
    return Section("alarms", "As an alarm", shown, lead)


def _short(value: float) -> str:
    """Three digits; counts whole."""
    return f"{value:,}" if isinstance(value, int) else f"{float(f'{value:.3g}'):,.12g}"
