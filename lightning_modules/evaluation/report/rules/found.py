"""What warned: of the data, of training, of the test; the verdict counts it, a section says it."""

from lightning_modules.evaluation.report.record import Record
from lightning_modules.evaluation.report.wording import count

FEWEST_OF_A_CLASS = 10  # images, below which a class of the test or of training is called tiny


def find_warnings(record: Record) -> list[str]:
    """What the run warned of, tiny classes, images left out; a sentence or two each."""
    found = [record.names.scrub(text) for text in record.facts.get("warnings", [])]
    return found + _tiny_classes(record) + _left_out(record)


def _tiny_classes(record: Record) -> list[str]:
    data = record.facts.get("data", {})
    words = {"train": "training", "test": "test"}
    found = []
    for split, word in words.items():
        images = data.get("splits", {}).get(split, {}).get("images", [])
        pairs = zip(data.get("class_names", []), images, strict=False)
        tiny = [f"{name} ({n})" for name, n in pairs if n < FEWEST_OF_A_CLASS and sum(images)]
        if tiny:
            some = ", ".join(tiny[:10]) + (" and more" if len(tiny) > 10 else "")
            found.append(
                f"Fewer than {FEWEST_OF_A_CLASS} {word} images of {some}: what is said of such a "
                "class is close to chance."
            )
    return found


def _left_out(record: Record) -> list[str]:
    found = []
    bad = record.metrics.get("num_bad_images")
    if bad:
        found.append(f"{count(bad, 'bad image')} (broken or missing files) left out.")
    if record.num_unanswered:
        found.append(
            f"{count(record.num_unanswered, 'test image')} without a mask got no answer and are in "
            "no score: the scores are of the others."
        )
    return found
