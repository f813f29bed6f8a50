"""Proposals of a region of interest by a pretrained backbone that knows nothing of the classes.

What stands out is what its last feature map shows unlike the border of the image: a guess that the
border is background (the boundary prior of Wei et al., "Geodesic Saliency Using Background Priors",
2012), in features instead of colours.
"""

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from lightning_modules.networks.backbone import Backbone

LEAST_SPREAD = 1e-3
NUM_BINS = 64


class SaliencyProposer:
    """Proposes one box an image.

    Args:
        backbone: Name in timm, of those that end in a feature map.
        pretrained: True: the hub's weights; a path: those of a file.
        size: Side of the square in pixels that images are scaled to.

    Raises:
        ValueError: The weights cannot be had, or the backbone makes no feature map.
    """

    def __init__(self, backbone: str, pretrained: bool | str, size: int) -> None:
        self.device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
        network = Backbone(2, (size, size), backbone=backbone, pretrained=pretrained)
        self.network = network.eval().to(self.device)
        self.size = size
        self.propose(np.zeros((1, size, size, 3), np.uint8))

    @torch.inference_mode()
    def propose(self, images: np.ndarray) -> np.ndarray:
        """Boxes (B, 4), x0 y0 x1 y1 in shares of the image, of images (B, size, size, 3) uint8."""
        pixels = torch.from_numpy(images).to(self.device).permute(0, 3, 1, 2).float() / 255
        mean, std = (
            torch.tensor(value, device=self.device).view(3, 1, 1)
            for value in (self.network.mean, self.network.std)
        )
        features = self.network.as_map(self.network.features((pixels - mean) / std))
        maps = F.interpolate(
            stand_out(features)[:, None], size=(self.size, self.size), mode="bilinear"
        )
        return np.array([box_of_largest(one) for one in maps[:, 0].cpu().numpy()]) / self.size


def stand_out(features: Tensor) -> Tensor:
    """How unlike the border each cell is: (B, D, h, w) -> (B, h, w), 1 for a cell of the border.

    Root mean square over the channels of the distance from the border's mean, in its deviations.
    """
    rim = torch.cat(
        [features[:, :, 0], features[:, :, -1], features[..., 0], features[..., -1]], dim=2
    )
    mean, spread = rim.mean(dim=2)[..., None, None], rim.std(dim=2)[..., None, None]
    return ((features - mean) / (spread + LEAST_SPREAD)).square().mean(dim=1).sqrt()


def box_of_largest(saliency: np.ndarray) -> np.ndarray:
    """Box (4,) in pixels around the connected part of a map (H, W) that stands out most in sum.

    What stands out is above Otsu's threshold (1979), which parts the values into two alike groups.
    """
    from scipy import ndimage

    parts, num_parts = ndimage.label(saliency > otsu_threshold(saliency))
    if not num_parts:
        return np.array([0, 0, saliency.shape[1], saliency.shape[0]], float)
    sums = ndimage.sum(saliency - saliency.min(), parts, range(1, num_parts + 1))
    rows, columns = ndimage.find_objects(parts)[int(np.argmax(sums))]
    return np.array([columns.start, rows.start, columns.stop, rows.stop], float)


def otsu_threshold(values: np.ndarray) -> float:
    """The value that leaves the least variance within the values above and below it."""
    counts, edges = np.histogram(values, NUM_BINS)
    middles, share = (edges[1:] + edges[:-1]) / 2, counts / counts.sum()
    below, mean = np.cumsum(share), np.cumsum(share * middles)
    between = (mean[-1] * below - mean) ** 2 / np.maximum(below * (1 - below), 1e-12)
    return float(edges[1:][np.argmax(between[:-1])])
