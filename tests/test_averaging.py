"""The running average of the weights is another network, kept beside the one that trains."""

import copy
import csv

import pytest
import torch
from in_process import train_in_process
from torch import nn

from datamodules import ManifestData, ROIDataModule
from datamodules.augmentation.augmentation import Augmentation
from datamodules.loading.transforms import Preprocessing
from lightning_modules import ROIClassifier
from lightning_modules.averaging import ema, swa
from lightning_modules.networks import Backbone, ROINetwork
from lightning_modules.networks.gates import PixelGate


class Scalar(nn.Module):
    """One weight, one statistic, one counter, one table of integers."""

    def __init__(self):
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(1))
        self.register_buffer("mean", torch.zeros(1))
        self.register_buffer("count", torch.zeros(1, dtype=torch.long))
        self.register_buffer("table", torch.arange(3000), persistent=False)

    def take(self, value):
        with torch.no_grad():
            self.weight.fill_(value)
            self.mean.fill_(2 * value)
            self.count.fill_(int(value))


def follow(average, network, values):
    for step, value in enumerate(values, start=1):
        network.take(value)
        average.follow(network, step, len(values))


def test_ema_is_the_recursion_with_a_decay_that_rises():
    network, values = Scalar(), [1.0, 3.0, 2.0, 8.0]
    average = ema(network, decay=0.25)
    follow(average, network, values)
    expected = values[0]
    for n, value in enumerate(values[1:], start=1):
        decay = min(0.25, (1 + n) / (10 + n))
        expected = decay * expected + (1 - decay) * value
    assert average.module.weight.item() == pytest.approx(expected)
    assert average.module.mean.item() == pytest.approx(2 * expected)


def test_swa_is_the_plain_mean_of_the_last_steps():
    network, values = Scalar(), [9.0, 9.0, 9.0, 1.0, 2.0, 6.0]
    average = swa(network, last_share=0.5)
    follow(average, network, values[:3] + [0.0] * 3)
    follow(average, network, values)
    assert average.module.weight.item() == pytest.approx(3.0)
    assert average.module.mean.item() == pytest.approx(6.0)


def test_swa_has_not_begun_before_its_part_of_the_run():
    average = swa(Scalar(), last_share=0.25)
    began = []
    for step in range(1, 9):
        average.follow(Scalar(), step, num_steps=8)
        began.append(average.began)
    assert began == [False] * 6 + [True] * 2


@pytest.mark.parametrize("build_average", [ema, swa])
def test_counters_and_tables_of_integers_are_copied(build_average):
    network = Scalar()
    average = build_average(network)
    follow(average, network, [float(step) for step in range(1, 200)])
    assert torch.equal(average.module.table, network.table)
    assert average.module.count.item() == 199


def test_the_first_step_is_taken_as_it_is():
    average = ema(Scalar())
    network = Scalar()
    network.take(5.0)
    average.follow(network, 1, 10)
    assert average.module.weight.item() == 5.0


@pytest.mark.parametrize(
    ("build_average", "options"),
    [(ema, {"decay": 1.0}), (ema, {"decay": -0.1}), (swa, {"last_share": 0.0})],
)
def test_options_out_of_range_are_refused(build_average, options):
    with pytest.raises(ValueError, match=f"average.{next(iter(options))}"):
        build_average(Scalar(), **options)


def test_a_copy_behind_a_gate_that_masks_again_uses_its_own_mask():
    network = ROINetwork(Backbone(2, backbone="test_resnet"), PixelGate(remask=True)).eval()
    other = copy.deepcopy(network)
    image = torch.randn(2, 3, 32, 32)
    roi = torch.zeros(2, 1, 32, 32, dtype=torch.bool)
    roi[:, :, 8:24, 8:24] = True
    has_roi = torch.ones(2, 1, dtype=torch.bool)
    expected = network(image, roi, has_roi).logits
    network(image, ~roi, has_roi)
    assert torch.equal(other(image, roi, has_roi).logits, expected)


@pytest.fixture(scope="module")
def averaged(shapes, outputs, tmp_path_factory):
    """A run that keeps an EMA."""
    out = tmp_path_factory.mktemp("averaged") / "run"
    return train_in_process(shapes, out, "average=ema", "gate=none", "optimizer.lr=0.01")


def weights_of(folder, name="last"):
    return torch.load(folder / "checkpoints" / f"{name}.ckpt", weights_only=True)["state_dict"]


def test_the_checkpoint_holds_both_and_either_can_be_loaded(averaged):
    saved, file = weights_of(averaged), averaged / "checkpoints" / "last.ckpt"
    raw = ROIClassifier.load_from_checkpoint(file, averaged=False)
    mean = ROIClassifier.load_from_checkpoint(file)
    name = "backbone.net.fc.weight"
    assert torch.equal(raw.state_dict()[f"network.{name}"], saved[f"network.{name}"])
    assert torch.equal(mean.state_dict()[f"network.{name}"], saved[f"average.module.{name}"])
    assert not torch.equal(saved[f"network.{name}"], saved[f"average.module.{name}"])
    for classifier in (raw, mean):
        assert classifier.average is None
        assert not [name for name in classifier.state_dict() if name.startswith("average")]


def test_the_weights_that_train_are_those_of_a_run_without_average(
    averaged, shapes, outputs, tmp_path
):
    plain = weights_of(train_in_process(shapes, tmp_path / "run", "gate=none", "optimizer.lr=0.01"))
    saved = weights_of(averaged)
    for name, value in plain.items():
        if name.startswith("network."):
            assert torch.equal(saved[name], value), name


def test_validation_is_that_of_the_averaged_weights(averaged, shapes):
    with (averaged / "history.csv").open(newline="", encoding="utf-8") as file:
        said = float(list(csv.DictReader(file))[-1]["val_loss"])
    losses = {}
    for which in (True, False):
        path = averaged / "checkpoints" / "last.ckpt"
        classifier = ROIClassifier.load_from_checkpoint(path, averaged=which)
        own = {name: tuple(value) for name, value in classifier.preprocessing.items()}
        steps = Preprocessing(**own | {"interpolation": "".join(own["interpolation"])})
        options = ManifestData(manifest=str(shapes))
        data = ROIDataModule(options.read(0), options, steps, Augmentation(["roi"]), seed=0)
        images = data.dataset("val")
        batch = images.load(range(len(images)))
        with torch.no_grad():
            logits = classifier(batch).logits
        losses[which] = nn.functional.cross_entropy(logits, batch["label"]).item()
    assert losses[True] == pytest.approx(said, abs=1e-5)
    assert losses[False] != pytest.approx(said, abs=1e-4)


def test_an_average_counts_optimizer_steps_and_not_batches(shapes, outputs, tmp_path):
    words = ["average=ema", "trainer.accumulate_grad_batches=2", "trainer.max_epochs=1"]
    out = train_in_process(shapes, tmp_path / "run", *words, "test=false")
    checkpoint = torch.load(out / "checkpoints" / "last.ckpt", weights_only=True)
    assert checkpoint["state_dict"]["average.n_averaged"].item() == checkpoint["global_step"] == 2


def test_before_swa_begins_the_raw_weights_are_loaded(shapes, outputs, tmp_path):
    words = ["average=swa", "average.last_share=0.01", "trainer.max_epochs=1"]
    out = train_in_process(shapes, tmp_path / "run", *words, "test=false")
    checkpoint = torch.load(out / "checkpoints" / "last.ckpt", weights_only=True)
    state = checkpoint["state_dict"]
    assert state["average.n_averaged"] == 0
    loaded = ROIClassifier.load_from_checkpoint(out / "checkpoints" / "last.ckpt")
    for name, value in loaded.state_dict().items():
        assert torch.equal(value, state[name]), name
