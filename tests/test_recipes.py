"""Recipes combine with any experiment and gate; what was chosen on purpose counts more."""

from pathlib import Path

import pytest
from front.composition import compose_job
from front.conf_tree import ConfTree
from in_process import train_in_process
from omegaconf import OmegaConf
from workflow.recipe import MIXING_GATES, RANGES, find_recipe_problems, settle_mixing

from lightning_modules.build import BUILDABLE
from lightning_modules.networks import gates
from lightning_modules.networks.gates import TwoStageGate

CONF = Path(__file__).parents[1] / "conf"
RECIPES = sorted(path.stem for path in (CONF / "recipe").glob("*.yaml"))


def composed(*words):
    return compose_job("train", list(words), ConfTree()).cfg


def test_a_recipe_reaches_what_an_experiment_leaves_open():
    plain, strong = (
        composed("experiment=roi_given"),
        composed("experiment=roi_given", "recipe=strong"),
    )
    assert strong.gate == plain.gate
    assert strong.extras.swap == plain.extras.swap
    assert strong.trainer.max_epochs > plain.trainer.max_epochs
    assert strong.average._target_.endswith("ema")
    assert strong.extras.mixup > 0


@pytest.mark.parametrize("words", [("recipe", "experiment"), ("experiment", "recipe")])
def test_what_an_experiment_sets_counts_more_than_a_recipe(words):
    chosen = {"recipe": "recipe=fine_tune", "experiment": "experiment=roi_resnet50"}
    cfg, alone = composed(*(chosen[word] for word in words)), composed(chosen["experiment"])
    assert composed(chosen["recipe"]).optimizer.lr != alone.optimizer.lr
    assert cfg.optimizer.lr == alone.optimizer.lr
    assert cfg.trainer.max_epochs == alone.trainer.max_epochs
    assert cfg.optimizer.layer_decay == composed(chosen["recipe"]).optimizer.layer_decay


def test_a_debug_mode_chooses_its_files_over_a_recipe():
    cfg, alone = composed("recipe=strong", "debug=overfit"), composed("debug=overfit")
    assert (cfg.augment, cfg.scheduler) == (alone.augment, alone.scheduler)


@pytest.mark.parametrize("recipe", RECIPES)
def test_the_command_line_counts_more_than_a_recipe(recipe):
    words = ["average=swa", "augment=none", "scheduler=plateau", "trainer.max_epochs=3"]
    cfg = composed(f"recipe={recipe}", *words, "loss.label_smoothing=0.3")
    alone = composed(*words, "loss.label_smoothing=0.3")
    for part in ("average", "augment", "scheduler", "trainer", "loss"):
        assert cfg[part] == alone[part]


@pytest.mark.parametrize("recipe", RECIPES)
def test_a_recipe_says_what_it_is_and_how_it_is_run(recipe):
    head = (CONF / "recipe" / f"{recipe}.yaml").read_text().splitlines()[:3]
    assert head[0] == "# @package _global_"
    assert f"python scripts/train.py recipe={recipe}" in head[2]


@pytest.mark.parametrize("recipe", RECIPES)
def test_every_recipe_trains_with_the_gate_that_the_data_asks_for(
    recipe, shapes, outputs, tmp_path
):
    words = [f"recipe={recipe}", "debug=few_batches", "gate=auto", "trainer.max_epochs=2"]
    # a few batches are not all images, and no weights are fetched
    words += ["data.cache_features=auto", "model.pretrained=false"]
    log = (train_in_process(shapes, tmp_path / "run", *words) / "log.txt").read_text()
    assert "Training: 2 epochs of adamw" in log
    averages = composed(f"recipe={recipe}").average._target_.endswith("ema")
    assert ("moving average of the weights" in log) == averages


def test_the_gates_that_mix_are_those_whose_classes_say_so():
    kinds = [getattr(gates, name.rpartition(".")[2]) for name in BUILDABLE if ".gates." in name]
    names = {kind.__name__ for kind in kinds if kind.mixes}
    assert TwoStageGate().mixes and not TwoStageGate(unsupervised=True).mixes
    assert names | {"TwoStageGate"} == set(MIXING_GATES)


@pytest.mark.parametrize(
    ("gate", "typed", "left"),
    [
        ({"_target_": "PixelGate"}, [], (0.2, 1.0)),
        ({"_target_": "CropsGate"}, [], (0.0, 0.0)),
        ({"_target_": "TwoStageGate", "unsupervised": False}, [], (0.2, 1.0)),
        ({"_target_": "TwoStageGate", "unsupervised": True}, [], (0.0, 0.0)),
        ({"_target_": "CropsGate"}, ["extras.mixup=0.2"], (0.2, 0.0)),
    ],
)
def test_nothing_is_mixed_behind_a_gate_that_cannot_unless_it_was_asked_for(gate, typed, left):
    config = {"gate": gate, "extras": {"mixup": 0.2, "cutmix": 1.0}}
    settle_mixing(config, typed)
    assert (config["extras"]["mixup"], config["extras"]["cutmix"]) == left


def test_a_recipe_that_mixes_trains_a_gate_that_does_not(shapes, outputs, tmp_path):
    words = ["recipe=strong", "gate=crops", "gate.crop_size=32", "debug=few_batches"]
    log = (train_in_process(shapes, tmp_path / "run", *words) / "log.txt").read_text()
    assert "No mixup: CropsGate has no answer to mixtures" in log


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["model.freeze_epochs=2"], "model.freeze_epochs is 2 of 2 epochs"),
        (["optimizer.layer_decay=0.5", "model.freeze_backbone=true"], "layer_decay is 0.5, which"),
        (["model.freeze_epochs=1", "model.freeze_backbone=true"], "leave one of them out"),
        (["model.drop_path=0.1", "model.backbone=vgg11"], "model.drop_path=0, or"),
        (["extras.mixup=0.2", "gate=crops"], "extras.mixup=0 extras.cutmix=0, or"),
        (["average=ema", "average.decay=1"], "average.decay is 1"),
        (["trainer=fp16"], "Take trainer=bf16"),
    ],
)
def test_what_cannot_be_is_refused_before_there_is_a_folder(
    shapes, outputs, tmp_path, words, message
):
    with pytest.raises(ValueError, match=message):
        train_in_process(shapes, tmp_path / "run", *words)
    assert not (tmp_path / "run").exists()


OUT_OF_RANGE = {
    "average=ema": ["average.decay=1.5"],
    "average=swa": ["average.last_share=0"],
    "callbacks.last=null": ["optimizer.lr=inf"],
    "average=none": [
        *("optimizer.lr=0", "optimizer.weight_decay=-1", "optimizer.momentum=1"),
        *("optimizer.layer_decay=1.2", "model.dropout=1", "model.drop_path=-0.1"),
        *("model.freeze_epochs=-1", "loss.label_smoothing=1", "extras.mixup=-1"),
        *("extras.cutmix=-0.1", "callbacks.last.every_n_steps=0"),
        *("callbacks.last.every_n_minutes=0", "callbacks.duration.num_steps=0"),
        *("callbacks.early_stopping.patience=-1", "callbacks.preview.num_images=0"),
    ],
}


@pytest.mark.parametrize("beside", OUT_OF_RANGE)
def test_numbers_out_of_range_are_refused_together_without_torch(beside):
    words = OUT_OF_RANGE[beside]
    config = OmegaConf.to_container(composed(beside, *words), resolve=True)
    problems = list(find_recipe_problems(config))
    assert [problem.split(" is ")[0] for problem in problems] == [
        key for key in RANGES if any(word.startswith(f"{key}=") for word in words)
    ]
    assert all("expected" in problem for problem in problems)
    assert not list(find_recipe_problems(OmegaConf.to_container(composed(beside), resolve=True)))


def test_freezing_random_weights_is_said_aloud(shapes, outputs, tmp_path):
    words = ["recipe=fine_tune", "trainer.max_epochs=2", "debug=few_batches"]
    log = (train_in_process(shapes, tmp_path / "run", *words) / "log.txt").read_text()
    assert "freezes a backbone of random weights" in log
