"""Token gate: a ViT computes only the patches that touch the mask.

Leaving out patches costs a ViT nothing but the patches ("Masked Autoencoders Are Scalable Vision
Learners", He et al. 2022, section 3); keeping those of the object alone is the hard masking of
"iFAM" (arXiv 2506.08915).
"""

from typing import Literal

import torch
from timm.models.vision_transformer import VisionTransformer
from torch import Tensor, nn
from torch.nn import functional

from lightning_modules.networks.backbone import Backbone
from lightning_modules.networks.gates.pixel import PixelGate

POOLS = ("token", "avg", "max", "avgmax")


class TokenGate(PixelGate):
    """Hide every pixel outside the mask, then drop the tokens of which nothing is left.

    A token stays when the mask covers any pixel of its patch. Pooling counts the tokens that stay.
    An all-true mask leaves the ViT as it is; an empty one leaves one token that says nothing.

    Args:
        dilate: As in ``PixelGate``.
        fill: As in ``PixelGate``; it fills what is hidden of the patches on the rim.
        roi_missing: As in ``PixelGate``.

    Shape: image (B, 3, H, W), mask (B, 1, H, W) bool -> GateOutput
    """

    compiles = False  # it runs the blocks one by one

    def __init__(
        self,
        dilate: int | Literal["auto"] = 0,
        fill: float = 0.0,
        roi_missing: Literal["error", "full", "abstain"] = "error",
    ) -> None:
        super().__init__(dilate, fill, roi_missing, pooling="mean")

    def attach(self, backbone: Backbone, region_names: tuple[str, ...]) -> None:
        """Check that the backbone is a ViT whose tokens can be left out.

        Raises:
            ValueError: It is not.
        """
        net = backbone.net
        name = f"{net.pretrained_cfg['architecture']} ({type(net).__name__})"
        if not isinstance(net, VisionTransformer):
            raise ValueError(
                f"gate=token needs a ViT of timm (VisionTransformer), whose tokens can be left "
                f"out; {name} is none: use gate=pixel."
            )
        if net.global_pool not in POOLS:
            raise ValueError(
                f"gate=token needs a ViT that pools by one of {', '.join(POOLS)}; {name} pools by "
                f"{net.global_pool!r}: use gate=pixel."
            )
        assert isinstance(net.patch_drop, nn.Identity)

    def answer(self, backbone: Backbone, seen: Tensor, mask: Tensor) -> Tensor:
        """Return the logits of a hidden image (B, 3, H, W)."""
        net = backbone.net
        seen = seen.contiguous(memory_format=torch.channels_last)
        tokens = net._pos_embed(net.patch_embed(seen))
        # in training as well: a token that nobody attends to costs time and says nothing
        tokens, kept = _drop_tokens(tokens, _touched_tokens(net, mask))
        tokens = net.norm_pre(tokens)
        if kept is None:
            tokens = net.norm(net.blocks(tokens))
        else:
            for block in net.blocks:
                tokens = block(tokens, attn_mask=kept[:, None, None])
            first = 0 if net.pool_include_prefix else net.num_prefix_tokens
            tokens = _level_padding(net.norm(tokens), kept, first)
        return backbone.classify(tokens)

    def all_tokens(self, backbone: Backbone, tokens: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
        """Put the tokens that stayed back in their places, among zeros."""
        keep = _touched_tokens(backbone.net, mask)
        if tokens.shape[1] == keep.shape[1]:
            return tokens, keep
        order = _kept_first(keep)[:, : tokens.shape[1], None].expand(-1, -1, tokens.shape[2])
        places = tokens.new_zeros(*keep.shape, tokens.shape[2]).scatter(1, order, tokens)
        return torch.where(keep[..., None], places, 0.0), keep


def _touched_tokens(net: VisionTransformer, mask: Tensor) -> Tensor:
    """Which tokens take part, (B, N) bool: those before the patches and one patch at least."""
    patch = net.patch_embed.feat_ratio(as_scalar=False)
    padded = net.patch_embed.dynamic_img_pad
    touched = functional.max_pool2d(mask.float(), patch, stride=patch, ceil_mode=padded) > 0
    assert touched.shape[2:] == net.patch_embed.dynamic_feat_size(mask.shape[2:])
    touched = touched.flatten(1)
    # without any, a ViT that has no class token would average nothing
    first = torch.arange(touched.shape[1], device=mask.device) == 0
    touched = touched | (first & ~touched.any(dim=1, keepdim=True))
    return functional.pad(touched, (net.num_prefix_tokens, 0), value=True)


def _drop_tokens(tokens: Tensor, keep: Tensor) -> tuple[Tensor, Tensor | None]:
    """Gather the tokens to keep, padded to the largest number of the batch by dropped ones.

    Returns:
        Tokens (B, L, D), and which of them are no padding, (B, L) bool, or None: all.
    """
    # a recorded graph has no place for numbers that vary: there all stay, behind the key mask
    if torch.jit.is_tracing() or torch.compiler.is_exporting():
        return tokens, keep
    counts = keep.sum(dim=1)
    least, most = torch.stack([counts.min(), counts.max()]).tolist()
    if most < keep.shape[1]:
        order = _kept_first(keep)[:, :most]
        tokens = tokens.gather(1, order[..., None].expand(-1, -1, tokens.shape[2]))
        keep = keep.gather(1, order)
    return tokens, keep if least < most else None


def _kept_first(keep: Tensor) -> Tensor:
    """Order (B, N) in which tokens to keep come first."""
    return keep.byte().argsort(dim=1, descending=True, stable=True)


def _level_padding(tokens: Tensor, kept: Tensor, first: int) -> Tensor:
    """Give padding the mean of the tokens kept from ``first`` on: no mean or maximum sees it."""
    counted = kept[:, first:, None]
    total = torch.where(counted, tokens[:, first:], 0.0).sum(dim=1, keepdim=True)
    return torch.where(kept[..., None], tokens, total / counted.sum(dim=1, keepdim=True))
