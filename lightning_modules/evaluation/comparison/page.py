"""report.html of a comparison: one page that holds its picture in itself."""

from collections.abc import Iterator

from markupsafe import Markup

from lightning_modules.evaluation.comparison.document import UNITS
from lightning_modules.evaluation.comparison.findings import Findings
from lightning_modules.evaluation.comparison.margin import RULE
from lightning_modules.evaluation.comparison.picture import choose_metrics, draw
from lightning_modules.evaluation.comparison.tables import (
    Cells,
    differences_table,
    mcnemar_table,
    scores_table,
    settings_table,
)
from lightning_modules.evaluation.comparison.wording import BY_NAME, is_close, verdict
from lightning_modules.evaluation.report.blocks import (
    Level,
    bullets,
    code,
    note,
    paragraph,
    sentence,
    table,
    term,
)
from lightning_modules.evaluation.report.figures import chart
from lightning_modules.evaluation.report.page import Section, render_page

LEVELS: dict[str, Level] = {"better": "good", "worse": "bad", "cannot tell": "note"}
LEVELS |= {"maybe better": "careful", "maybe worse": "careful"}
WIDTH = 5.6  # inches of the chart, whose text is then readable on a phone
# heads of columns that the glossary explains, and by which of its words
TERMS = {
    **{name: name for name in ("accuracy", "balanced accuracy", "macro F1", "AUROC", "log loss")},
    **{name: name for name in ("worst group", "95 % interval")},
    "flips": "flip rate",
    **dict.fromkeys(("p", "McNemar p", "p by groups"), "p-value"),
}


def make_page(findings: Findings, date: str) -> str:
    """The whole page as HTML, from what was found."""
    comparison = findings.comparison
    names = [variant.name for variant in comparison.variants]
    images = f"{len(comparison.paired.ids)} images"
    over = f" in {comparison.paired.num_units} groups" if comparison.paired.grouped else ""
    sections = [
        Section("answer", "Which is better?", list(_answers(findings)), _lead(findings)),
        Section("variants", "The variants", [_table(scores_table(comparison)), paragraph(UNITS)]),
        Section("differences", "How sure is it?", list(_differences(findings))),
        Section("single", "Right answers of single runs", list(_single(findings))),
        Section("careful", "Before you believe it", [bullets(findings.notes)]),
        Section("settings", "What differs between them", list(_settings(findings))),
        Section("repeat", "How to repeat it", [code(findings.command)]),
    ]
    title = f"{names[0]} and {names[1]}" if len(names) == 2 else f"{len(names)} variants"
    return render_page(f"Comparison of {title}", f"{date} · the same {images}{over}", sections)


def _lead(findings: Findings) -> Markup:
    return sentence(
        "By {metric}, compared with {first}, which comes first.",
        metric=_term(findings.metric.title),
        first=findings.comparison.variants[0].name,
    )


def _answers(findings: Findings) -> Iterator[Markup]:
    pairs = zip(findings.comparison.against, findings.sentences, strict=True)
    for one, text in pairs:
        found = verdict(one, findings.metric)
        title = "The same model" if one.same_model else found.capitalize()
        close = is_close(one, findings.metric)
        level = "careful" if close else LEVELS[found]
        yield note(level, text, f"{title}, but close" if close else title)
    for judged in findings.margins:
        level: Level = "good" if judged.shown else "bad"
        yield note(level, judged.sentence, "Not worse" if judged.shown else "May be worse")
    if findings.margins:
        yield paragraph(RULE)


def _differences(findings: Findings) -> Iterator[Markup]:
    comparison, metric = findings.comparison, findings.metric.name
    drawn = choose_metrics(comparison, metric)
    alt = (
        f"Differences from {comparison.variants[0].name} in "
        f"{', '.join(one.title for one in drawn)} with their 95 % intervals; the table below has "
        "the numbers"
    )
    caption = sentence(
        "The line is the {interval}: where it crosses 0, the two cannot be told apart.",
        interval=term("95 % interval"),
    )
    yield chart(draw(comparison, metric, findings.margin, WIDTH), alt, caption)
    metrics = [BY_NAME[name] for name in comparison.metrics]
    yield _table(differences_table(comparison, metrics))


def _single(findings: Findings) -> Iterator[Markup]:
    cells = mcnemar_table(findings.comparison)
    if cells:
        yield _table(cells)
        yield paragraph(findings.on_mcnemar)


def _settings(findings: Findings) -> Iterator[Markup]:
    variants = findings.comparison.variants
    yield bullets([f"{one.name}: {', '.join(run.name for run in one.runs)}" for one in variants])
    cells = settings_table(findings.comparison)
    if cells:
        yield table(cells[0], cells[1:])


def _table(cells: Cells) -> Markup:
    rows = [[None if cell == "-" else cell for cell in row] for row in cells[1:]]
    return table([_term(head) for head in cells[0]], rows)


def _term(title: str) -> str | Markup:
    return term(TERMS[title], title) if title in TERMS else title
