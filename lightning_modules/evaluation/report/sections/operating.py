"""What was chosen on other images and frozen, and what it is worth on the test."""

from markupsafe import Markup

from lightning_modules.evaluation.calibration_file import IMAGES, Calibration
from lightning_modules.evaluation.report.blocks import (
    heading,
    paragraph,
    sentence,
    table,
    term,
)
from lightning_modules.evaluation.report.record import Record
from lightning_modules.evaluation.report.wording import (
    decimal,
    interval,
    percent,
    percent_range,
)
from lightning_modules.evaluation.sentences import probability
from lightning_modules.evaluation.threshold_sentences import say_rule

AT_THE_POINT = {
    "sensitivity": "sensitivity",
    "specificity": "specificity",
    "ppv": "positive predictive value",
    "npv": "negative predictive value",
}
OF_FOLDS = (
    " Each was answered by that model of a cross-validation which had not been trained on it. "
    "What was chosen is meant for one more model of the same recipe, trained on all of them."
)


def show_operating(record: Record) -> list[Markup]:
    """Operating point, temperature and abstention; nothing where there is no calibration.json."""
    one = record.calibration if record.chosen_here is None else record.chosen_here
    if one is None:
        return []
    said = f"Chosen on {one.images} (calibration.json), and left alone since."
    said += OF_FOLDS if one.checkpoint is None else ""
    if record.chosen_here is not None:
        said += (
            " evaluate.py calibration=<this folder> uses it. No number of this page is computed "
            "with it, for it was chosen on these very images."
        )
    else:
        if record.config.get("calibration") is not None:
            said += " It was not chosen by the model of this page: trust it if both are of one "
            said += "recipe."
        said += " The numbers below are of the images that are tested here."
    kind = IMAGES[one.chosen_on]
    blocks = [heading(f"What was set on {kind} images"), paragraph(said)]
    return blocks + _point(record, one) + _temperature(record, one) + _abstention(record, one)


def _point(record: Record, one: Calibration) -> list[Markup]:
    point = one.operating_point
    if point is None:
        return []
    said = sentence(
        "{o}: an image counts as {name} from a probability of {threshold} on, chosen for {rule}.",
        o=term("operating point", "Operating point"),
        name=point.positive_class,
        threshold=probability(point.threshold),
        rule=say_rule(point),
    )
    rows = [
        [term(entry), percent(record.metrics.get(f"test_{name}")), _ends(record, name)]
        for name, entry in AT_THE_POINT.items()
        if record.metrics.get(f"test_{name}") is not None
    ]
    shown = [table(["", "value", term("95 % interval")], rows)] if rows else []
    return [paragraph(said), *shown]


def _temperature(record: Record, one: Calibration) -> list[Markup]:
    metrics, name = record.metrics, term("temperature", "Temperature")
    if one.temperature is None:
        reason = f"there was nothing to fit, as {one.why_no_temperature}"
        return [paragraph(sentence("{t}: none; {reason}.", t=name, reason=reason))]
    said = sentence("{t}: {value}.", t=name, value=decimal(one.temperature, 2))
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


def _abstention(record: Record, one: Calibration) -> list[Markup]:
    rule, kind, kept = one.abstain, IMAGES[one.chosen_on], percent(one.abstain.target_risk, 0)
    if rule.threshold > 1:
        said = (
            "Leaving its most unsure answers to a person does not help enough: however few it "
            f"gives to {kind} images, more than {kept} of them are wrong."
        )
        return [paragraph(said)]
    if rule.threshold == 0:
        said = f"No answer has to be withheld to keep wrong ones to {kept} on {kind} images."
        return [paragraph(said)]
    said = sentence(
        "Where it is less than {threshold} sure it had better {a}, so that at most {risk} of the "
        "answers it gives to {kind} images are wrong",
        a=term("abstain", "give no answer"),
        threshold=probability(rule.threshold),
        risk=kept,
        kind=kind,
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
