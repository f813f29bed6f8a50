"""roi=saliency: a proposal of what looks unlike the border of the image."""

import numpy as np
import pytest
import timm
import torch
from PIL import Image
from safetensors.torch import save_file
from small_data import write_manifest
from workflow.finding.saliency_finder import SaliencyFinder

from datamodules.sources import FolderData, ManifestData
from lightning_modules.saliency import box_of_largest, otsu_threshold, stand_out


@pytest.fixture(scope="module")
def weights(tmp_path_factory):
    torch.manual_seed(1)
    file = tmp_path_factory.mktemp("weights") / "test_resnet.safetensors"
    save_file(timm.create_model("test_resnet").state_dict(), file)
    return str(file)


def make_table(folder, pictures):
    rows = [{"image": f"{n}.png", "label": "ab"[n % 2]} for n in range(14)]
    for number, picture in enumerate(pictures):
        Image.fromarray(picture).save(folder / f"{number}.png")
    return ManifestData(manifest=str(write_manifest(folder / "m.csv", rows))).read(seed=0)


def test_a_cell_unlike_the_border_stands_out_by_its_distance_in_deviations():
    features = torch.zeros(1, 2, 6, 6)
    features[0, :, 0] = 2.0  # a quarter of the border is 2, the rest 0
    features[0, 0, 3, 3] = 9.0
    rim = torch.cat(
        [features[0, 0, 0], features[0, 0, -1], features[0, 0, :, 0], features[0, 0, :, -1]]
    )
    away = (torch.tensor([9.0, 0.0]) - rim.mean()) / (rim.std() + 1e-3)
    assert stand_out(features)[0, 3, 3] == pytest.approx(away.square().mean().sqrt().item())
    assert stand_out(features)[0].argmax() == 3 * 6 + 3


def test_the_threshold_parts_two_heaps():
    values = np.concatenate([np.linspace(0, 1, 500), np.linspace(4, 5, 100)])
    assert 1 <= otsu_threshold(values) <= 4.1


def test_the_box_is_around_the_part_that_stands_out_most():
    saliency = np.zeros((30, 40))
    saliency[2:5, 3:6] = 5.0
    saliency[10:22, 20:33] = 4.0
    assert box_of_largest(saliency).tolist() == [20, 10, 33, 22]


def test_an_object_on_an_even_ground_is_proposed(weights, tmp_path):
    picture = np.full((96, 128, 3), 90, np.uint8)
    noise = np.random.default_rng(0).integers(0, 255, (40, 40, 3))
    picture[30:70, 60:100] = noise
    table = make_table(tmp_path, [picture])
    finder = SaliencyFinder(backbone="test_resnet", pretrained=weights, size=160)
    found = finder.find(table, np.array([0]))
    x0, y0, x1, y1 = found.boxes["roi"][0]
    inner = (min(x1, 100) - max(x0, 60)) * (min(y1, 70) - max(y0, 30))
    assert inner > 0.5 * ((x1 - x0) * (y1 - y0) + 1600 - inner)
    assert finder.proposes and found.reasons.tolist() == [""]


def test_deep_grey_is_seen_through_the_window(weights, tmp_path):
    rng = np.random.default_rng(0)
    for index in range(14):
        folder = tmp_path / "ab"[index % 2]
        folder.mkdir(exist_ok=True)
        values = np.full((96, 128), 0.3, np.float32)
        values[30:70, 60:100] = rng.uniform(0, 1, (40, 40))
        Image.fromarray(values).save(folder / f"{index}.tif")
    table = FolderData(images=str(tmp_path), window=[0, 1]).read(0)
    finder = SaliencyFinder(backbone="test_resnet", pretrained=weights, size=64)
    assert finder.find(table, np.arange(2)).reasons.tolist() == ["", ""]


def test_an_image_that_cannot_be_read_does_not_shift_the_others(weights, tmp_path):
    pictures = np.random.default_rng(0).integers(0, 255, (3, 64, 64, 3)).astype(np.uint8)
    table = make_table(tmp_path, pictures)
    options = {"backbone": "test_resnet", "pretrained": weights, "size": 64, "batch_size": 2}
    whole = SaliencyFinder(**options).find(table, np.arange(3))
    (tmp_path / "0.png").write_bytes(b"none")
    found = SaliencyFinder(**options).find(table, np.arange(4))
    np.testing.assert_allclose(found.boxes["roi"][1:3], whole.boxes["roi"][1:])
    assert found.reasons[0].startswith("cannot be decoded")
    assert found.reasons[3] == "does not exist"
    assert np.isnan(found.boxes["roi"][[0, 3]]).all()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"pretrained": False}, "roi.pretrained is false, and a backbone from scratch"),
        ({"size": 8}, "roi.size is 8, expected 64 px or more"),
        ({"region": "left eye"}, "roi.region is 'left eye'"),
        ({"batch_size": 0}, "roi.batch_size is 0"),
    ],
)
def test_options_that_cannot_be_are_told(options, message):
    with pytest.raises(ValueError, match=message):
        SaliencyFinder(**options)


def test_mistakes_of_the_backbone_speak_of_roi(weights, tmp_path):
    table = make_table(tmp_path, [])
    with pytest.raises(ValueError, match=r"roi=saliency: roi.pretrained: there is no file"):
        SaliencyFinder(pretrained=str(tmp_path / "none.pth")).find(table, np.array([0]))
    with pytest.raises(ValueError, match=r"roi=saliency: roi.backbone=resnet is not a model"):
        SaliencyFinder(backbone="resnet").find(table, np.array([0]))
