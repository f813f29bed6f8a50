"""How far to erode the masks, found from training images alone and without a model.

The rim of a mask often mixes the object with what lies behind it. A rim pixel c is taken as
``(1 - b) I + b O`` of the nearest clean colours inside and outside, and the share b is fitted at
each depth over all images at once, in two ways: by how far c has moved from I towards O, and by how
c changes from image to image with O. An object that is pale or dark along its rim fools
the first and light that falls on inside and outside alike the second; a mixture shows in both, so
the smaller counts.
"""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from datamodules.regions.rim import BAND, MOST_EROSION, NUM_DEPTHS, REACH, Rim, crop_around
from datamodules.tables.table import ImageTable

MOST_SHARE = 0.10  # of the outside colour
LEAST_AREA = 0.15  # share of a mask that the mask source leaves, whatever the margin

LEAST_VARIETY = 15.0  # grey levels that O varies by from image to image; else it shows nothing
LEAST_STEP = 1.0  # grey levels of 255, about what rounding leaves
MOST_SLOPE = 0.5  # of the way outwards is shading at most; steeper, it is the soft edge itself


@dataclass(frozen=True)
class Margin:
    """A chosen margin and what it was chosen from.

    Args:
        dilate: Pixels of the network's input, at most 0: negative erodes.
        contamination: Share of outside colour in each ring, outermost first; NaN: not measurable.
        num_images: Images whose mask has an inside and an outside.
        num_guarded: Of these, how many would keep less than 15 % of their mask.
        reason: One sentence for the log.
    """

    dilate: int
    contamination: tuple[float, ...]
    num_images: int
    num_guarded: int
    reason: str


def choose_margin(samples: Iterable[tuple[np.ndarray, np.ndarray]]) -> Margin:
    """Choose the smallest erosion at which the rim is at most a tenth outside colour.

    Where the masks' edge is no edge in the image (a box drawn on the background, a region of a
    face with skin on both sides), eroding gains nothing and the answer is 0.

    Shape: (H, W, 3) uint8 images with (H, W) bool masks, at the size of the network's input.
    """
    # the edge of the mask, and to compare with it the same line drawn further in and further out
    lines = np.zeros((3, 5, NUM_DEPTHS))
    products = np.zeros((NUM_DEPTHS, 4, 4, 3))
    areas: list[np.ndarray] = []
    for image, mask in samples:
        if mask.any() and not mask.all():
            image, depth = crop_around(image, mask)
            rims = [Rim.of(image, depth - offset) for offset in (0, REACH, -REACH)]
            lines += [rim.sums() for rim in rims]
            products += rims[0].products()
            areas.append(np.array([(depth >= erosion).sum() for erosion in range(NUM_DEPTHS)]))
    shares = np.fmin(_fit_shares(lines[0]), _fit_changes(products))
    erosion, why = _decide(shares, lines, len(areas))
    num_guarded = sum(int(area[erosion] < LEAST_AREA * area[0]) for area in areas)
    reason = f"{-erosion} px: {why}"
    if num_guarded:
        reason += f"; {num_guarded} masks would keep under {LEAST_AREA:.0%} and are eroded less"
    return Margin(-erosion, tuple(shares.tolist()), len(areas), num_guarded, f"{reason}.")


def pick_samples(table: ImageTable, num_images: int, seed: int) -> np.ndarray:
    """Pick up to ``num_images`` training rows with any region annotated, the classes in turn."""
    rows = np.flatnonzero((table.splits == "train") & table.has_roi().any(axis=1))
    rows = np.random.default_rng(seed).permutation(rows)
    rows = rows[np.argsort(table.labels[rows], kind="stable")]
    labels = table.labels[rows]
    turn = np.arange(len(rows)) - np.searchsorted(labels, labels)
    return rows[np.lexsort((labels, turn))][:num_images]


def _fit_shares(line: np.ndarray) -> np.ndarray:
    """Share of the outside colour at each depth, beyond what the object's own shading explains."""
    mixed, contrast, slope, run, _ = line
    shares = np.divide(mixed, contrast, out=np.full(NUM_DEPTHS, np.nan), where=contrast > 0)
    per_pixel = -slope.sum() / run.sum() / NUM_DEPTHS if run.sum() > 0 else 0.0
    shading = per_pixel * (NUM_DEPTHS + (BAND - 1) / 2 - np.arange(NUM_DEPTHS))
    return (shares - shading) / (1 - shading) if shading[0] < MOST_SLOPE else shares


def _fit_changes(products: np.ndarray) -> np.ndarray:
    """Share of O at each depth in what c changes by from image to image; NaN where O stays.

    Least squares of c on I and O with an intercept a channel.
    """
    shares = np.full(NUM_DEPTHS, np.nan)
    for depth, product in enumerate(products):
        count = product[0, 0]
        if not count.all():
            continue
        means = product[0] / count
        spread = (product - count * means[:, None] * means[None]).sum(axis=2)[1:, 1:]
        (inner, both), (_, outer) = spread[:2, :2]
        beside = outer - both**2 / inner if inner > 0 else outer
        if beside > LEAST_VARIETY**2 * count.sum():
            shares[depth] = np.linalg.lstsq(spread[:2, :2], spread[:2, 2])[0][1]
    return shares


def _decide(shares: np.ndarray, lines: np.ndarray, num_images: int) -> tuple[int, str]:
    """The erosion in pixels, and why."""
    if num_images == 0:
        return 0, "no image has a mask with an inside and an outside"
    mixed, contrast, *_, count = lines.sum(axis=2).T
    if count[0] == 0:
        return 0, f"none of {num_images} masks is thick enough to compare its rim with its middle"
    values = " ".join(f"{share:.2f}" for share in shares)
    measured = f"the outside colour's share is {values} from the rim inwards ({num_images} images)"
    grey = np.sqrt(contrast[count > 0] / count[count > 0] / 3)
    step = grey[0] * (1 - mixed[0] / max(contrast[0], 1.0))
    usual = min(grey[1:], default=0.0)
    # a rim that is three quarters outside belongs to a region drawn far around its object
    if step < max(usual, grey[0] / 4, LEAST_STEP):
        return 0, (
            f"no contrast at the masks' edge ({step:.1f} grey levels, {usual:.1f} elsewhere in the "
            f"{num_images} images), so nothing of the background can be told from the rim"
        )
    if not (shares <= MOST_SHARE).any():
        return MOST_EROSION, f"{measured}, never at most {MOST_SHARE:.2f}: the most there is"
    erosion = int(np.argmax(shares <= MOST_SHARE))
    return erosion, f"{measured}, first at most {MOST_SHARE:.2f} at {erosion} px"
