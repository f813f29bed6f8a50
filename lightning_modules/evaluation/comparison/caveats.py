"""What is to be known before the numbers of a comparison are believed."""

from lightning_modules.evaluation.comparison.comparing import Comparison

FEW = 10  # groups, below which intervals are rough


def caveats(comparison: Comparison) -> list[str]:
    """What is to be known before the numbers are believed."""
    paired = comparison.paired
    runs = [len(values) for values in comparison.values["accuracy"]]
    notes = [
        "Better is not yet good: report.html of each run says whether that model can be trusted.",
        *paired.notes,
    ]
    if paired.num_units < FEW:
        notes.append(
            f"{paired.num_units} {paired.unit_name} are too few to tell models apart unless they "
            f"differ greatly: intervals over fewer than {FEW} are rough."
        )
    if max(runs) == 1:
        notes.append(
            "Each variant is one training. The intervals say what other test "
            f"{paired.unit_name} would change, not what another seed would: train each with "
            "several seeds (--multirun seed=0,1,2) and compare the sweep to know both."
        )
    elif min(runs) == 1:
        names = [v.name for v, n in zip(comparison.variants, runs, strict=True) if n == 1]
        notes.append(
            f"{', '.join(names)}: one training each, so what another seed would change is in the "
            "intervals for the others alone."
        )
    else:
        notes.append(
            "Variants are means over their runs; the intervals cover other test "
            f"{paired.unit_name} and other seeds."
        )
    if len(comparison.against) > 1:
        notes.append(
            f"{len(comparison.against)} comparisons: each interval is a 95 % interval by itself; "
            "the p-values are corrected for their number (Holm)."
        )
    return notes


def explain_mcnemar(comparison: Comparison) -> str:
    """Which of the two tests of single runs to trust; "": there is none."""
    if not any(one.mcnemar for one in comparison.against):
        return ""
    text = "McNemar asks whether one model is right more often on the images where just one is; "
    if comparison.paired.grouped:
        return text + (
            "it takes all images for independent of each other. Images of one group are not: trust "
            "the p-value by groups, which asks the same and moves the images of a group together."
        )
    return text + "it takes all images for independent of each other."
