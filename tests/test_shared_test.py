"""Several processes test as one does, and an answer does not depend on the images beside it."""

import pytest
from in_process import evaluate_in_process
from small_data import write_manifest

# 24 images: five batches, the last of four, which no number of processes shares out evenly
UNEVEN = ("split=all", "data.batch_size=5", "trainer.accelerator=cpu", "interventions=none")
FILES = ("predictions.csv", "metrics.json")


@pytest.mark.parametrize("num_processes", [2, pytest.param(3, marks=pytest.mark.slow)])
def test_processes_write_what_one_writes_byte_for_byte(num_processes, trained, tmp_path):
    words = (f"ckpt={trained}", *UNEVEN)
    evaluate_in_process(tmp_path / "one", *words)
    evaluate_in_process(tmp_path / "several", *words, f"trainer.devices={num_processes}")
    for file in FILES:
        one = (tmp_path / "one" / file).read_bytes()
        assert (tmp_path / "several" / file).read_bytes() == one, file


@pytest.mark.slow
def test_a_process_without_any_batch_changes_nothing(trained, tmp_path):
    words = (f"ckpt={trained}", "trainer=ddp", "trainer.accelerator=cpu", "interventions=none")
    evaluate_in_process(tmp_path / "one", *words, "trainer.devices=1")
    evaluate_in_process(tmp_path / "three", *words, "trainer.devices=3")  # 6 images, batches of 4
    for file in FILES:
        one = (tmp_path / "one" / file).read_bytes()
        assert (tmp_path / "three" / file).read_bytes() == one, file


def test_the_answer_to_an_image_does_not_depend_on_how_many_there_are(
    trained, shapes, tmp_path, rows_of
):
    rows = [row for row in rows_of(shapes) if row["split"] == "test"]
    words = [f"ckpt={trained}", "data=manifest", "data.num_workers=0", "data.batch_size=4"]
    words += [f"data.root={shapes.parent}", "data.allow_outside=true"]
    words += ["trainer.accelerator=cpu", "interventions=none"]
    answers = []
    for number in (1, 3, len(rows)):
        manifest = write_manifest(tmp_path / f"{number}.csv", rows[:number])
        out = tmp_path / f"of_{number}"
        metrics = evaluate_in_process(out, *words, f"data.manifest={manifest}")
        assert metrics["test_images"] == number
        answers.append((out / "predictions.csv").read_text().splitlines())
    for some in answers[:-1]:
        assert some == answers[-1][: len(some)]


def test_processes_that_somebody_else_started_are_refused(trained, tmp_path, monkeypatch):
    told = {"RANK": "0", "LOCAL_RANK": "0", "WORLD_SIZE": "2", "LOCAL_WORLD_SIZE": "2"}
    for name, value in told.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(ValueError, match="call it once, with trainer=ddp"):
        evaluate_in_process(tmp_path / "out", f"ckpt={trained}")
