"""Image and regions move together: resizing for evaluation, augmentation for training.

Samples are dicts of tv_tensors: ``image`` uint8 (3, H, W) and ``roi`` bool (R, H, W). No step here
reads a statistic of the whole image (contrast, equalize, per-image normalisation): it would carry
the background across the edge of the region, ahead of the gate.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torchvision import tv_tensors
from torchvision.transforms import v2
from torchvision.transforms.v2 import functional

from datamodules.regions import resize_regions

MOST = 0.5


@dataclass(frozen=True)
class Preprocessing:
    """What the backbone expects of an image.

    Args:
        size: Height and width of its input in pixels.
        mean: Of each channel, of values in [0, 1].
        std: Of each channel, of values in [0, 1].
        interpolation: bilinear, bicubic or nearest, always antialiased.
    """

    size: tuple[int, int]
    mean: tuple[float, float, float]
    std: tuple[float, float, float]
    interpolation: str

    def __post_init__(self) -> None:
        if self.interpolation not in ("nearest", "bilinear", "bicubic"):
            raise ValueError(
                f"interpolation is {self.interpolation!r}, expected nearest, bilinear or bicubic"
            )


def resize_together(
    image: np.ndarray, planes: np.ndarray, preprocessing: Preprocessing
) -> tuple[tv_tensors.Image, tv_tensors.Mask]:
    """Bring a decoded image and its regions to the size of the network's input.

    The whole image is kept and its sides are scaled apart, so nothing of a region is cut off.

    Args:
        image: (H, W, 3) uint8.
        planes: (R, H, W) bool.
        preprocessing: Size and filter.

    Returns:
        image uint8 (3, *size) and planes bool (R, *size), inside only where the filter read
        inside pixels alone.
    """
    size = preprocessing.size
    tensor = torch.from_numpy(np.array(image)).permute(2, 0, 1)
    if image.shape[:2] != tuple(size):
        mode = v2.InterpolationMode(preprocessing.interpolation)
        antialias = preprocessing.interpolation != "nearest"
        tensor = functional.resize(tensor, list(size), interpolation=mode, antialias=antialias)
    planes = resize_regions(planes, size, preprocessing.interpolation)
    return tv_tensors.Image(tensor.contiguous()), tv_tensors.Mask(torch.from_numpy(planes))


class RegionFlip(v2.RandomHorizontalFlip):
    """Mirror left to right; the regions left_<name> and right_<name> change places.

    Args:
        p: Probability in [0, 1].
        region_names: In the order of the planes.
    """

    def __init__(self, p: float, region_names: Sequence[str]) -> None:
        super().__init__(p=p)
        mirrored = [_mirror_name(name) for name in region_names]
        order = {name: index for index, name in enumerate(region_names)}
        self.order = [order.get(other, index) for index, other in enumerate(mirrored)]

    def transform(self, inpt: Any, params: dict[str, Any]) -> Any:  # noqa: ANN401, D102
        flipped = super().transform(inpt, params)
        if isinstance(flipped, tv_tensors.Mask):
            return tv_tensors.wrap(flipped[self.order], like=flipped)
        return flipped


class JointAffine(v2.RandomAffine):
    """Rotate, shift and scale; a pixel stays inside when most of what its filter read is inside.

    The strict rule of the resize would take a rim off every training mask and none off a test mask
    of the network's size: a shift between the two that cost 3 points on pictures of fruit. The
    promise of a gate is about evaluation, where this does not run.
    """

    def transform(self, inpt: Any, params: dict[str, Any]) -> Any:  # noqa: ANN401, D102
        if not isinstance(inpt, tv_tensors.Mask):
            return super().transform(inpt, params)
        soft = functional.affine(
            inpt.as_subclass(Tensor).float(), **params, interpolation=self.interpolation, fill=[0.0]
        )
        return tv_tensors.wrap(soft > MOST, like=inpt)


def build_augmentation(
    region_names: Sequence[str],
    *,
    horizontal_flip: float = 0.0,
    rotation: float = 0.0,
    translation: float = 0.0,
    scale: float = 0.0,
    brightness: float = 0.0,
) -> v2.Transform | None:
    """Build the training augmentation; None when every part is off.

    Args:
        region_names: In the order of the planes.
        horizontal_flip: Probability in [0, 1].
        rotation: Largest angle in degrees, either way.
        translation: Largest shift as a share of the image size in [0, 1], either way.
        scale: Scaling by 1 - scale to 1 + scale, in [0, 1).
        brightness: Brightness times 1 - brightness to 1 + brightness, in [0, 1].

    Raises:
        ValueError: A value is outside its range.
    """
    shares = {"horizontal_flip": horizontal_flip, "translation": translation, "scale": scale}
    shares["brightness"] = brightness
    for name, value in shares.items():
        if not 0 <= value <= 1 or (name == "scale" and value == 1):
            raise ValueError(f"augment.{name} is {value}, expected a share from 0 to 1")
    if not 0 <= rotation <= 180:
        raise ValueError(f"augment.rotation is {rotation}, expected 0 to 180 degrees")
    steps: list[v2.Transform] = []
    if horizontal_flip:
        steps.append(RegionFlip(horizontal_flip, region_names))
    if rotation or translation or scale:
        steps.append(
            JointAffine(
                rotation,
                translate=(translation, translation),
                scale=(1 - scale, 1 + scale),
                interpolation=v2.InterpolationMode.BILINEAR,
                fill=127,
            )
        )
    if brightness:
        steps.append(v2.ColorJitter(brightness=brightness))
    return v2.Compose(steps) if steps else None


class Collate:
    """Stack samples into a batch and normalise the images, once a batch.

    Args:
        preprocessing: The mean and std of the backbone.
    """

    def __init__(self, preprocessing: Preprocessing) -> None:
        self.mean = torch.tensor(preprocessing.mean).view(1, 3, 1, 1) * 255
        self.std = torch.tensor(preprocessing.std).view(1, 3, 1, 1) * 255

    def normalise(self, image: Tensor) -> Tensor:
        """Turn images (B, 3, H, W) uint8 into what the backbone reads."""
        return image.as_subclass(Tensor).float().sub_(self.mean).div_(self.std)

    def __call__(self, samples: list[dict[str, Any]]) -> dict[str, Any]:
        """Return image float (B, 3, H, W), roi bool (B, R, H, W), has_roi, label, id, weight.

        ``has_roi`` (B, R) is what a gate may use, ``annotated`` (B, R) what the user has annotated,
        ``detected`` (B,) whether a detector did it.
        ``roi_share`` (B,) is the share of the image that its ROI covers in its own pixels, before
        any resampling. ``distractors`` bool (B, K, H, W) goes with images that are evaluated, where
        the table names any.
        """
        batch: dict[str, Any] = {"id": [sample["id"] for sample in samples]}
        image = torch.stack([sample["image"].as_subclass(Tensor) for sample in samples])
        batch["image"] = self.normalise(image)
        batch["roi"] = torch.stack([sample["roi"].as_subclass(Tensor) for sample in samples])
        for name in ("has_roi", "annotated"):
            batch[name] = torch.from_numpy(np.stack([sample[name] for sample in samples]))
        batch["detected"] = torch.tensor([bool(sample["detected"]) for sample in samples])
        batch["roi_share"] = torch.tensor([sample["roi_share"] for sample in samples]).float()
        batch["label"] = torch.tensor([sample["label"] for sample in samples])
        if "distractors" in samples[0]:
            batch["distractors"] = torch.stack([sample["distractors"] for sample in samples])
        if "weight" in samples[0]:
            batch["weight"] = torch.tensor([sample["weight"] for sample in samples]).float()
        return batch


def _mirror_name(name: str) -> str:
    for side, other in (("left_", "right_"), ("right_", "left_")):
        if name.startswith(side):
            return other + name.removeprefix(side)
    return name
