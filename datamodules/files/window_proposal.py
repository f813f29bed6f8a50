"""A window for images that need one and have none, measured over the set and proposed."""

import os

import numpy as np

from datamodules.files.dicom import SUFFIXES, require_pydicom
from datamodules.files.images import read_deep
from datamodules.files.unreadable import UnreadableImage
from datamodules.files.window import Window
from datamodules.tables.manifest import RawTable

MOST_FILES = 50
MOST_PIXELS = 20_000  # of each
PERCENTILES = (0.5, 99.5)
EIGHT_BITS = (".jpg", ".jpeg", ".png", ".bmp", ".gif", ".webp", ".ppm", ".pgm")


def require_window(raw: RawTable, window: Window | None) -> None:
    """Stop where images hold grey that only a fixed window turns into 8 bits, and there is none.

    Args:
        raw: The source.
        window: As the user gave it.

    Raises:
        ValueError: They do, and the message proposes one; or they are DICOM, whose packages are not
            installed.
    """
    rows = np.linspace(0, raw.columns.num_rows - 1, MOST_FILES).astype(int)
    images = raw.columns["image"].take(np.unique(rows)).to_pylist()
    if any(os.path.splitext(image)[1].lower() in SUFFIXES for image in images):
        require_pydicom()
    if window is not None:
        return
    samples = {image: _sample(os.path.join(raw.roots[0], image)) for image in images}
    deep = [image for image, values in samples.items() if len(values)]
    if not deep:
        return
    values = np.concatenate([samples[image] for image in deep])
    low, high = np.percentile(values, PERCENTILES)
    digits = max(0, 2 - int(np.floor(np.log10(max(high - low, 1e-12)))))
    low, high = (f"{float(np.round(value, digits)):g}" for value in (low, high))
    raise ValueError(
        f"{raw.name}: images such as {deep[0]} hold grey of more than 8 bits, which needs one "
        "fixed window for all of them: name the values that are black and white. One that is taken "
        "from each image would let what lies outside of the ROI change what is inside. "
        f"0.5 % of the pixels of {len(deep)} images lie below {low} and 0.5 % above {high}: "
        f'try "data.window=[{low},{high}]".'
    )


def _sample(path: str) -> np.ndarray:
    """Values of some pixels, none where no window is needed."""
    if path.lower().endswith(EIGHT_BITS):
        return np.empty(0)
    try:
        values = read_deep(path)
    except UnreadableImage:
        return np.empty(0)  # said by the check of the files, by name
    if values is None:
        return np.empty(0)
    values = values[np.isfinite(values)].ravel()
    return values[:: max(1, len(values) // MOST_PIXELS)].astype(float)
