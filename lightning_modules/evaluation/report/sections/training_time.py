"""How long training took."""

from markupsafe import Markup

from lightning_modules.evaluation.report.blocks import heading, paragraph, sentence
from lightning_modules.evaluation.report.record import Record
from lightning_modules.evaluation.report.wording import count, duration


def show_time(record: Record) -> list[Markup]:
    """In all, an epoch, images a second; nothing where it was not trained."""
    if not record.seconds:
        return []
    total, num = sum(record.seconds), len(record.seconds)
    return [
        heading("Time"),
        paragraph(
            sentence(
                "Training took {total}: {epochs} of {each}{speed}{machine}.",
                total=duration(total),
                epochs=count(num, "epoch"),
                each=duration(total / num),
                speed=_speed(record, total / num),
                machine=f", on {record.facts['machine']}" if "machine" in record.facts else "",
            )
        ),
    ]


def _speed(record: Record, seconds: float) -> str:
    train = record.facts.get("data", {}).get("splits", {}).get("train")
    if not train:
        return ""
    return f", {count(round(sum(train['images']) / seconds), 'image')} a second"
