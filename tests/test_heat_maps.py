"""Heat maps find what was planted, whatever the backbone and the gate, and change nothing."""

import copy
from types import SimpleNamespace

import pytest
import timm
import torch
from small_batch import GATES, make_batch, make_network
from torch.nn import functional

from lightning_modules.evaluation.examples.looks import NO_HEAT, explain_gaps, look
from lightning_modules.evaluation.heat_maps import explain, token_relevance
from lightning_modules.evaluation.heat_places import SHARE, choose_cells, measure_worth
from lightning_modules.networks import Backbone, ROINetwork
from lightning_modules.networks.cells import find_cells, watch_cells
from lightning_modules.networks.gates import CropsGate, NoGate, TokenGate
from lightning_modules.networks.gates.base import GateInput, Promise
from lightning_modules.networks.gates.token import _drop_tokens, _touched_tokens
from lightning_modules.networks.grids import find_grid, lay_out


def plant(num, size, generator):
    """Noise with a square whose colour is the class, and the corners of the squares (N, 2)."""
    side = size // 4
    image = 0.3 * torch.randn(num, 3, size, size, generator=generator)
    label = torch.arange(num) % 2
    corner = torch.randint(0, size - side, (num, 2), generator=generator)
    for row, (y, x) in enumerate(corner.tolist()):
        image[row, :, y : y + side, x : x + side] = 0
        image[row, label[row], y : y + side, x : x + side] = 3
    roi = torch.ones(num, 1, size, size, dtype=torch.bool)
    return {"image": image, "roi": roi, "has_roi": roi[:, :, 0, 0], "label": label}, corner


def train(backbone, size, steps, generator):
    """Learn the square, all weights together."""
    optimizer = torch.optim.AdamW(backbone.train().parameters(), 1e-3)
    for _ in range(steps):
        batch, _ = plant(16, size, generator)
        loss = functional.cross_entropy(backbone(batch["image"]), batch["label"])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()


def fit_head(backbone, size, generator):
    """Learn the square by least squares on what an untrained backbone sees."""
    batch, _ = plant(48, size, generator)
    with torch.no_grad():
        seen = backbone.embed(backbone.features(batch["image"]))
        mean = seen.mean(dim=0)
        seen = seen - mean
        ridge = 1e-3 * seen.var() * len(seen) * torch.eye(seen.shape[1])
        target = seen.T @ (2.0 * batch["label"] - 1)
        weight = torch.linalg.solve(seen.T @ seen + ridge, target)
        weight = torch.stack([-weight, weight])
        backbone.head.weight.copy_(weight)
        backbone.head.bias.copy_(-weight @ mean)


@pytest.mark.parametrize(
    ("name", "size", "steps", "share"),
    [
        ("test_resnet", 96, 25, 0.8),
        ("test_vit_relpos", 96, 25, 0.8),
        pytest.param("swin_tiny_patch4_window7_224", 128, None, 0.8, marks=pytest.mark.slow),
        pytest.param("vit_tiny_patch16_224", 96, 25, 0.8, marks=pytest.mark.slow),
        # its last place, where the class token has decided, finds the square in 8 %
        pytest.param("pit_ti_224", 96, 25, 0.45, marks=pytest.mark.slow),
    ],
)
def test_a_heat_map_peaks_at_the_square_that_decides(name, size, steps, share):
    torch.manual_seed(0)
    generator = torch.Generator().manual_seed(0)
    backbone = Backbone(2, (size, size), backbone=name)
    if steps is None:
        fit_head(backbone.eval(), size, generator)
    else:
        train(backbone, size, steps, generator)
    batch, corner = plant(24, size, generator)
    network = ROINetwork(backbone, NoGate())
    cells = choose_cells(network, batch)
    output, heat = explain(network, batch, batch["label"][:, None], cells)
    assert (output.logits.argmax(dim=1) == batch["label"]).float().mean() > 0.9
    assert heat.shape == (24, 1, size, size)
    peak = heat.flatten(1).argmax(dim=1)
    place = torch.stack([peak // size, peak % size], dim=1)
    # cells are coarse: the middle of the square, give or take its side; by chance one in four
    near = (place - corner - size / 8).abs().amax(dim=1) < size / 4
    assert near.float().mean() > share


def make_decided(size, share):
    """A ViT whose class token reads the image in its first block, after that only a share."""
    torch.manual_seed(0)
    generator = torch.Generator().manual_seed(0)
    backbone = Backbone(2, (size, size), backbone="test_vit").eval()
    with torch.no_grad():
        backbone.net.blocks[0].attn.proj.weight.mul_(10)
        for block in backbone.net.blocks[1:]:
            block.attn.proj.weight.mul_(share)
    fit_head(backbone, size, generator)
    return ROINetwork(backbone, NoGate()), plant(24, size, generator)[0]


def test_cells_beside_a_class_token_that_has_decided_give_way_to_earlier_ones():
    network, batch = make_decided(96, 1e-3)
    last, *earlier = network.cells
    with torch.no_grad():
        logits = network(batch["image"], batch["roi"], batch["has_roi"]).logits
        # the truth another way: the last cells of another image leave the answer as it is
        hook = network.backbone.net.blocks[-1].register_forward_pre_hook(
            lambda _, args: (torch.cat([args[0][:, :1], args[0][:, 1:].roll(1, 0)], dim=1),)
        )
        exchanged = network(batch["image"], batch["roi"], batch["has_roi"]).logits
        hook.remove()
    moved = (exchanged - logits).abs().mean() / (logits.roll(1, 0) - logits).abs().mean()
    assert moved < 0.01
    assert measure_worth(network, batch, last) < SHARE
    assert choose_cells(network, batch) in earlier


def test_where_the_image_does_not_matter_there_is_no_map():
    network, batch = make_network("none"), make_batch()
    torch.nn.init.zeros_(network.backbone.head.weight)
    assert choose_cells(network, batch) is None
    assert explain(network, batch, batch["label"][:, None], None).heat is None
    colours = {"mean": (0.5, 0.5, 0.5), "std": (0.5, 0.5, 0.5)}
    looks = look(network, [{**batch, "id": [*"abcd"]}], dict.fromkeys("abcd", (0, 1)), colours)
    assert explain_gaps([*looks.values()]) == [NO_HEAT]


@pytest.mark.parametrize("gate", GATES)
def test_every_gate_gets_heat_maps_that_respect_its_promise(gate):
    network, batch = make_network(gate), make_batch()
    classes = torch.tensor([[0, 1]] * len(batch["image"]))
    output, heat = explain(network, batch, classes, network.cells[0])
    assert heat.shape == (4, 2, 64, 64)
    assert heat.min() >= 0
    assert heat.max() == pytest.approx(1)
    assert not output.logits.requires_grad
    outside = heat[(~output.mask).expand_as(heat)]
    if network.gate.promise is not Promise.NONE:
        assert outside.sum() == 0
    # of two classes what speaks for one speaks against the other
    if network.gate.backbone_size is None:
        assert float((heat[:, 0] * heat[:, 1]).mean()) < float((heat[:, 0] ** 2).mean())


@pytest.mark.parametrize("name", timm.list_models("test_*"))
def test_every_kind_of_backbone_gets_a_heat_map_without_naming_a_layer(name):
    torch.manual_seed(0)
    network = ROINetwork(Backbone(2, backbone=name), NoGate())
    image = torch.randn(2, 3, *network.backbone.image_size)
    roi = torch.ones(2, 1, *image.shape[2:], dtype=torch.bool)
    batch = {"image": image, "roi": roi, "has_roi": roi[:, :, 0, 0]}
    _, heat = explain(network, batch, torch.tensor([[0, 1], [0, 1]]), network.cells[0])
    assert heat.shape == (2, 2, *image.shape[2:])
    assert heat.isfinite().all()
    # something speaks for one class or the other
    assert heat.amax(dim=(1, 2, 3)).tolist() == pytest.approx([1, 1])


@pytest.mark.parametrize(
    ("name", "size", "grids"),
    [
        ("pit_ti_224", 96, [(3, 3)]),  #
        ("coat_lite_tiny", 96, [(3, 3)]),
        pytest.param("coat_tiny", 96, [(12, 12), (6, 6), (3, 3)], marks=pytest.mark.slow),
        ("crossvit_9_240", 240, [(20, 20), (14, 14)]),
        ("cait_xxs24_224", 96, [(6, 6)]),
        ("levit_128s", 224, [(4, 4)]),
        ("tnt_s_patch16_224", 224, [(14, 14)]),
        ("efficientvim_m1", 128, [(4, 4)]),
        pytest.param("volo_d1_224", 96, [(6, 6)], marks=pytest.mark.slow),
    ],
)
def test_families_with_their_own_ends_have_cells_of_every_scale(name, size, grids):
    torch.manual_seed(0)
    network = ROINetwork(Backbone(2, (size, size), backbone=name), NoGate()).eval()
    roi = torch.ones(2, 1, size, size, dtype=torch.bool)
    batch = {"image": torch.randn(2, 3, size, size), "roi": roi, "has_roi": roi[:, :, 0, 0]}
    with watch_cells(network.cells[0]) as leaves:
        network(**batch)
    found = [
        tuple(leaf.shape[2:])
        if leaf.ndim == 4
        else find_grid(leaf.shape[1] - grid.first, (size, size))
        for leaf, grid in zip(leaves, network.cells[0].grids, strict=True)
    ]
    assert found == grids
    heat = explain(network, batch, torch.tensor([[0, 1], [0, 1]]), network.cells[0]).heat
    assert heat.amax(dim=(1, 2, 3)).tolist() == pytest.approx([1, 1])


class Passed(torch.nn.Module):
    """A net whose answer comes from a map, and a share of it straight from the image."""

    def __init__(self, straight):
        super().__init__()
        self.stem, self.pool = torch.nn.Conv2d(3, 4, 8, 8), torch.nn.AdaptiveAvgPool2d(1)
        self.straight = straight

    def forward(self, image):
        logits = self.pool(self.stem(image)).flatten(1)
        if not self.straight:
            return logits
        return (
            logits + self.straight * image.mean(dim=(1, 2, 3))[:, None] if self.straight else logits
        )


class OfOne(torch.nn.Module):
    """A network around it, as ``find_cells`` asks one."""

    num_regions = 1

    def __init__(self, net):
        super().__init__()
        self.backbone = torch.nn.Module()
        self.backbone.net, self.backbone.image_size = net, (32, 32)

    def forward(self, image, roi, has_roi):
        return SimpleNamespace(logits=self.backbone.net(image))


def test_a_place_that_a_part_of_the_answer_passes_by_explains_nothing():
    whole, passed = Passed(0.0), Passed(0.1)
    assert find_cells(OfOne(whole))[0].layer is whole.stem
    assert find_cells(OfOne(passed)) == ()


def test_the_model_is_as_it_was():
    network, batch = make_network("guide", freeze_backbone=True), make_batch()
    network.backbone.head.weight.grad = torch.ones_like(network.backbone.head.weight)
    before = copy.deepcopy(network.state_dict())
    modes = [module.training for module in network.modules()]
    random = torch.get_rng_state()
    explain(network, batch, batch["label"][:, None], network.cells[0])
    assert torch.equal(torch.get_rng_state(), random)
    assert [module.training for module in network.modules()] == modes
    assert all(torch.equal(before[name], value) for name, value in network.state_dict().items())
    grads = {name: p.grad for name, p in network.named_parameters() if p.grad is not None}
    assert list(grads) == ["backbone.net.fc.weight"]
    assert (grads["backbone.net.fc.weight"] == 1).all()
    assert batch["image"].grad is None
    assert torch.is_grad_enabled()


def test_behind_an_average_the_map_is_what_each_cell_adds_to_the_odds():
    network, batch = make_network("none").eval(), make_batch()
    _, heat = explain(network, batch, batch["label"][:, None], network.cells[0])
    backbone = network.backbone
    with torch.no_grad():
        features = backbone.features(batch["image"])
        weight = backbone.head.weight
    own, other = weight[batch["label"]], weight[1 - batch["label"]]
    cells = ((own - other)[:, :, None, None] * features).sum(dim=1, keepdim=True).relu()
    drawn = functional.interpolate(cells, (64, 64), mode="bicubic").relu()
    # nothing may speak for a class
    drawn = drawn / drawn.amax(dim=(2, 3), keepdim=True).clamp_min(1e-30)
    assert torch.allclose(heat, drawn, atol=1e-4)


def test_a_map_of_a_crop_lies_where_it_was_cut():
    gate = CropsGate(crop_size=32, crop_margin=0.0)
    network = ROINetwork(Backbone(2, (32, 32), backbone="test_resnet"), gate, ("eye", "mouth"))
    roi = torch.zeros(2, 2, 64, 64, dtype=torch.bool)
    roi[:, 0, 5:15, 10:30] = True
    roi[0, 1, 40:60, 20:50] = True
    known = torch.ones(2, 2, dtype=torch.bool)
    given = GateInput(torch.zeros(2, 3, 64, 64), roi.any(1, keepdim=True), roi, known, None)
    heat = torch.tensor([1.0, 2.0, 3.0])[:, None, None, None].expand(3, 1, 4, 4)
    whole = network.gate.put_back(heat, given)
    expected = torch.zeros(2, 1, 64, 64)
    expected[0, 0, 5:15, 10:30], expected[0, 0, 40:60, 20:50], expected[1, 0, 5:15, 10:30] = 1, 2, 3
    assert torch.allclose(whole, expected, atol=1e-5)


def test_tokens_that_were_dropped_leave_the_others_in_their_places():
    backbone = Backbone(2, (64, 64), backbone="test_vit")
    network = ROINetwork(backbone, TokenGate())
    mask = torch.zeros(2, 1, 64, 64, dtype=torch.bool)
    mask[0, :, 20:30, 40:60] = mask[1, :, 50:, :10] = True
    keep = _touched_tokens(backbone.net, mask)
    numbered = torch.arange(17.0).repeat(2, 1)[..., None].expand(2, 17, 5)
    dropped, _ = _drop_tokens(numbered, keep)
    assert dropped.shape[1] < 17
    tokens, kept = network.gate.all_tokens(backbone, dropped, mask)
    assert torch.equal(kept, keep)
    assert torch.equal(tokens, numbered * keep[..., None])


def test_a_token_like_the_mean_one_is_worth_nothing():
    tokens = torch.tensor([[[1.0, 0.0], [3.0, 0.0], [2.0, 9.0]]])
    gradient = torch.tensor([[[1.0, 0.0], [1.0, 0.0], [1.0, 0.0]]])
    kept = torch.tensor([[True, True, True]])
    assert token_relevance(tokens, gradient, kept).tolist() == [[-1, 1, 0]]
    # what took no part moves no mean
    kept = torch.tensor([[True, True, False]])
    assert token_relevance(tokens, gradient, kept).tolist() == [[-1, 1, 0]]


@pytest.mark.parametrize(
    ("prefix", "shape", "size", "axis", "first"),
    [
        (1, (2, 197, 8), (224, 224), 2, 1), (None, (2, 197, 8), (224, 224), 2, 1),
        (5, (2, 9, 8), (64, 64), 2, 5), (0, (2, 24, 8), (64, 96), 2, 0),
        (1, (2, 196, 8), (224, 224), 2, 0), (None, (2, 7, 7, 512), (224, 224), 3, 0),
        (None, (2, 512, 4, 6), (64, 96), 1, 0),
    ],
)  # fmt: skip
def test_cells_are_laid_out_as_the_image_is(prefix, shape, size, axis, first):
    grid = lay_out(0, torch.zeros(shape), size, prefix)
    assert (grid.channels, grid.first) == (axis, first)


@pytest.mark.parametrize("shape", [(2, 1, 8), (2, 7, 8), (2, 8, 1, 1), (2, 4, 197, 8), (2, 512)])
def test_what_has_one_cell_or_another_form_is_no_grid(shape):
    assert lay_out(0, torch.zeros(shape), (224, 224), None) is None


def test_patches_are_as_many_rows_and_columns_as_the_image_has_room_for():
    assert find_grid(24, (64, 96)) == (4, 6)
    assert find_grid(7, (64, 64)) is None
