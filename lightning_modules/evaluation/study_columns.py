"""What the table of a study shows of each variant, and what it means."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Column:
    """A metric of the table.

    Args:
        metric: Its key in metrics.json.
        title: Its head in the table.
        meaning: One short line.
        scale: What a value is multiplied by.
        decimals: Of the value as it is shown; None: it is a word.
    """

    metric: str
    title: str
    meaning: str
    scale: float = 100.0
    decimals: int | None = 1


PICTURED = "test_accuracy"  # without it there is no picture
COLUMNS = (
    Column("best_val_macro_f1", "val macro F1", "best macro F1 in validation"),
    Column("test_accuracy", "accuracy", "right answers to test images as they are"),
    Column("test_worst_group_accuracy", "worst group", "right answers in the worst test group"),
    Column(
        "test_next_background_accuracy",
        "next background",
        "right answers on a background of the next class",
    ),
    Column(
        "test_background_gap",
        "gap",
        "right answers on backgrounds of the own class, less those on random ones",
    ),
    Column("test_flip_rate", "flips", "answers that change with a random background"),
    Column("test_pair_flip_rate", "pair flips", "answers that differ within a pair of test images"),
    Column(
        "test_bit_exact_share", "bit-exact", "answers of which a random background changes no bit"
    ),
    Column(
        "test_no_roi_accuracy", "no ROI", "right answers with the ROI filled in; chance is best"
    ),
    Column(
        "test_mask_only_accuracy",
        "mask only",
        "right answers with a constant inside the ROI; chance is best",
    ),
    Column("test_mask_dice", "Dice", "overlap of predicted masks with the ROI, 0 to 1", 1.0, 2),
    Column("gate_promise", "promise", "what the gate guarantees of the background", decimals=None),
    Column("cost_parameters", "parameters", "times those of the plain model", 1.0, 2),
    Column("cost_flops", "FLOPs", "of an answer, times those of the plain model", 1.0, 2),
    Column("cost_step_time", "step time", "of training, times that of the plain model", 1.0, 2),
)
