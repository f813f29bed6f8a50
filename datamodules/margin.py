"""How far to erode the masks, found from training images alone and without a model.

The rim of a mask is often a mixture of the object and what lies behind it: soft edges, resizing,
a hand that slipped. A rim pixel c is taken as ``(1 - b) I + b O`` of the nearest clean colours
inside and outside, and the share b is fitted at each depth over all pixels and images at once.
"""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from scipy.ndimage import distance_transform_cdt, uniform_filter

from datamodules.table import ImageTable

MOST_EROSION = 3  # pixels
MOST_SHARE = 0.10  # of the outside colour
LEAST_AREA = 0.15  # share of a mask that the mask source leaves, whatever the margin

NUM_DEPTHS = MOST_EROSION + 1
BAND = 2  # pixels, thickness of the bands that the clean colours are read from
REACH = 2 * NUM_DEPTHS + 1  # pixels, so that every band is seen from every rim pixel
LEAST_PIXELS = 8  # of a band, for its colour to count
STEP_RATIO = 2.0
LEAST_STEP = 1.0  # grey levels of 255, about what rounding leaves


@dataclass(frozen=True)
class Margin:
    """A chosen margin and what it was chosen from.

    Args:
        dilate: Pixels of the network's input, at most 0: negative erodes.
        contamination: Share of the outside colour at depths 0, 1, ... of the mask, 0 its outermost
            ring: 0 is pure inside, 1 pure outside. NaN where nothing could be measured.
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

    Where the edge of the masks is no edge in the image (a box drawn on the background, a region of
    a face with skin on both sides), eroding gains nothing and the answer is 0.

    Args:
        samples: (H, W, 3) uint8 image and (H, W) bool mask, at the size of the network's input;
            empty and full masks are passed over.
    """
    # the edge of the mask, and to compare with it the same line drawn further in and further out
    offsets = (0, REACH, -REACH)
    lines = np.zeros((len(offsets), 5, NUM_DEPTHS))
    areas: list[np.ndarray] = []
    for image, mask in samples:
        if mask.any() and not mask.all():
            image, depth = _crop_around(image, mask)
            lines += [_measure_line(image, depth - offset) for offset in offsets]
            areas.append(np.array([(depth >= erosion).sum() for erosion in range(NUM_DEPTHS)]))
    mixed, contrast, _, slope, run = lines[0]
    shares = np.divide(mixed, contrast, out=np.full(NUM_DEPTHS, np.nan), where=contrast > 0)
    if run.sum() > 0:
        # an object that shades off towards its rim is no mixture: continue its own slope outwards
        per_pixel = slope.sum() / run.sum() / NUM_DEPTHS
        shares += per_pixel * (NUM_DEPTHS + (BAND - 1) / 2 - np.arange(NUM_DEPTHS))
    erosion, why = _decide(shares, lines, len(areas))
    num_guarded = sum(int(area[erosion] < LEAST_AREA * area[0]) for area in areas)
    reason = f"gate.dilate=auto takes {-erosion} px: {why}"
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


def _crop_around(image: np.ndarray, mask: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Cut out all that is read, with a plane of ones; and each pixel's depth, -1 down outside."""
    found = [np.flatnonzero(mask.any(axis=axis)) for axis in (1, 0)]
    window = tuple(slice(max(at[0] - 2 * REACH, 0), at[-1] + 2 * REACH) for at in found)
    mask = mask[window]
    # chessboard, as the mask source erodes by a square; the border is no edge there either
    inside = distance_transform_cdt(mask, "chessboard")
    outside = distance_transform_cdt(~mask, "chessboard")
    planes = np.dstack([image[window], mask | True]).astype(np.float32)
    return planes, np.where(mask, inside - 1, -outside)


def _measure_line(image: np.ndarray, depth: np.ndarray) -> np.ndarray:
    """Sum over the pixels at each depth what the shares are quotients of, (5, depths).

    With O the colour outside, I inside and J one margin further in: (c - I)(O - I), (O - I)^2, 1;
    and, where J is known, (J - I)(O - (I + J)/2), (O - I)(O - (I + J)/2). Quotients of sums are
    linear in c, so noise averages out; shares clamped pixel by pixel would drift to the middle.
    """
    rim = (depth >= 0) & (depth < NUM_DEPTHS)
    inner, has_inner = _band_colour(image, (depth - NUM_DEPTHS) // BAND == 0, rim)
    deeper, has_deeper = _band_colour(image, (depth - 2 * NUM_DEPTHS) // BAND == 0, rim)
    outer, has_outer = _band_colour(image, (-depth - NUM_DEPTHS) // BAND == 0, rim)
    across = (outer - inner) * (has_inner & has_outer)[:, None]
    # from the middle of I and J, whose own noise would else pass for a slope
    middle = (across - (deeper - inner) / 2) * (has_inner & has_outer & has_deeper)[:, None]
    pairs = (image[rim][:, :3] - inner, across), (across, across)
    slopes = (deeper - inner, middle), (across, middle)
    mixed, contrast, slope, run = ((a * b).sum(1) for a, b in (*pairs, *slopes))
    terms = mixed, contrast, has_inner & has_outer, slope, run
    return np.stack([np.bincount(depth[rim], term, NUM_DEPTHS) for term in terms])


def _band_colour(
    image: np.ndarray, band: np.ndarray, rim: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Mean colour of a band around each pixel of the rim, and whether enough of it is there."""
    width = 2 * REACH + 1
    means = uniform_filter(image * band[..., None], (width, width, 1), mode="constant")[rim]
    known = means[:, 3] * width**2 > LEAST_PIXELS - 0.5
    return means[:, :3] / np.where(known, means[:, 3], 1)[:, None], known


def _decide(shares: np.ndarray, lines: np.ndarray, num_images: int) -> tuple[int, str]:
    """The erosion in pixels, and why."""
    if num_images == 0:
        return 0, "no image has a mask with an inside and an outside"
    edge, *others = (_step(line.sum(axis=1)) for line in lines)
    if np.isnan(edge):
        return 0, f"none of {num_images} masks is thick enough to compare its rim with its middle"
    values = " ".join(f"{share:.2f}" for share in shares)
    measured = f"outside colour from the rim inwards is {values} ({num_images} images), "
    usual = min((max(step, 0.0) for step in others if np.isfinite(step)), default=0.0)
    if edge < max(STEP_RATIO * usual, LEAST_STEP):
        step = f"a step of {edge:.1f} grey levels, {usual:.1f} beside it"
        return 0, f"{measured}but the masks' edge is no edge there ({step})"
    clean = np.flatnonzero(shares <= MOST_SHARE)
    if len(clean) == 0:
        return MOST_EROSION, f"{measured}never at most {MOST_SHARE:.2f}, so the most there is"
    return int(clean[0]), f"{measured}there first at most {MOST_SHARE:.2f}"


def _step(line: np.ndarray) -> float:
    """Grey levels from a line's rim to its outside; NaN where nothing was measured."""
    mixed, contrast, count, *_ = line
    if contrast == 0:
        return 0.0 if count else float("nan")
    return float(np.sqrt(contrast / count / 3) * (1 - mixed / contrast))
