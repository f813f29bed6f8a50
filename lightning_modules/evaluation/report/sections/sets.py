"""Hospitals, sites or cameras beside each other, as ``by=`` or several ``data=`` ask for them."""

from markupsafe import Markup

from lightning_modules.evaluation.report.blocks import heading, paragraph, sentence, table, term
from lightning_modules.evaluation.report.record import Record
from lightning_modules.evaluation.report.wording import (
    count,
    decimal,
    interval,
    percent,
    percent_range,
)


def show_sets(record: Record) -> list[Markup]:
    """A row a set, and how sure the worst is; nothing where there is one set."""
    sets = record.metrics.get("test_sets")
    if not sets:
        return []
    what = record.config.get("by") or "set"
    rows = [
        [
            record.names.group(name),
            f"{one['images']:,}",
            None if one["groups"] is None else f"{one['groups']:,}",
            percent(one["accuracy"]),
            percent_range(_ends(one["low"], one["high"])),
            decimal(one["macro_f1"]),
        ]
        for name, one in sets.items()
    ]
    header = [what, "images", term("group", "groups"), "right", term("95 % interval")]
    header.append(term("macro F1"))
    return [heading(f"By {what}"), table(header, rows), *_say_worst(record, len(sets))]


def _ends(low: float | None, high: float | None) -> tuple[float, float] | None:
    return None if low is None or high is None else (low, high)


def _say_worst(record: Record, num: int) -> list[Markup]:
    """Each interval of the table holds by itself; this one allows for the choice of the worst."""
    ends = interval(record.metrics, "test_worst_set_accuracy")
    if ends is None or num == 1:
        return []
    said = sentence(
        "Each interval of this table stands for itself. The worst, {name}, is picked out of {num}, "
        "which may be bad luck: with that in mind it is right in {share} ({ends}).",
        name=record.names.group(record.metrics["test_worst_set"]),
        num=count(num, "row"),
        share=percent(record.metrics["test_worst_set_accuracy"]),
        ends=percent_range(ends),
    )
    return [paragraph(said)]
