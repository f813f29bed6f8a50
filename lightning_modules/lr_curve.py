"""Losses of a rising learning rate, and the rate that they suggest."""

import io
import math
from dataclasses import dataclass, field

import numpy as np
from scipy.ndimage import gaussian_filter1d

# width of the curve's smoothing, a share of all steps: neighbouring steps see other batches
WIDTH = 0.05
# a curve of fewer steps says nothing
FEWEST_STEPS = 10


@dataclass
class LRCurve:
    """Losses by learning rate.

    Args:
        num_steps: Of the whole sweep.
        lrs: Rate of each step that was made, rising by one factor.
        losses: Its loss, finite.
        ending: Why the sweep ended before its last step; None: it did not.
    """

    num_steps: int
    lrs: list[float] = field(default_factory=list)
    losses: list[float] = field(default_factory=list)
    ending: str | None = None

    @property
    def smoothed(self) -> np.ndarray:
        """(steps,) mean of each loss and its neighbours, by a Gaussian over the steps."""
        return gaussian_filter1d(np.array(self.losses), WIDTH * self.num_steps, mode="nearest")

    @property
    def lowest(self) -> float:
        """Rate at which the smoothed loss is lowest."""
        return self.lrs[int(self.smoothed.argmin())]

    @property
    def steepest(self) -> float | None:
        """Rate, below that of the lowest loss, at which it falls fastest; None: it never falls."""
        curve = self.smoothed
        last = int(curve.argmin())
        if len(curve) < FEWEST_STEPS or last < 2:
            return None
        return self.lrs[int(np.gradient(curve[: last + 1]).argmin())]

    @property
    def suggestion(self) -> float | None:
        """The steepest rate, two digits of it; None: the loss never falls."""
        return None if self.steepest is None else float(f"{self.steepest:.1e}")

    def rows(self) -> list[dict[str, float]]:
        """One row a step."""
        columns = zip(self.lrs, self.losses, self.smoothed.tolist(), strict=True)
        names = ("step", "lr", "loss", "smoothed_loss")
        return [dict(zip(names, (step, *row), strict=True)) for step, row in enumerate(columns)]

    def draw(self) -> bytes:
        """A PNG of the losses over the rates."""
        from matplotlib.figure import Figure

        figure = Figure(figsize=(7, 4.5), layout="constrained")
        axes = figure.add_subplot(xscale="log", xlabel="optimizer.lr", ylabel="training loss")
        axes.plot(self.lrs, self.losses, color="#bbbbbb", linewidth=1, label="loss of a step")
        axes.plot(self.lrs, self.smoothed, color="#0072B2", label="smoothed")
        if self.suggestion is not None:
            axes.axvline(self.suggestion, color="#D55E00", label=f"optimizer.lr={self.suggestion}")
            axes.axvline(self.lowest, color="#777777", linestyle=":", label="lowest")
        top = float(np.max(self.smoothed[: max(1, len(self.lrs) * 3 // 4)]))
        if math.isfinite(top):  # what diverges would flatten the rest
            axes.set_ylim(0, 1.5 * top)
        axes.legend()
        file = io.BytesIO()
        figure.savefig(file, format="png", dpi=150)
        return file.getvalue()
