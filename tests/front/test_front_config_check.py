"""The configuration is checked as a whole, and every mistake names its place and its mending."""

from collections.abc import Callable
from pathlib import Path

import pytest
from front.conf_tree import CONF, ConfTree
from front.known_names import backbone_exists, is_logged, optimizer_exists

Problems = Callable[..., list[str]]
NEEDED = {
    "data=manifest": "data.manifest=a.csv",
    "data=folder": "data.images=photos",
    "data=shards": "data.shards=shards",
    "debug=replay": "debug.batch=batch.pt",
    **dict.fromkeys(("data=coco", "data=labelme", "data=cvat"), "data.annotations=a.json"),
}


def every_choice() -> list[str]:
    tree = ConfTree((CONF,))
    defaults = tree.default_choices("train")
    groups = [group for group in tree.groups() if "/" not in group]
    plus = {group: "" if group in defaults else "+" for group in groups}
    return [f"{plus[group]}{group}={name}" for group in groups for name in tree.choices(group)]


@pytest.mark.parametrize("choice", every_choice())
def test_every_file_of_conf_is_right(problems: Problems, choice: str) -> None:
    needed = [NEEDED[choice]] if choice in NEEDED else []
    assert problems(choice, *needed) == []


def test_values_of_every_kind_are_accepted(problems: Problems) -> None:
    accepted = [
        "optimizer.lr=1e-3",
        "optimizer.weight_decay=0",
        "trainer.precision=16",
        "trainer.limit_val_batches=0.5",
        "data.slice_by=background",
        "data.classes=[alert,drowsy]",
        "callbacks.early_stopping=null",
        "callbacks.best.monitor=val_f1_drowsy",
        "model.backbone=resnet50.a1_in1k",
        "+trainer.val_check_interval=0.25",
    ]
    assert problems(*accepted) == []


@pytest.mark.parametrize(
    ("argument", "expected"),
    [
        ("optimizer.lr=abc", "optimizer.lr is 'abc', expected a number (float)"),
        ("optimizer.lr=true", "optimizer.lr is true, expected a number (float)"),
        ("gate.dilate=1.5", "gate.dilate is 1.5, expected one of 'auto' or a whole number (int)"),
        ("seed=abc", "seed is 'abc', expected a whole number (int)"),
        ("test=maybe", "test is 'maybe', expected true or false (bool)"),
        ("name=3", "name is 3, expected text (str) or null, such as name=run_3"),
        ("trainer.precision=fp16", "trainer.precision is 'fp16', expected one of '64', '32'"),
        ("trainer.max_epochs=many", "trainer.max_epochs is 'many', expected a whole number (int)"),
    ],
)
def test_a_wrong_type_is_named_with_what_is_expected(
    problems: Problems, argument: str, expected: str
) -> None:
    (problem,) = problems(argument)
    assert problem.startswith(expected)
    assert problem.endswith("(command line)")


def test_a_missing_value_comes_with_an_example(problems: Problems) -> None:
    (problem,) = problems("data=manifest")
    assert "data.manifest is not set" in problem
    assert "data.manifest=path/to/manifest.csv" in problem
    assert problem.endswith("(conf/data/manifest.yaml)")


def test_misspelled_keys_of_an_experiment_are_found(problems: Problems, conf: Path) -> None:
    write_experiment(
        conf,
        """# @package _global_
epochs: 5
seeed: 3
trainer:
  max_epoch: 3
callbacks:
  early_stoping:
    patience: 3
""",
    )
    found = problems("experiment=mine")
    assert all(problem.endswith("(conf/experiment/mine.yaml)") for problem in found)
    assert [problem.split("  (")[0] for problem in found] == [
        "epochs is not an option. It is called trainer.max_epochs",
        "seeed is not an option. Did you mean 'seed'?",
        "trainer.max_epoch is not an option of Trainer. Did you mean 'max_epochs'?",
        "callbacks.early_stoping names no class (_target_). Did you mean 'early_stopping'?",
    ]


@pytest.mark.parametrize("defaults", ["", "defaults:\n  - override /gate: pixel\n"])
def test_an_experiment_that_hydra_would_ignore_is_refused(
    problems: Problems, conf: Path, defaults: str
) -> None:
    write_experiment(conf, f"{defaults}trainer:\n  max_epochs: 3\n")
    (problem,) = problems("experiment=mine")
    assert problem.startswith("conf/experiment/mine.yaml must begin with")


def test_options_of_another_choice_are_not_carried_along(problems: Problems, conf: Path) -> None:
    write_experiment(conf, "# @package _global_\ngate:\n  fill: 0.5\n")
    assert problems("experiment=mine") == []
    (problem,) = problems("experiment=mine", "gate=none")
    assert "It belongs to gate=auto, gate=crops, gate=pixel, gate=token" in problem


def test_classes_that_do_not_exist_are_found(problems: Problems, conf: Path) -> None:
    write_experiment(
        conf,
        """# @package _global_
gate:
  _target_: lightning_modules.networks.gates.PixelGte
loss:
  _target_: no_such_library.Loss
""",
    )
    gate, loss = problems("experiment=mine")
    assert "has no 'PixelGte'. Did you mean 'PixelGate'?" in gate
    assert "there is no package 'no_such_library'" in loss


def test_a_reference_to_nothing_is_found(problems: Problems, conf: Path) -> None:
    write_experiment(conf, "# @package _global_\ngate:\n  fill: ${gate.nothing}\n")
    (problem,) = problems("experiment=mine")
    assert "'gate.nothing' not found" in problem


def test_a_broken_yaml_file_is_named_with_its_line(problems: Problems, conf: Path) -> None:
    write_experiment(conf, "# @package _global_\ntrainer:\n\tmax_epochs: 3\n")
    (problem,) = problems("experiment=mine")
    assert problem.startswith("conf/experiment/mine.yaml, line 3 is not valid YAML")
    assert "spaces, not tabs" in problem


def test_a_choice_that_an_experiment_asks_for_in_vain_is_named(
    problems: Problems, conf: Path
) -> None:
    write_experiment(conf, "# @package _global_\ndefaults:\n  - override /gate: pixl\n")
    (problem,) = problems("experiment=mine")
    assert "no conf/gate/pixl.yaml. Did you mean 'pixel'?" in problem
    assert problem.endswith("(conf/experiment/mine.yaml)")


def test_what_is_never_logged_cannot_be_monitored(problems: Problems) -> None:
    (problem,) = problems("callbacks.early_stopping.monitor=val_acc")
    assert "'val_acc', which is never logged. Logged: val_loss, val_accuracy" in problem
    (problem,) = problems("scheduler=plateau", "scheduler.monitor=test_loss")
    assert problem.startswith("scheduler.monitor is 'test_loss'")


def test_the_nearest_backbones_and_optimizers_are_offered(problems: Problems) -> None:
    backbone, optimizer = problems("model.backbone=resnet5o", "optimizer.name=adamww")
    assert "Did you mean resnet50 or" in backbone
    assert "Did you mean adamw or" in optimizer


@pytest.mark.parametrize(
    "name", ["resnet10t", "resnet50.a1_in1k", "tv_resnet34", "hf-hub:timm/resnet18.a1_in1k"]
)
def test_every_way_to_name_a_backbone_is_known(name: str) -> None:
    assert backbone_exists(name)


@pytest.mark.slow
def test_timm_knows_the_same_names() -> None:
    timm = pytest.importorskip("timm")
    from front.known_names import backbone_names, optimizer_names
    from timm.optim import list_optimizers

    assert set(timm.list_models()) <= backbone_names()
    assert all(timm.is_model(name) for name in backbone_names())
    assert set(list_optimizers()) == optimizer_names()


def test_optimizers_may_look_ahead() -> None:
    assert optimizer_exists("lookahead_adamw")
    assert not optimizer_exists("lookahead_adamv")


def test_scores_of_any_class_are_logged() -> None:
    assert is_logged("val_f1_drowsy")
    assert is_logged("train_loss")
    assert not is_logged("val_f1_")
    assert not is_logged("val_f2_drowsy")


def write_experiment(conf: Path, text: str) -> None:
    (conf / "experiment" / "mine.yaml").write_text(text, encoding="utf-8")
