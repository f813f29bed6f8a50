"""Names of what is logged, as <phase>_<name>; read by the configuration's check without torch."""

METRIC_NAMES = ("loss", "accuracy", "balanced_accuracy", "macro_f1", "auroc")
CLASS_METRIC_NAMES = ("precision", "recall", "f1")
TRAIN_METRIC_NAMES = ("loss", "accuracy", "macro_f1")
# of intervals, and of what the folds of a cross-validation come to: <name>_low, ...
ENDS = ("_low", "_high", "_fold_mean", "_fold_sd", "_fold_min", "_fold_max")


def name_of_class(metric: str, class_name: str) -> str:
    """Name of a metric of one class: ``recall_cat``.

    The class ``low`` has ``recall_low_class``: ``auroc_low`` is the end of an interval.
    """
    name = f"{metric}_{class_name}"
    return f"{name}_class" if name.endswith(ENDS) else name
