"""examples/ of answers that were pooled from several tests: pictures that these have drawn."""

from collections.abc import Sequence
from pathlib import Path

from lightning_modules.evaluation.examples.sections import FOLDER, remove_sections
from lightning_modules.run_files import write_bytes, write_json
from lightning_modules.run_reading import find_json

KIND = "label"


def gather_examples(folder: Path, tests: Sequence[Path], ids: Sequence[str]) -> None:
    """Copy the first picture of each of these images, as far as the tests have drawn it.

    Args:
        folder: Of the pooled answers; its ``examples/`` are written anew.
        tests: Their folders, which may have ``examples/``.
        ids: Of the images, in the order in which they are shown.
    """
    place, drawn = remove_sections(folder), {}
    for test in tests:
        for section in find_json(test / FOLDER / "examples.json").get("sections", []):
            for example in section["examples"]:
                if example["id"] in ids and example["pictures"]:
                    drawn.setdefault(example["id"], (test / FOLDER, example))
    examples = []
    for number, name in enumerate((name for name in ids if name in drawn), 1):
        source, example = drawn[name]
        picture = example["pictures"][0]
        file = source / Path(picture["file"]).name
        if file.is_file():
            own = f"{KIND}_{number:02d}_1{file.suffix}"
            write_bytes(place / own, file.read_bytes())
            examples.append(example | {"pictures": [picture | {"file": own}]})
    if examples:
        title = "Labels that look wrong"
        section = {"kind": KIND, "title": title, "note": "", "examples": examples}
        write_json(place / "examples.json", {"sections": [section]})
