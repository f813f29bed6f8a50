"""Whatever a file is: it is opened as a checkpoint, or refused in one message that names it."""

import io
import json
import pickle
import random
import zipfile
from pathlib import Path

import pytest
import torch

from lightning_modules import ROIClassifier
from lightning_modules.checkpoint import open_checkpoint
from lightning_modules.checkpoint_summary import export_twin

KEPT = Path(__file__).parent / "checkpoints" / "format_2.ckpt"
WHOLE = KEPT.read_bytes()


class Bomb:
    """Writes a file when it is unpickled."""

    def __reduce__(self):
        return (eval, ("open('exploded', 'w')",))


@pytest.fixture(autouse=True)
def _nothing_explodes(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    yield
    assert not (tmp_path / "exploded").exists()


def refusal(path):
    """The one message of a file that is refused; any other end fails the test."""
    with pytest.raises(ValueError) as caught:
        ROIClassifier.load_from_checkpoint(path)
    assert str(path) in str(caught.value)
    return str(caught.value)


def changed(path, change):
    """Write the kept checkpoint, changed, and return the message that refuses it."""
    checkpoint = torch.load(KEPT, weights_only=True)
    change(checkpoint)
    torch.save(checkpoint, path)
    return refusal(path)


def test_one_that_was_cut_is_refused_wherever_the_cut_is(tmp_path):
    path = tmp_path / "cut.ckpt"
    draw = random.Random(0)
    lengths = {0, 1, 3, 4, 5, 100, len(WHOLE) - 1, len(WHOLE) - 22, len(WHOLE) - 23}
    for length in lengths | {draw.randrange(len(WHOLE)) for _ in range(200)}:
        path.write_bytes(WHOLE[:length])
        message = refusal(path)
        assert "cut" in message or "empty" in message or "does not begin" in message, length


def test_a_flipped_bit_in_the_weights_is_found(tmp_path):
    path = tmp_path / "flipped.ckpt"
    with zipfile.ZipFile(KEPT) as archive:
        records = [one for one in archive.infolist() if "/data/" in one.filename]
    for record in random.Random(0).sample(records, 20):
        spoiled = bytearray(WHOLE)
        spoiled[_first_byte(record) + record.file_size // 2] ^= 1
        path.write_bytes(spoiled)
        assert "is damaged (checksum)" in refusal(path)


def _first_byte(record):
    header = WHOLE[record.header_offset : record.header_offset + 30]
    name, extra = (int.from_bytes(header[at : at + 2], "little") for at in (26, 28))
    return record.header_offset + 30 + name + extra


def test_what_is_no_checkpoint_is_named_for_what_it_is(tmp_path):
    (tmp_path / "folder.ckpt").mkdir()
    (tmp_path / "empty.ckpt").touch()
    (tmp_path / "text.ckpt").write_text("weights: none\n")
    with zipfile.ZipFile(tmp_path / "zip.ckpt", "w") as archive:
        archive.writestr("notes.txt", "nothing")
    with zipfile.ZipFile(tmp_path / "packed.ckpt", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("archive/data.pkl", bytes(10_000_000))
    torch.jit.save(torch.jit.script(torch.nn.Linear(1, 1)), tmp_path / "script.ckpt")
    torch.save({"a": 1}, tmp_path / "old.ckpt", _use_new_zipfile_serialization=False)
    expected = {
        "folder": "it is a folder",
        "empty": "it is empty",
        "text": "it is no checkpoint",
        "zip": "but no checkpoint",
        "packed": "may unpack to any size",
        "script": "TorchScript archive, which carries code",
        "old": "carries code, which is never run",
        "gone": "There is no checkpoint",
    }
    for name, reason in expected.items():
        assert reason in refusal(tmp_path / f"{name}.ckpt")


def test_code_is_not_run_wherever_it_hides(tmp_path):
    hidden = {
        "top": Bomb(),
        "nested": {"state_dict": {"a": [1, {"b": (Bomb(),)}]}},
        "key": {"hyper_parameters": {"record": Bomb()}},
        "module": {"state_dict": torch.nn.Linear(1, 1)},
        "function": {"roi_classifier": print},
    }
    for name, content in hidden.items():
        torch.save(content, tmp_path / f"{name}.ckpt")
        assert "carries code, which is never run" in refusal(tmp_path / f"{name}.ckpt")
    second = io.BytesIO()
    with zipfile.ZipFile(KEPT) as whole, zipfile.ZipFile(second, "w") as other:
        for one in whole.infolist():
            bomb = one.filename.endswith("data.pkl")
            other.writestr(one, pickle.dumps(Bomb()) if bomb else whole.read(one))
    (tmp_path / "swapped.ckpt").write_bytes(second.getvalue())
    assert "carries code, which is never run" in refusal(tmp_path / "swapped.ckpt")


def test_no_allow_list_is_ever_added():
    root = Path(__file__).parents[1]
    open_checkpoint(KEPT)
    allowed = {one.__module__.partition(".")[0] for one in torch.serialization.get_safe_globals()}
    assert allowed <= {"torch", "builtins", "traceback"}  # torch's own
    for folder in ("lightning_modules", "datamodules", "scripts"):
        for path in (root / folder).rglob("*.py"):
            text = path.read_text(encoding="utf-8")
            assert "safe_globals" not in text, path
            assert "weights_only=False" not in text, path


def ring(checkpoint):
    checkpoint["hyper_parameters"]["record"]["config"]["ring"] = checkpoint


def many(checkpoint):
    bundle = [0]
    for _ in range(60):
        bundle = [bundle, bundle]
    checkpoint["hyper_parameters"]["record"]["bundle"] = bundle
    checkpoint["hyper_parameters"]["class_names"] = bundle


def put(place, value):
    """A change that sets a dotted place, or takes it away (value: ``del``)."""

    def change(checkpoint):
        *parents, last = place.split("/")
        node = checkpoint
        for name in parents:
            node = node[name]
        if value is del_:
            del node[last]
        else:
            node[last] = value

    return change


del_ = object()
WEIGHT = "state_dict/network.backbone.net.conv_stem.weight"
WRONG = {
    "hyper_parameters a list": (put("hyper_parameters", [1]), "another project"),
    "no record of ours": (put("roi_classifier", del_), "another project"),
    "a format in words": (put("roi_classifier/format", "2"), "has format '2'"),
    "format true": (put("roi_classifier/format", True), "has format True"),
    "format 0": (put("roi_classifier/format", 0), "has format 0"),
    "a newer format": (put("roi_classifier/format", 99), "reads up to"),
    "no weights": (put("state_dict", {}), "holds no weights"),
    "weights that are none": (put(WEIGHT, "weights"), "more than named tensors"),
    "a weight less": (put(WEIGHT, del_), "conv_stem.weight is missing"),
    "a weight more": (put("state_dict/extra", torch.ones(1)), "extra is unknown"),
    "another shape": (put(WEIGHT, torch.ones(3)), r"is (3,), expected (24, 3, 3, 3)"),
    "whole numbers": (put(WEIGHT, torch.ones(24, 3, 3, 3, dtype=int)), "holds torch.int64"),
    "complex numbers": (put(WEIGHT, torch.ones(24, 3, 3, 3) * 1j), "holds torch.complex64"),
    "a sparse weight": (put(WEIGHT, torch.ones(24, 3, 3, 3).to_sparse()), "layout"),
    "a stretched weight": (put(WEIGHT, torch.ones(1).expand(10**9, 9)), "fewer numbers in it"),
    "no classes": (put("hyper_parameters/class_names", []), "class_names is []"),
    "classes twice": (put("hyper_parameters/class_names", ["a", "a"]), "2 or more different"),
    "a number of classes": (put("hyper_parameters/class_names", 2), "class_names is 2"),
    "other classes": (put("hyper_parameters/class_names", ["a", "b", "c"]), "none of its classes"),
    "a huge input": (put("hyper_parameters/image_size", [10**9, 32]), "image_size is [1000000000"),
    "a negative input": (put("hyper_parameters/image_size", [-32, 32]), "image_size is [-32"),
    "an unknown backbone": (put("hyper_parameters/model/backbone", "nonet"), "nonet"),
    "a backbone of no name": (put("hyper_parameters/model/backbone", 7), "cannot be rebuilt"),
    "another backbone": (put("hyper_parameters/model/backbone", "test_resnet"), "is missing"),
    "an unknown option": (put("hyper_parameters/gate/fil", 1), "fil"),
    "a class of elsewhere": (put("hyper_parameters/gate/_target_", "os.system"), "cannot be built"),
    "a class that is none": (put("hyper_parameters/loss/_target_", ["x"]), "cannot be built"),
    "an instantiator": (put("hyper_parameters/_instantiator", "os.system"), "_instantiator"),
    "no gate": (put("hyper_parameters/gate", None), "gate is None"),
    "a record that is none": (put("hyper_parameters/record", [1]), "record is [1]"),
    "an epoch in words": (put("epoch", "first"), "epoch is 'first'"),
    "a set": (put("hyper_parameters/record/config/x", {1, 2}), ""),
    "a ring": (lambda c: (ring(c), put("epoch", -1)(c)), "epoch is -1"),
    "2**60 entries": (many, "class_names is"),
}


@pytest.mark.parametrize("name", WRONG)
def test_wrong_things_inside_are_named(tmp_path, name):
    change, reason = WRONG[name]
    assert reason in changed(tmp_path / "wrong.ckpt", change)


def test_weights_that_are_not_numbers_load_for_who_wants_to_look_at_them(tmp_path):
    checkpoint = torch.load(KEPT, weights_only=True)
    put(WEIGHT, torch.full((24, 3, 3, 3), float("nan")))(checkpoint)
    torch.save(checkpoint, tmp_path / "nan.ckpt")
    ROIClassifier.load_from_checkpoint(tmp_path / "nan.ckpt")


def test_a_twin_is_refused_where_its_two_files_do_not_belong_together(tmp_path):
    path, about = export_twin(KEPT, tmp_path / "twin.safetensors")
    text, weights = about.read_text(), path.read_bytes()
    ROIClassifier.load_from_checkpoint(path)

    path.write_bytes(weights[:-1] + bytes([weights[-1] ^ 1]))
    assert "is not the file that twin.json was written for" in refusal(path)
    path.write_bytes(weights)

    for spoiled in ("", "[]", "{}", "7", text[:1000], text.replace("weights_sha256", "sum")):
        about.write_text(spoiled)
        with pytest.raises(ValueError, match=about.name):
            open_checkpoint(path)

    content = json.loads(text)
    content["hyper_parameters"]["gate"]["_target_"] = "os.system"
    about.write_text(json.dumps(content))
    assert "'os.system' cannot be built" in refusal(path)

    about.unlink()
    assert "has no twin.json beside it" in refusal(path)


def mutate(content, draw):
    """Bytes with a few of them flipped, overwritten, taken out or put in twice."""
    spoiled = bytearray(content)
    for _ in range(draw.choice((1, 1, 1, 3, 10))):
        place, length = draw.randrange(len(spoiled)), draw.choice((1, 2, 4, 30, 500))
        what = draw.randrange(5)
        if what == 0:
            spoiled[place] ^= 1 << draw.randrange(8)
        elif what == 1:
            spoiled[place : place + length] = draw.randbytes(length)
        elif what == 2:
            del spoiled[place : place + length]
        elif what == 3:
            spoiled[place:place] = spoiled[place : place + length]
        else:
            spoiled[place : place + 4] = draw.choice((b"\xff" * 4, bytes(4), b"\x7f\xff\xff\xff"))
    return bytes(spoiled)


def repacked(pickled):
    """The kept checkpoint with another data.pkl and right checksums, as an attacker writes it."""
    packed = io.BytesIO()
    with zipfile.ZipFile(KEPT) as whole, zipfile.ZipFile(packed, "w") as other:
        for one in whole.infolist():
            other.writestr(one, pickled if one.filename.endswith("data.pkl") else whole.read(one))
    return packed.getvalue()


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("where", ["bytes", "pickle", "json"])
def test_hundreds_of_mutated_files_load_or_are_refused(tmp_path, seed, where):
    draw = random.Random(seed)
    path = tmp_path / ("twin.safetensors" if where == "json" else "mutated.ckpt")
    if where == "json":
        _, about = export_twin(KEPT, path)
        original = about.read_bytes()
    with zipfile.ZipFile(KEPT) as whole:
        (name,) = (n for n in whole.namelist() if n.endswith("data.pkl"))
        pickled = whole.read(name)
    refused = 0
    for _ in range(150):
        if where == "json":
            about.write_bytes(mutate(original, draw))
        else:
            content = WHOLE if where == "bytes" else repacked(mutate(pickled, draw))
            path.write_bytes(mutate(WHOLE, draw) if where == "bytes" else content)
        try:
            ROIClassifier.load_from_checkpoint(path)
        except ValueError as error:
            assert str(path.with_suffix("")) in str(error)
            refused += 1
    assert refused > 10
