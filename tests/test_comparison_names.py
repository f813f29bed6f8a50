"""Variants are called by what tells them apart, and by no more."""

from workflow.comparing.names import tell_apart

PIXEL = {"_target_": "lightning_modules.networks.gates.PixelGate", "dilate": 0, "fill": 0.0}
NONE = {"_target_": "lightning_modules.networks.gates.NoGate"}


def names(*configs, folders="abcdefgh"):
    return [name for name, _ in tell_apart(configs, folders[: len(configs)])]


def test_the_gate_says_most():
    one = {"gate": NONE, "optimizer": {"lr": 0.1}}
    two = {"gate": PIXEL, "optimizer": {"lr": 0.01}}
    assert names(one, two) == ["gate=none", "gate=pixel"]
    assert tell_apart([one, two], "ab")[1][1] == {"gate": "pixel", "optimizer.lr": "0.01"}


def test_an_option_is_called_by_its_last_word_where_that_is_clear():
    one = {"gate": PIXEL, "model": {"backbone": "resnet18"}}
    two = {"gate": PIXEL | {"dilate": -1}, "model": {"backbone": "resnet18"}}
    assert names(one, two) == ["dilate=0", "dilate=-1"]
    three = {"gate": PIXEL, "model": {"backbone": "resnet50"}}
    assert names(one, two, three) == [
        "dilate=0 backbone=resnet18",
        "dilate=-1 backbone=resnet18",
        "dilate=0 backbone=resnet50",
    ]


def test_options_of_one_kind_of_gate_alone_are_not_spoken_of():
    (_, first), (_, second) = tell_apart([{"gate": NONE}, {"gate": PIXEL}], "ab")
    assert (first, second) == ({"gate": "none"}, {"gate": "pixel"})


def test_where_nothing_else_differs_the_seed_or_the_folder_does():
    assert names({"seed": 0}, {"seed": 1}) == ["seed=0", "seed=1"]
    assert names({"seed": 0, "name": "x"}, {"seed": 0, "name": "y"}) == ["a", "b"]
    assert names({"seed": 0}, {"seed": 0}, folders="aa") == ["a", "a (2)"]


def test_where_a_run_was_computed_is_no_difference():
    places = [{"trainer": {"devices": one}, "out": one, "data": {"root": one}} for one in "xy"]
    assert tell_apart(places, "ab") == [("a", {}), ("b", {})]


def test_long_paths_are_cut():
    files = [f"/some/where/{one}/{'w' * 40}{one}.safetensors" for one in "xy"]
    for name in names(*({"model": {"pretrained": file}} for file in files)):
        assert name.startswith("pretrained=...w")
        assert len(name) < 45
