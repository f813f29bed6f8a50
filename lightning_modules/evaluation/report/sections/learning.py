"""Learning curves, the epoch that was taken marked."""

from markupsafe import Markup

from lightning_modules.evaluation.report.blocks import (
    grid,
    paragraph,
    sentence,
    term,
)
from lightning_modules.evaluation.report.figures import add_legend, chart, new_axes, style_of
from lightning_modules.evaluation.report.page import Section
from lightning_modules.evaluation.report.record import Record
from lightning_modules.evaluation.report.wording import count, decimal

CURVES = {
    "Loss (smaller is better)": {"train_loss": "training", "val_loss": "validation"},
    "Score (larger is better)": {
        "train_macro_f1": "training, macro F1",
        "val_macro_f1": "validation, macro F1",
        "val_accuracy": "validation, accuracy",
    },
}


def write_learning(record: Record) -> Section:
    """One chart of the loss and one of the score."""
    if not record.history:
        return Section("learning", "Learning curves", [])
    best = record.facts.get("best_epoch")
    charts = [_draw(record, label, names, best) for label, names in CURVES.items()]
    blocks = [grid([one for one in charts if one]), paragraph(_say(record, best))]
    lead = sentence(
        "How it learned, {epoch} by epoch. Both curves of a pair should go the same way: when "
        "training goes on improving and validation gets worse, the model learns by heart.",
        epoch=term("epoch"),
    )
    return Section("learning", "Learning curves", blocks, lead)


def _draw(record: Record, label: str, names: dict[str, str], best: int | None) -> Markup | None:
    curves = {
        words: [
            (row["epoch"] + 1, row[name]) for row in record.history if row.get(name) is not None
        ]
        for name, words in names.items()
    }
    curves = {words: points for words, points in curves.items() if points}
    if not curves:
        return None
    axes = new_axes("epoch", label)
    for index, (words, points) in enumerate(curves.items()):
        marker = "o" if len(points) < 30 else None
        axes.plot(*zip(*points, strict=True), marker=marker, ms=4, label=words, **style_of(index))
    if best is not None:
        axes.axvline(best + 1, color="#555555", linewidth=1.2, linestyle=":", label="epoch taken")
    axes.xaxis.get_major_locator().set_params(integer=True)
    add_legend(axes)
    ends = "; ".join(
        f"{words} from {decimal(p[0][1])} to {decimal(p[-1][1])}" for words, p in curves.items()
    )
    return chart(axes, f"{label} by epoch: {ends}.")


def _say(record: Record, best: int | None) -> Markup:
    monitor = record.facts.get("monitor", "val_macro_f1")
    if best is None or best >= len(record.history):
        return sentence("{epochs} were trained.", epochs=count(len(record.history), "epoch"))
    score = record.history[best].get(monitor)
    reached = sentence(" ({monitor} {score})", monitor=monitor, score=decimal(score))
    return sentence(
        "The model of epoch {best} of {all} was taken{reached}: chosen by validation images alone.",
        best=best + 1,
        all=len(record.history),
        reached=reached if score is not None else "",
    )
