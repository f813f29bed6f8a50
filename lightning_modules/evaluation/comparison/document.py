"""A comparison as text: for the screen, and comparison.md for everybody else."""

from lightning_modules.evaluation.comparison.findings import Findings
from lightning_modules.evaluation.comparison.margin import RULE
from lightning_modules.evaluation.comparison.metrics import METRICS
from lightning_modules.evaluation.comparison.tables import (
    BACKGROUND,
    align,
    differences_table,
    mcnemar_table,
    scores_table,
    settings_table,
)
from lightning_modules.evaluation.comparison.wording import BY_NAME

UNITS = (
    "Shares in per cent, differences in points (per cent less per cent), log loss in nats; means "
    "over the runs of a variant. Differences are from the first."
)
ALL_METRICS = 3  # comparisons, above which the screen shows the metric that decides of each


def describe_on_screen(findings: Findings) -> list[str]:
    """What is printed: the table, the differences, the sentences."""
    comparison = findings.comparison
    few = len(comparison.against) <= ALL_METRICS
    metrics = [BY_NAME[name] for name in comparison.metrics] if few else [findings.metric]
    lines = [
        "",
        *align(scores_table(comparison)),
        "",
        *align(differences_table(comparison, metrics)),
    ]
    if mcnemar_table(comparison):
        lines += ["", *align(mcnemar_table(comparison))]
    lines += ["", UNITS, *findings.notes, *filter(None, [findings.on_mcnemar])]
    lines += ["", *findings.sentences]
    return lines + ([*(one.sentence for one in findings.margins), RULE] if findings.margins else [])


def describe(findings: Findings, date: str) -> str:
    """The whole comparison.md.

    Args:
        findings: What was found.
        date: Of the writing.
    """
    comparison = findings.comparison
    first, paired = comparison.variants[0].name, comparison.paired
    lines = [f"# Comparison with {first}", "", *(f"- {one}" for one in findings.sentences), ""]
    if findings.margins:
        lines += [*(f"- {one.sentence}" for one in findings.margins), "", RULE, ""]
    over = f" in {paired.num_units} groups" if paired.grouped else ""
    lines += [f"All on the same {len(paired.ids)} images{over}.", ""]
    lines += ["## The variants", "", *align(scores_table(comparison)), ""]
    lines += ["## Differences", ""]
    metrics = [BY_NAME[name] for name in comparison.metrics]
    lines += [*align(differences_table(comparison, metrics)), "", UNITS, ""]
    lines += ["![Differences with their 95 % intervals](comparison.png)", ""]
    if mcnemar_table(comparison):
        lines += ["## Right answers of single runs", "", *align(mcnemar_table(comparison)), ""]
        lines += [findings.on_mcnemar, ""]
    lines += ["## Before you believe it", "", *(f"- {note}" for note in findings.notes), ""]
    lines += ["## What differs between them", "", *_describe_settings(findings), ""]
    lines += ["## What the columns mean", ""]
    lines += [
        f"- **{metric.title}**: {metric.meaning}"
        for metric in METRICS
        if metric.name in comparison.metrics
    ]
    lines += [
        f"- **{title}**: {meaning}"
        for key, title, meaning in BACKGROUND
        if any(variant.mean(key) is not None for variant in comparison.variants)
    ]
    lines += ["", f"Written {date} by", "", f"    {findings.command}"]
    return "\n".join(lines) + "\n"


def _describe_settings(findings: Findings) -> list[str]:
    variants = findings.comparison.variants
    runs = [f"- {one.name}: {', '.join(run.name for run in one.runs)}" for one in variants]
    cells = settings_table(findings.comparison)
    return [*runs, "", *(align(cells) if cells else ["Nothing in their configurations."])]
