"""The token gate is the pixel gate with the empty patches left out."""

import pytest
import timm
import torch
from timm.models.vision_transformer import VisionTransformer
from torch import nn

from lightning_modules.networks import Backbone, ROINetwork
from lightning_modules.networks.gates import Promise, TokenGate

SIZE = (64, 64)
PATCH = 16
REFUSED = {
    "test_resnet": r"test_resnet \(ResNet\) is none: use gate=pixel",
    "test_vit_relpos": r"test_vit_relpos \(VisionTransformerRelPos\) is none: use gate=pixel",
    "swin_tiny_patch4_window7_224": r"\(SwinTransformer\) is none: use gate=pixel",
    "test_vit3": "pools by 'map': use gate=pixel",
}
VITS = sorted({*timm.list_models("test_vit*")} - {*REFUSED})
DISTILLED = "deit_tiny_distilled_patch16_224"  # two heads; the smallest there is


def make_network(name, gate=None):
    torch.manual_seed(0)
    network = ROINetwork(Backbone(3, SIZE, backbone=name), gate or TokenGate()).eval()
    for layer in network.backbone.head.modules():
        if isinstance(layer, nn.Linear):  # starts too small to tell answers apart
            nn.init.normal_(layer.weight)
    return network


def ask(network, image, mask):
    """Logits behind a given mask (B, 1, H, W)."""
    with torch.no_grad():
        return network(image, mask, torch.ones(len(mask), 1, dtype=torch.bool)).logits


def make_masks():
    """Of a few pixels in one patch, of two patches and their rims, of the lower half."""
    mask = torch.zeros(3, 1, *SIZE, dtype=torch.bool)
    mask[0, :, 20:23, 40:42] = True
    mask[1, :, 10:30, 16:32] = True
    mask[2, :, 32:] = True
    return mask


def find_touched(mask):
    """Patch by patch, in the order of the tokens."""
    corners = [(y, x) for y in range(0, SIZE[0], PATCH) for x in range(0, SIZE[1], PATCH)]
    return torch.tensor([bool(mask[0, y : y + PATCH, x : x + PATCH].any()) for y, x in corners])


def answer_with_all_tokens(net, seen, mask):
    """One image through all tokens, the untouched ones behind a key mask, pooled by hand."""
    touched = find_touched(mask)
    seen_by_all = torch.cat([torch.ones(net.num_prefix_tokens, dtype=torch.bool), touched])
    with torch.no_grad():
        tokens = net.forward_features(seen[None], attn_mask=seen_by_all[None, None, None])[0]
        if hasattr(net, "head_dist"):
            return (net.head(tokens[0]) + net.head_dist(tokens[1])) / 2
        patches = tokens[net.num_prefix_tokens :][touched]
        pooled = tokens[0] if net.global_pool == "token" else patches.mean(dim=0)
        return net.head(net.fc_norm(pooled))


@pytest.mark.parametrize("name", [*VITS, DISTILLED])
def test_a_full_mask_gives_the_logits_of_the_plain_vit(name):
    network = make_network(name)
    image = torch.randn(2, 3, *SIZE)
    full = torch.ones(2, 1, *SIZE, dtype=torch.bool)
    with torch.no_grad():
        assert torch.equal(ask(network, image, full), network.backbone(image))


@pytest.mark.parametrize("fused", [True, False], ids=["fused", "unfused"])
@pytest.mark.parametrize("name", [*VITS, DISTILLED])
def test_dropping_tokens_equals_masking_their_keys(name, fused):
    network = make_network(name, TokenGate(fill=0.5))
    net = network.backbone.net
    for module in net.modules():
        if hasattr(module, "fused_attn"):
            module.fused_attn = fused
    image, mask = torch.randn(3, 3, *SIZE), make_masks()
    seen = torch.where(mask, image, torch.tensor(0.5))
    expected = [answer_with_all_tokens(net, *pair) for pair in zip(seen, mask, strict=True)]
    assert torch.allclose(ask(network, image, mask), torch.stack(expected), atol=1e-5)


def test_only_touched_patches_are_computed():
    network = make_network("test_vit")
    lengths = []
    first = network.backbone.net.blocks[0]
    first.register_forward_pre_hook(lambda block, inputs: lengths.append(inputs[0].shape[1]))
    for row in range(3):
        mask = make_masks()[row : row + 1]
        ask(network, torch.randn(1, 3, *SIZE), mask)
        assert lengths[-1] == 1 + find_touched(mask[0]).sum()
    assert lengths == [2, 3, 9]


@pytest.mark.parametrize("name", VITS)
def test_padding_of_a_batch_does_not_change_an_answer(name):
    network = make_network(name)
    image, mask = torch.randn(3, 3, *SIZE), make_masks()
    alone = [ask(network, image[i : i + 1], mask[i : i + 1]) for i in range(3)]
    assert torch.allclose(ask(network, image, mask), torch.cat(alone), atol=1e-5)


@pytest.mark.parametrize("name", VITS)
def test_outside_pixels_cannot_change_the_answer(name):
    network = make_network(name)
    assert network.gate.promise is Promise.EXACT
    image, mask = torch.randn(3, 3, *SIZE), make_masks()
    expected = ask(network, image, mask)
    for outside in (torch.randn(3, 3, *SIZE), torch.tensor(float("nan")), torch.tensor(-torch.inf)):
        assert torch.equal(ask(network, torch.where(mask, image, outside), mask), expected)
    assert not torch.allclose(ask(network, image + mask, mask), expected, atol=1e-4)


def test_the_gradient_is_zero_outside_the_mask_and_nowhere_nan():
    network = make_network("test_vit2").train()
    image, mask = torch.randn(3, 3, *SIZE, requires_grad=True), make_masks()
    network(image, mask, torch.ones(3, 1, dtype=torch.bool)).logits.sum().backward()
    inside = mask.expand_as(image)
    assert (image.grad[~inside] == 0).all()
    assert (image.grad[inside] != 0).any()
    assert all(p.grad is None or p.grad.isfinite().all() for p in network.parameters())


@pytest.mark.parametrize("name", VITS)
def test_an_empty_mask_says_nothing_and_is_no_nan(name):
    network = make_network(name)
    mask = make_masks()
    mask[0] = False
    answers = ask(network, torch.randn(3, 3, *SIZE), mask)
    assert answers.isfinite().all()
    assert torch.equal(answers[0], ask(network, torch.randn(3, 3, *SIZE), mask)[0])
    all_empty = ask(network, torch.randn(2, 3, *SIZE), torch.zeros(2, 1, *SIZE, dtype=torch.bool))
    assert all_empty.isfinite().all()
    assert torch.allclose(all_empty[0], all_empty[1], atol=1e-5)


@pytest.mark.parametrize("pool", ["max", "avgmax"])
def test_a_maximum_ignores_padding_too(pool):
    network = make_network("test_vit2")
    network.backbone.net.global_pool = pool
    image, mask = torch.randn(3, 3, *SIZE), make_masks()
    alone = [ask(network, image[i : i + 1], mask[i : i + 1]) for i in range(3)]
    assert torch.allclose(ask(network, image, mask), torch.cat(alone), atol=1e-5)


def test_an_exported_graph_gives_the_same_answers_for_other_masks():
    network = make_network("test_vit2")

    class Wrapped(nn.Module):
        def __init__(self):
            super().__init__()
            self.backbone, self.gate = network.backbone, network.gate

        def forward(self, image, mask):
            return self.gate(self.backbone, image, mask).logits

    image, mask = torch.randn(3, 3, *SIZE), make_masks()
    recorded = torch.export.export(Wrapped(), (image, torch.ones_like(mask))).module()
    assert torch.allclose(recorded(image, mask), ask(network, image, mask), atol=1e-5)


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_no_vit_is_refused(name):
    size = (224, 224) if name.startswith("swin") else SIZE
    with pytest.raises(ValueError, match=f"gate=token needs a ViT.*{REFUSED[name]}"):
        ROINetwork(Backbone(3, size, backbone=name), TokenGate())


def test_every_small_vit_is_tried():
    assert len(VITS) == len(timm.list_models("test_vit*")) - 2
    assert all(isinstance(timm.create_model(name), VisionTransformer) for name in VITS)
