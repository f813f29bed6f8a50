"""Late gate: the mask on the last feature map. It LEAKS; kept to compare with.

Pooling over the region of a feature map is masking as in "Convolutional Feature Masking" (Dai et
al. 2015, arXiv 1412.1283). Every cell of a last map has seen most of the image, and late masking
falls behind early masking on every backbone tried in arXiv 2308.12127.
"""

from typing import Literal

import torch
from timm.models.vision_transformer import VisionTransformer
from torch import Tensor

from lightning_modules.networks.backbone import Backbone
from lightning_modules.networks.gates.base import Promise
from lightning_modules.networks.gates.pixel import PixelGate, area_weights


class LateGate(PixelGate):
    """Average the last feature map over the region alone. NOT recommended: use ``PixelGate``.

    The backbone sees the whole image, so what is pooled inside the mask was computed from the
    background too. Cells weigh by the share of them that the mask covers, all alike for an empty
    mask; an all-true mask changes nothing.

    Args:
        dilate: As in ``PixelGate``.
        roi_missing: As in ``PixelGate``.

    Shape: image (B, 3, H, W), mask (B, 1, H, W) bool -> GateOutput
    """

    promise = Promise.NONE
    mixes = False

    def __init__(
        self,
        dilate: int | Literal["auto"] = 0,
        roi_missing: Literal["error", "full", "abstain"] = "error",
    ) -> None:
        super().__init__(dilate, roi_missing=roi_missing)

    def attach(self, backbone: Backbone, region_names: tuple[str, ...]) -> None:
        """Check that the backbone averages what the mask can weigh.

        Raises:
            ValueError: It does not.
        """
        if not _averages_tokens(backbone):
            check_averages(backbone, "late")

    def hide(self, image: Tensor, mask: Tensor) -> Tensor:
        """Return the image: this gate hides nothing of it."""
        return image

    def answer(self, backbone: Backbone, seen: Tensor, mask: Tensor) -> Tensor:
        """Return the logits of a whole image (B, 3, H, W)."""
        features = backbone.features(seen)
        if not _averages_tokens(backbone):
            weights = area_weights(mask, backbone.as_map(features))
            return backbone.classify(backbone.weigh(features, weights))
        net = backbone.net
        prefix, patches = features.tensor_split([net.num_prefix_tokens], dim=1)
        grid = net.patch_embed.dynamic_feat_size(mask.shape[2:])
        weights = area_weights(mask, patches.transpose(1, 2).unflatten(2, grid))
        patches = patches * weights.flatten(2).transpose(1, 2)
        return net.forward_head(torch.cat([prefix, patches], dim=1))


def _averages_tokens(backbone: Backbone) -> bool:
    """Whether this is a ViT that averages its patches and nothing else."""
    net = backbone.net
    vit = isinstance(net, VisionTransformer)
    return vit and net.global_pool == "avg" and not net.pool_include_prefix


def check_averages(backbone: Backbone, gate: str) -> None:
    """Refuse a backbone whose answer is not the mean of a last feature map.

    Raises:
        ValueError: It is not.
    """
    if not backbone.averages:
        net = backbone.net
        raise ValueError(
            f"gate={gate} needs a backbone that averages its last feature map; "
            f"{net.pretrained_cfg['architecture']} ({type(net).__name__}) does not: choose another "
            "model.backbone or gate=pixel."
        )
