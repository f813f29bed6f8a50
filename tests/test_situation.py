"""One word for each situation, the same by gate=auto, and missing ROIs that tell a tale."""

import csv
import json
import logging

import pytest
from front.composition import compose_job
from front.conf_tree import ConfTree
from in_process import train_in_process
from small_data import write_manifest
from workflow.call import Call
from workflow.plan import make_plan

SITUATIONS = ("roi_given", "roi_in_training_only", "roi_for_some", "no_roi")


def plan_of(manifest, *words):
    typed = ["data=manifest", f"data.manifest={manifest}", *words]
    return make_plan(compose_job("train", typed, ConfTree()).cfg, Call(typed, None, None))


def blank(rows, without):
    """The rows, those that ``without`` says have no mask."""
    return [row | ({"mask": ""} if without(index, row) else {}) for index, row in enumerate(rows)]


WITHOUT = {
    "roi_given": lambda index, row: False,
    "roi_in_training_only": lambda index, row: row["split"] != "train",
    "roi_for_some": lambda index, row: index % 4 > 1,
    "no_roi": lambda index, row: True,
}


def listen(caplog):
    """Let what is said reach the test also after a run has taken the loggers over."""
    logging.getLogger("workflow").propagate = True
    caplog.set_level(logging.INFO, logger="workflow")


@pytest.fixture
def manifest_of(shapes, rows_of):
    """Write the small data set with some masks left out."""

    def make(situation):
        rows = blank(rows_of(shapes), WITHOUT[situation])
        return write_manifest(shapes.parent / f"{situation}.csv", rows)

    return make


@pytest.mark.parametrize("situation", SITUATIONS)
def test_auto_picks_what_the_experiment_of_the_situation_has(situation, manifest_of, outputs):
    manifest = manifest_of(situation)
    chosen = plan_of(manifest)
    asked = plan_of(manifest, f"experiment={situation}")
    for part in ("gate", "extras", "control"):
        assert chosen.config[part] == asked.config[part], part
    assert chosen.table.roi_at_test == asked.table.roi_at_test


def test_auto_says_what_and_why(manifest_of, outputs, caplog):
    listen(caplog)
    plan_of(manifest_of("roi_in_training_only"))
    assert "gate=auto chose two_stage" in caplog.text
    assert "only the training images have a ROI" in caplog.text
    assert "swap" in caplog.text


def test_what_is_typed_goes_before_what_is_picked(shapes, outputs):
    plan = plan_of(shapes, "gate.dilate=-1", "gate.fill=0.5", "extras.swap=0.7")
    assert plan.config["gate"]["_target_"].endswith("PixelGate")
    assert (plan.config["gate"]["dilate"], plan.config["gate"]["fill"]) == (-1, 0.5)
    assert plan.config["extras"]["swap"] == 0.7
    assert plan.config["extras"]["mask_jitter"] > 0


def test_a_gate_that_is_named_brings_no_extras(shapes, outputs):
    extras = plan_of(shapes, "gate=pixel").config["extras"]
    assert (extras["swap"], extras["mask_jitter"], extras["roi_dropout"]) == (0, 0, 0)


@pytest.mark.parametrize(("words", "share"), [(["gate=hint"], 0.3), (["gate=none"], 0.0)])
def test_roi_dropout_goes_by_what_meets_images_without_roi(words, share, shapes, outputs):
    assert plan_of(shapes, *words).config["extras"]["roi_dropout"] == share


def test_images_shown_whole_are_among_those_trained_on(manifest_of, outputs):
    words = ["gate=pixel", "gate.roi_missing=full"]
    assert plan_of(manifest_of("roi_for_some"), *words).config["extras"]["roi_dropout"] == 0.1


def test_a_share_of_the_training_images_keeps_its_roi_class_by_class(shapes, outputs):
    table = plan_of(shapes, "gate=two_stage", "data.roi_fraction=0.5").table
    has_roi = table.has_roi()[:, 0]
    for split in ("train", "val", "test"):
        for label in (0, 1):
            rows = (table.splits == split) & (table.labels == label)
            assert has_roi[rows].mean() == (0.5 if split == "train" else 1.0)
    again = plan_of(shapes, "gate=two_stage", "data.roi_fraction=0.5").table.has_roi()
    other = plan_of(shapes, "gate=two_stage", "data.roi_fraction=0.5", "seed=1").table.has_roi()
    assert (again[:, 0] == has_roi).all()
    assert (other[:, 0] != has_roi).any()


@pytest.mark.parametrize(
    ("situation", "words", "message"),
    [
        ("no_roi", ["gate=two_stage"], "no training image has a ROI to teach its locator"),
        ("roi_in_training_only", ["gate=pixel"], "have no ROI, which the gate needs"),
        ("no_roi", ["gate=pixel"], "have no ROI, which the gate needs"),
        ("no_roi", ["gate=guide"], "none of them has one"),
    ],
)
def test_a_gate_without_the_rois_it_needs_is_refused(
    situation, words, message, manifest_of, outputs
):
    with pytest.raises(ValueError, match=message):
        plan_of(manifest_of(situation), *words)


@pytest.fixture(scope="module")
def lesions_only(tmp_path_factory):
    """Forty images of each class; only squares have a mask."""
    import csv

    from small_data import make_shapes

    manifest = make_shapes(tmp_path_factory.mktemp("lesions"), per_class=40)
    with manifest.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    return write_manifest(manifest, blank(rows, lambda index, row: row["label"] == "disc"))


def test_showing_images_whole_is_refused_where_having_a_roi_tells_the_label(lesions_only, outputs):
    with pytest.raises(ValueError, match="Having a ROI goes with the label") as refusal:
        plan_of(lesions_only, "gate=pixel", "gate.roi_missing=full")
    counts = [line.split() for line in str(refusal.value).splitlines()]
    assert ["disc", "0", "40", "0.0%"] in counts
    assert ["square", "40", "0", "100.0%"] in counts


def test_a_locator_then_masks_all_images_alike_and_the_masks_are_named(
    lesions_only, outputs, caplog
):
    listen(caplog)
    plan = plan_of(lesions_only)
    assert plan.config["gate"]["_target_"].endswith("TwoStageGate")
    assert plan.config["gate"]["teacher_forcing"] == 0
    assert plan.mask_only.warning
    assert "Whether there is a ROI at all" in plan.mask_only.sentence
    assert "gate.teacher_forcing is 0" in caplog.text


def test_the_result_says_where_masks_came_from_and_for_whom_the_promise_held(
    shapes, rows_of, outputs, tmp_path
):
    rows = blank(rows_of(shapes), lambda index, row: index in (4, 23))
    manifest = write_manifest(shapes.parent / "some_missing.csv", rows)
    words = ["gate=pixel", "gate.dilate=0", "test=true", "trainer.max_epochs=1"]
    folder = train_in_process(manifest, tmp_path / "run", *words, "gate.roi_missing=full")
    metrics = json.loads((folder / "metrics.json").read_text())
    assert metrics["test_mask_origins"] == {"given": 5, "full": 1}
    assert (metrics["test_promise_held_images"], metrics["test_images"]) == (5, 6)
    assert {"test_accuracy_given", "test_accuracy_full"} <= set(metrics)
    assert "1 of 6 images had no mask, were shown whole" in (folder / "log.txt").read_text()


@pytest.mark.parametrize("gate", ["pixel", "hint"])
def test_an_image_that_gets_no_answer_counts_in_no_score(gate, shapes, rows_of, outputs, tmp_path):
    # the last two test images: a batch of its own without any answer
    rows = blank(rows_of(shapes), lambda index, row: index > 21)
    manifest = write_manifest(shapes.parent / "silent.csv", rows)
    words = [f"gate={gate}", "gate.dilate=0", "gate.roi_missing=abstain", "trainer.max_epochs=1"]
    folder = train_in_process(manifest, tmp_path / "run", *words, "data.slice_by=site")
    metrics = json.loads((folder / "metrics.json").read_text())
    assert metrics["test_mask_origins"]["abstain"] == 2
    assert metrics["test_answered_share"] == pytest.approx(4 / 6)
    assert sum(map(sum, metrics["test_confusion_matrix"])) == 4
    assert sum(group["images"] for group in metrics["test_groups"].values()) == 4
    with (folder / "predictions.csv").open(encoding="utf-8") as file:
        answers = [row["predicted"] for row in csv.DictReader(file)]
    assert answers.count("") == 2


def test_a_gate_that_could_answer_nothing_is_refused(shapes, outputs):
    with pytest.raises(
        ValueError, match="no image of val and test has a ROI that the gate may use"
    ):
        plan_of(shapes, "gate=pixel", "gate.roi_missing=abstain", "data.roi_at_test=false")


def test_a_policy_that_the_picked_gate_lacks_is_refused(manifest_of, outputs):
    with pytest.raises(ValueError, match=r"experiment=roi_for_some .* has predict or abstain"):
        plan_of(manifest_of("roi_for_some"), "gate.roi_missing=error")


def test_a_run_that_auto_picked_goes_on_by_the_words_it_was_started_with(
    manifest_of, outputs, tmp_path
):
    words = [f"data.manifest={manifest_of('roi_for_some')}", "trainer.max_epochs=1"]
    folder = train_in_process(words[0].partition("=")[2], tmp_path / "run", words[1])
    again = ["data=manifest", words[0], "trainer.max_epochs=2", f"resume={folder}"]
    train_in_process(None, folder, *again)
    assert len((folder / "history.csv").read_text().splitlines()) == 3


def test_a_margin_is_chosen_stored_and_shown_beside_the_masks_as_they_are(
    shapes, outputs, tmp_path
):
    from omegaconf import OmegaConf

    from lightning_modules import ROIClassifier

    folder = train_in_process(shapes, tmp_path / "auto", "gate=pixel", "trainer.max_epochs=1")
    dilate = OmegaConf.load(folder / "config.yaml").gate.dilate
    assert isinstance(dilate, int)
    model = ROIClassifier.load_from_checkpoint(folder / "checkpoints" / "best.ckpt")
    assert model.network.gate.dilate == dilate
    assert "gate.dilate=auto:" in (folder / "log.txt").read_text()

    words = ["gate=pixel", "gate.dilate=-2", "trainer.max_epochs=1"]
    folder = train_in_process(shapes, tmp_path / "eroded", *words)
    metrics = json.loads((folder / "metrics.json").read_text())
    assert metrics["gate_dilate"] == -2
    without = metrics["test_without_margin_mask_roi_area_ratio"]
    assert metrics["test_mask_roi_area_ratio"] < without
    assert "test_without_margin_accuracy" in metrics


def test_the_plain_model_is_trained_and_reported_beside_when_asked(manifest_of, outputs, tmp_path):
    words = ["trainer.max_epochs=1", "experiment=no_roi"]
    folder = train_in_process(manifest_of("no_roi"), tmp_path / "run", *words)
    metrics = json.loads((folder / "metrics.json").read_text())
    plain = json.loads((folder / "control" / "metrics.json").read_text())
    assert metrics["control_test_accuracy"] == plain["test_accuracy"]
    assert plain["gate_promise"] == "none"
    assert metrics["gate_promise"] == "exact_given_mask"
    assert "gate=none" in (folder / "log.txt").read_text()


def test_a_detected_roi_is_called_detected(shapes, rows_of, outputs, tmp_path):
    rows = [row | {"roi_source": "detected"} for row in rows_of(shapes)]
    manifest = write_manifest(shapes.parent / "detected.csv", rows)
    words = ["gate=pixel", "gate.dilate=0", "trainer.max_epochs=1"]
    folder = train_in_process(manifest, tmp_path / "run", *words)
    metrics = json.loads((folder / "metrics.json").read_text())
    assert metrics["test_mask_origins"] == {"detected": 6}
    rows[0]["roi_source"] = "guessed"
    manifest = write_manifest(shapes.parent / "guessed.csv", rows)
    with pytest.raises(ValueError, match="roi_source is 'guessed', expected given, detected or p"):
        plan_of(manifest)


def test_swapped_copies_never_mark_a_class(shapes, rows_of, outputs, tmp_path, caplog):
    from PIL import Image
    from small_data import make_shapes

    manifest = make_shapes(tmp_path / "data", per_class=40)
    Image.new("1", (48, 40)).save(manifest.parent / "masks" / "empty.png")
    rows = [
        row | ({"mask": "masks/empty.png"} if row["label"] == "disc" else {})
        for row in rows_of(manifest)
    ]
    listen(caplog)
    plan = plan_of(write_manifest(manifest, rows), "gate=none", "extras.swap=0.5")
    assert plan.config["extras"]["swap"] == 0
    assert "these go with the label" in caplog.text


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["gate=two_stage_unsupervised"], "these have some"),
        (["gate=pixel", "gate.roi_missing=full", "data.roi_fraction=0"], "nothing would ever be"),
    ],
)
def test_a_gate_that_would_do_nothing_of_what_it_says_is_refused(words, message, shapes, outputs):
    with pytest.raises(ValueError, match=message):
        plan_of(shapes, *words)


def test_a_locator_that_finds_nothing_at_first_does_not_end_a_run_that_abstains(
    shapes, outputs, tmp_path
):
    words = ["experiment=roi_in_training_only", "gate.roi_missing=abstain", "gate.dilate=0"]
    folder = train_in_process(shapes, tmp_path / "run", *words, "trainer.max_epochs=1")
    metrics = json.loads((folder / "metrics.json").read_text())
    assert metrics["test_images"] == 6


def test_a_margin_as_wide_as_the_image_is_refused(shapes, outputs, tmp_path):
    with pytest.raises(ValueError, match="below 16 pixels"):
        train_in_process(shapes, tmp_path / "run", "gate=pixel", "gate.dilate=40")
