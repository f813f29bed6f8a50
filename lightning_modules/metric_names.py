"""Names of what is logged, as <phase>_<name>; read by the configuration's check without torch."""

METRIC_NAMES = ("loss", "accuracy", "balanced_accuracy", "macro_f1", "auroc")
CLASS_METRIC_NAMES = ("precision", "recall", "f1")
TRAIN_METRIC_NAMES = ("loss", "accuracy", "macro_f1")
