"""What was fitted on validation and frozen, and what it is worth on the test."""

from markupsafe import Markup

from lightning_modules.evaluation.report.blocks import (
    heading,
    paragraph,
    sentence,
    table,
    term,
)
from lightning_modules.evaluation.report.record import Record
from lightning_modules.evaluation.report.wording import (
    count,
    decimal,
    interval,
    percent,
    percent_range,
)

RULES = {
    "youden": "so that sensitivity and specificity together are largest (Youden)",
    "sensitivity": "so that sensitivity is at least {at:g}",
    "specificity": "so that specificity is at least {at:g}",
    "cost": "so that mistakes cost least, a missed one as much as {at:g} false alarms",
}
AT_THE_POINT = {
    "sensitivity": "sensitivity",
    "specificity": "specificity",
    "ppv": "positive predictive value",
    "npv": "negative predictive value",
}


def show_operating(record: Record) -> list[Markup]:
    """Operating point, temperature and abstention; nothing where there is no calibration.json."""
    one = record.calibration
    if one is None:
        return []
    groups = "" if one.num_groups is None else f" of {count(one.num_groups, 'group')}"
    said = (
        f"Chosen on {count(one.num_images, 'validation image')}{groups} and left alone since "
        "(calibration.json); the numbers are of the images that are tested here."
    )
    blocks = [heading("What was set on validation images"), paragraph(said)]
    return blocks + _point(record) + _temperature(record) + _abstention(record)


def _point(record: Record) -> list[Markup]:
    point = record.calibration.operating_point
    if point is None:
        return []
    said = sentence(
        "{o}: an image counts as {name} from a probability of {threshold} on, chosen {rule}.",
        o=term("operating point", "Operating point"),
        name=point.positive_class,
        threshold=decimal(point.threshold),
        rule=RULES[point.rule].format(at=point.at or 0),
    )
    rows = [
        [term(entry), percent(record.metrics.get(f"test_{name}")), _ends(record, name)]
        for name, entry in AT_THE_POINT.items()
        if record.metrics.get(f"test_{name}") is not None
    ]
    shown = [table(["", "value", term("95 % interval")], rows)] if rows else []
    return [paragraph(said), *shown]


def _temperature(record: Record) -> list[Markup]:
    metrics = record.metrics
    value = decimal(record.calibration.temperature, 2)
    said = sentence("{t}: {value}.", t=term("temperature", "Temperature"), value=value)
    if metrics.get("test_calibrated_ece") is not None:
        said += sentence(
            " With it the {ece} is {after} (without {before}), the {loss} {after_loss} (without "
            "{before_loss}). No answer changes.",
            ece=term("ECE"),
            loss=term("log loss"),
            after=decimal(metrics["test_calibrated_ece"]),
            before=decimal(metrics.get("test_ece")),
            after_loss=decimal(metrics.get("test_calibrated_log_loss")),
            before_loss=decimal(metrics.get("test_log_loss")),
        )
        before, after = (metrics.get(f"test_{one}log_loss") for one in ("", "calibrated_"))
        if before is not None and after is not None and after > before:
            said += " On these images it does not help."
    return [paragraph(said)]


def _abstention(record: Record) -> list[Markup]:
    rule = record.calibration.abstain
    if rule.threshold > 1:
        kept = percent(rule.target_risk, 0)
        said = (
            "Leaving its most unsure answers to a person does not help enough: however few it "
            f"gives on validation, more than {kept} of them are wrong."
        )
        return [paragraph(said)]
    if rule.threshold == 0:
        kept = percent(rule.target_risk, 0)
        said = f"No answer has to be withheld to keep wrong ones to {kept} on validation images."
        return [paragraph(said)]
    said = sentence(
        "Where it is less than {threshold} sure it had better {a}, so that at most {risk} of the "
        "answers it gives on validation are wrong",
        a=term("abstain", "give no answer"),
        threshold=decimal(rule.threshold),
        risk=percent(rule.target_risk, 0),
    )
    coverage, risk = (record.metrics.get(f"test_{n}") for n in ("coverage", "selective_risk"))
    if coverage is not None and risk is not None:
        ends = _ends(record, "selective_risk")
        said += sentence(
            ". On the test {coverage} of the images get an answer then, and {wrong} of these are "
            "wrong{ends}",
            coverage=percent(coverage),
            wrong=percent(risk),
            ends="" if ends is None else f" ({ends})",
        )
    return [paragraph(said + ".")]


def _ends(record: Record, name: str) -> str | None:
    return percent_range(interval(record.metrics, f"test_{name}"))
