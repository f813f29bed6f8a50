"""Any timm model becomes a classifier, from scratch or from a file, and says why when it cannot."""

import logging

import pytest
import timm
import torch
from safetensors.torch import save_file

from lightning_modules.networks import Backbone


def weights_of(name, path, **changes):
    state = {k: v.contiguous() for k, v in timm.create_model(name).state_dict().items()} | changes
    if path.suffix == ".safetensors":
        save_file(state, path)
    else:
        torch.save(state, path)
    return str(path)


def test_preprocessing_is_the_backbones_own():
    backbone = Backbone(3, backbone="test_vit")
    config = timm.get_pretrained_cfg("test_vit")
    assert backbone.mean == tuple(config.mean)
    assert backbone.std == tuple(config.std)
    assert backbone.image_size == tuple(config.input_size[1:])
    assert backbone.interpolation == config.interpolation


@pytest.mark.parametrize("name", ["test_resnet", "test_vit", "test_efficientnet", "test_convnext"])
@pytest.mark.parametrize("suffix", [".safetensors", ".pth"])
def test_weights_come_from_a_file_without_a_network(tmp_path, name, suffix):
    path = weights_of(name, tmp_path / f"weights{suffix}")
    backbone = Backbone(3, (64, 96), backbone=name, pretrained=path)
    fresh = Backbone(3, (64, 96), backbone=name)
    loaded = timm.models.load_state_dict(path)
    same = [
        k for k, v in backbone.net.state_dict().items() if k in loaded and torch.equal(v, loaded[k])
    ]
    assert len(same) > 0.7 * len(loaded)
    assert backbone(torch.zeros(1, 3, 64, 96)).shape == (1, 3)
    assert not torch.equal(next(backbone.parameters()), next(fresh.parameters()))


def test_weights_of_another_model_are_refused(tmp_path):
    path = weights_of("test_resnet", tmp_path / "weights.safetensors")
    with pytest.raises(ValueError, match="does not hold weights of test_vit"):
        Backbone(2, backbone="test_vit", pretrained=path)


def test_a_weights_file_that_carries_code_is_refused(tmp_path):
    class Bomb:
        def __reduce__(self):
            return (open, (str(tmp_path / "exploded"), "w"))

    torch.save({"state_dict": Bomb()}, tmp_path / "bomb.pth")
    with pytest.raises(ValueError, match="does not hold weights"):
        Backbone(2, backbone="test_resnet", pretrained=str(tmp_path / "bomb.pth"))
    assert not (tmp_path / "exploded").exists()


def test_a_missing_weights_file_is_named(tmp_path):
    with pytest.raises(ValueError, match=r"model\.pretrained: there is no file .*gone\.pth"):
        Backbone(2, backbone="test_resnet", pretrained=str(tmp_path / "gone.pth"))


def test_a_hub_that_cannot_be_reached_is_explained(monkeypatch, caplog):
    def refuse(*args, **kwargs):
        logging.getLogger("huggingface_hub.utils").warning("Retrying in 1s")
        raise ConnectionError("no route to the hub")

    monkeypatch.setattr(timm, "create_model", refuse)
    with pytest.raises(
        ValueError, match=r"could not be fetched from the hub \(no route to the hub\)"
    ):
        Backbone(2, backbone="test_resnet", pretrained=True)
    assert "Retrying" not in caplog.text


def test_an_unknown_name_brings_the_nearest():
    with pytest.raises(ValueError, match=r"is not a model of timm.*resnet50"):
        Backbone(2, backbone="resnet5o")


def test_a_frozen_backbone_trains_its_head_alone_and_keeps_its_statistics():
    backbone = Backbone(2, backbone="test_resnet", freeze_backbone=True).train()
    head = {id(p) for p in backbone.head.parameters()}
    assert all(p.requires_grad == (id(p) in head) for p in backbone.parameters())
    before = {k: v.clone() for k, v in backbone.state_dict().items() if "running" in k}
    backbone(torch.randn(4, 3, 64, 64)).sum().backward()
    assert all(torch.equal(v, backbone.state_dict()[k]) for k, v in before.items())


def test_dropout_acts_in_training_only():
    torch.manual_seed(0)
    backbone = Backbone(4, backbone="test_resnet", dropout=0.9).train()
    image = torch.randn(8, 3, 64, 64)
    assert not torch.allclose(backbone(image), backbone(image))
    backbone.eval()
    assert torch.equal(backbone(image), backbone(image))


@pytest.mark.parametrize("dropout", [-0.1, 1.0])
def test_dropout_out_of_range_is_refused(dropout):
    with pytest.raises(ValueError, match=r"model\.dropout"):
        Backbone(2, backbone="test_resnet", dropout=dropout)


def test_the_first_epochs_train_the_head_alone_and_the_rest_all():
    backbone = Backbone(2, backbone="test_resnet", freeze_epochs=2).train()
    head = {id(p) for p in backbone.head.parameters()}
    assert all(p.requires_grad for p in backbone.parameters())  # as the optimizer is to see them
    for epoch, frozen in enumerate([True, True, False, False]):
        backbone.start_epoch(epoch)
        backbone.train()
        assert all(p.requires_grad == (not frozen or id(p) in head) for p in backbone.parameters())
        before = {k: v.clone() for k, v in backbone.state_dict().items() if "running" in k}
        backbone(torch.randn(4, 3, 64, 64))
        kept = [torch.equal(v, backbone.state_dict()[k]) for k, v in before.items()]
        assert all(kept) if frozen else not any(kept)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"freeze_epochs": -1}, "freeze_epochs is -1"),
        ({"freeze_epochs": 1, "freeze_backbone": True}, "leave one of them out"),
        ({"drop_path": 0.1, "freeze_backbone": True}, "drop_path has no effect"),
        ({"drop_path": 1.0}, "drop_path is 1.0"),
        ({"drop_path": 0.1, "backbone": "vgg11"}, r"vgg11 has no blocks.*model\.drop_path=0"),
    ],
)
def test_options_that_cannot_be_or_have_no_effect_are_refused(options, message):
    with pytest.raises(ValueError, match=message):
        Backbone(2, **{"backbone": "test_resnet"} | options)


@pytest.mark.parametrize("name", ["test_resnet", "test_vit", "test_convnext"])
def test_stochastic_depth_acts_in_training_only_and_follows_the_seed(name):
    backbone, image = Backbone(2, backbone=name, drop_path=0.5).train(), torch.randn(8, 3, 64, 64)
    with torch.no_grad():  # blocks start by adding nothing
        for weight in (p for p in backbone.parameters() if p.ndim == 1):
            weight.fill_(0.5)
    answers = []
    for seed in (0, 0, 1):
        torch.manual_seed(seed)
        answers.append(backbone(image))
    assert torch.equal(answers[0], answers[1])
    assert not torch.equal(answers[0], answers[2])
    backbone.eval()
    assert torch.equal(backbone(image), backbone(image))


def test_images_are_computed_in_the_layout_that_convolutions_like():
    backbone = Backbone(2, backbone="test_resnet")
    last = backbone.features(torch.randn(2, 3, 64, 64))
    assert last.is_contiguous(memory_format=torch.channels_last)
    assert not last.is_contiguous()
