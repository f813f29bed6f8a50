"""All that a comparison has to say, once, for the screen, the files and the page."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from lightning_modules.evaluation.comparison.caveats import caveats, explain_mcnemar
from lightning_modules.evaluation.comparison.comparing import Comparison
from lightning_modules.evaluation.comparison.margin import MarginVerdict, judge_margin
from lightning_modules.evaluation.comparison.metrics import Metric
from lightning_modules.evaluation.comparison.tables import BACKGROUND, rows_for_csv
from lightning_modules.evaluation.comparison.wording import BY_NAME, conclude


@dataclass(frozen=True)
class Findings:
    """What was found.

    Args:
        comparison: The numbers.
        metric: The one that decides.
        margin: By which a later variant may be worse; None: that was not asked.
        sentences: One a later variant.
        margins: One a later variant, if that was asked.
        notes: What is to be known before they are believed.
        on_mcnemar: Which test of single runs to trust; "": there is none.
        command: That was typed.
    """

    comparison: Comparison
    metric: Metric
    margin: float | None
    sentences: Sequence[str]
    margins: Sequence[MarginVerdict]
    notes: Sequence[str]
    on_mcnemar: str
    command: str

    @property
    def all_shown(self) -> bool:
        """Whether every later variant is shown to be no worse, where that was asked."""
        return all(verdict.shown for verdict in self.margins)


def conclude_all(
    comparison: Comparison, metric: str, margin: float | None, notes: Sequence[str], command: str
) -> Findings:
    """Put a comparison into words.

    Args:
        comparison: What was compared.
        metric: The one that decides.
        margin: See ``Findings``.
        notes: What is known of the runs themselves.
        command: That was typed.

    Raises:
        ValueError: The metric is not defined for these images.
    """
    if metric not in comparison.metrics:
        reason = {
            "auroc": "the images are of one class",
            "worst_group_accuracy": "the runs share no column in data.slice_by",
        }
        known = ", ".join(comparison.metrics)
        raise ValueError(
            f"metric={metric} is not defined here: {reason[metric]}. There are {known}."
        )
    chosen = BY_NAME[metric]
    return Findings(
        comparison,
        chosen,
        margin,
        [conclude(comparison, one, chosen) for one in comparison.against],
        [] if margin is None else judge_margin(comparison, chosen, margin),
        [*notes, *caveats(comparison)],
        explain_mcnemar(comparison),
        command,
    )


def for_json(findings: Findings) -> dict[str, Any]:
    """All of it, unrounded, for a program to read."""
    comparison = findings.comparison
    paired = comparison.paired
    variants = []
    for place, variant in enumerate(comparison.variants):
        background = {key: variant.mean(key) for key, *_ in BACKGROUND}
        variants.append(
            {
                "name": variant.name,
                "runs": [run.name for run in variant.runs],
                "settings": variant.settings,
                "values": {name: values[place] for name, values in comparison.values.items()},
                "background": {k: v for k, v in background.items() if v is not None},
            }
        )
    tests = [
        {
            "variant": one.name,
            "same_model": one.same_model,
            "mcnemar": None if one.mcnemar is None else asdict(one.mcnemar),
            "p_value_by_group": one.p_by_group,
            "p_values_holm": one.adjusted,
        }
        for one in comparison.against
    ]
    return {
        "metric": findings.metric.name,
        "sentences": list(findings.sentences),
        "margin": findings.margin,
        "margin_shown": None if findings.margin is None else findings.all_shown,
        "margins": [asdict(verdict) for verdict in findings.margins],
        "notes": [*findings.notes, *filter(None, [findings.on_mcnemar])],
        "num_images": len(paired.ids),
        "num_units": paired.num_units,
        "units": paired.unit_name,
        "classes": list(paired.class_names),
        "variants": variants,
        "differences": rows_for_csv(comparison),
        "tests": tests,
        "command": findings.command,
    }
