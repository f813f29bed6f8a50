"""examples/: JPEG files, and examples.json that says what they show."""

import io
import shutil
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from lightning_modules.run_files import write_bytes, write_json

HEAT = "heat map"  # begins the caption of one
QUALITY = 85
FOLDER = "examples"


@dataclass(frozen=True)
class Example:
    """An image and what is drawn of it.

    Args:
        id: Of the image.
        label: Its true class.
        predicted: The answer; None: it is not told.
        prob: Of the answer, in [0, 1].
        group: Of the image; None: unknown.
        pictures: Caption and (H, W, 3) uint8 of each.
    """

    id: str
    label: str
    predicted: str | None
    prob: float | None
    group: str | None
    pictures: list[tuple[str, np.ndarray]]


@dataclass(frozen=True)
class Section:
    """Examples of one kind: data, mistake, uncertain, backgrounds or masks.

    ``note`` says how they were chosen.
    """

    kind: str
    title: str
    note: str
    examples: list[Example]


def write_sections(folder: Path, sections: list[Section]) -> None:
    """Write ``examples/`` of a run anew; examples.json comes last."""
    place = remove_sections(folder)
    told = []
    for section in sections:
        examples = []
        for number, example in enumerate(section.examples, 1):
            pictures = []
            for turn, (caption, pixels) in enumerate(example.pictures, 1):
                # a name tells nothing of the image: ids may be what must not leave
                name = f"{section.kind}_{number:02d}_{turn}.jpg"
                write_bytes(place / name, _encode(pixels))
                pictures.append({"file": name, "caption": caption})
            known = {name: value for name, value in vars(example).items() if name != "pictures"}
            examples.append(known | {"pictures": pictures})
        heads = {"kind": section.kind, "title": section.title, "note": section.note}
        told.append(heads | {"examples": examples})
    write_json(place / "examples.json", {"sections": told})


def remove_sections(folder: Path) -> Path:
    """Remove the examples of a test before, and return where they were."""
    place = folder / FOLDER
    shutil.rmtree(place, ignore_errors=True)
    return place


def _encode(pixels: np.ndarray) -> bytes:
    buffer = io.BytesIO()
    # colours at full resolution: outlines are thin
    Image.fromarray(pixels).save(buffer, "JPEG", quality=QUALITY, subsampling=0)
    return buffer.getvalue()
