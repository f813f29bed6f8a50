"""All mistakes of a command line come together, where Hydra stops at the first."""

from collections.abc import Callable

import pytest
from front.conf_tree import CONF, ConfTree
from front.jobs import jobs_of, sweep_problems

Problems = Callable[..., list[str]]


def test_every_bad_argument_is_named_at_once(problems: Problems) -> None:
    found = problems("gat=pixel", "data=foldr", "gate.fil=3", "seed=abc", "optimizer.lr")
    assert [problem.split()[0] for problem in found] == [
        "optimizer.lr",
        "data=foldr:",
        "gat",
        "gate.fil",
        "seed",
    ]


@pytest.mark.parametrize(
    ("argument", "expected"),
    [
        ("gat=pixel", "gat is not an option. Did you mean 'gate'?"),
        ("gate=pixl", "Did you mean 'pixel'? Choices: attention, auto, crops"),
        ("gate=null", "gate cannot be left out"),
        ("~gate", "gate cannot be left out"),
        ("data=_common2", "there is no conf/data/_common2.yaml. Choices: coco, cvat"),
        ("gate.fil=3", "gate.fil is not an option of gate=auto. Did you mean 'fill'? Options: "),
        ("gate.fill.x=3", "gate.fill is a value, it has nothing below it"),
        ("callbacks.early_stoping.patience=3", "Did you mean 'early_stopping'?"),
        ("trainer.val_check_interval=0.5", "write +trainer.val_check_interval=0.5"),
        ("+trainer.val_chck_interval=0.5", "Did you mean 'val_check_interval'?"),
        ("+foo=3", "foo is not an option. Options: "),
        ("epochs=5", "It is called trainer.max_epochs"),
        ("lr=0.1", "It is called optimizer.lr"),
        ("backbone=resnet18", "It is called model.backbone"),
        ("ckpt_path=last.ckpt", "resume=<run> goes on with a run"),
        ("data.slice_by", "data.slice_by has no value. Write data.slice_by=<value>"),
        ("images", "options are written <key>=<value>"),
        ("gate=none,pixel", "Add --multirun"),
        ("seed=1,2", 'for one list write "seed=[1,2]"'),
        ("name=my (run)", "\"name='my (run)'\""),
    ],
)
def test_one_bad_argument_is_explained(problems: Problems, argument: str, expected: str) -> None:
    (problem,) = problems(argument)
    assert expected in problem
    assert problem.endswith("(command line)")


def test_an_option_of_another_choice_is_explained(problems: Problems) -> None:
    (problem,) = problems("gate=none", "gate.fill=3")
    assert "It belongs to gate=auto, gate=crops, gate=pixel, gate=token" in problem


def test_parts_of_other_files_are_not_offered(problems: Problems) -> None:
    (problem,) = problems("data=comon")
    assert "_common" not in problem


def test_windows_paths_and_spaces_need_no_quotes(problems: Problems) -> None:
    assert problems("data=folder", r"data.images=C:\my data\photos") == []


def test_a_blank_after_a_comma_is_pointed_out(problems: Problems) -> None:
    problem, _ = problems("data.slice_by=[site,]", "background")
    assert problem.startswith("data.slice_by=site, ends with a comma")


def test_the_quotes_that_are_proposed_for_umlauts_help(problems: Problems) -> None:
    for typed in ("data.images=Bilder/Stra\u00dfe", "data.classes=[cat, b\u00e4r]"):
        (problem,) = problems("data=folder", "data.images=x", typed)
        proposal = problem.split('"')[1]
        assert proposal.split("=")[0] == typed.split("=")[0]
        assert not [one for one in problems("data=folder", "data.images=x", proposal) if one]
    assert proposal == "data.classes=['cat', 'b\u00e4r']"


def test_a_sweep_has_one_job_for_every_combination() -> None:
    jobs = jobs_of("train", ["gate=none,pixel", "seed=0,1", "trainer.max_epochs=2"], tree())
    assert len(jobs) == 4
    assert jobs[0] == ["gate=none", "seed=0", "trainer.max_epochs=2"]


def test_a_problem_of_some_jobs_says_which() -> None:
    jobs = jobs_of("train", ["gate=none,pixel", "gate.fill=0,1"], tree())
    (problem,) = sweep_problems("train", jobs, tree())
    assert problem.endswith("in 2 of 4 jobs, such as: gate=none gate.fill=0")


def tree() -> ConfTree:
    return ConfTree((CONF,))
