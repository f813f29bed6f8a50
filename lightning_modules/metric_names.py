"""Names of what is logged, as <phase>_<name>; read by the configuration's check without torch."""

import re
import zlib

METRIC_NAMES = ("loss", "accuracy", "balanced_accuracy", "macro_f1", "auroc")
CLASS_METRIC_NAMES = ("precision", "recall", "f1")
TRAIN_METRIC_NAMES = ("loss", "accuracy", "macro_f1")
# of intervals, and of what the folds of a cross-validation come to: <name>_low, ...
ENDS = ("_low", "_high", "_fold_mean", "_fold_sd", "_fold_min", "_fold_max")
TAKEN = re.compile(rf"(?:{'|'.join(ENDS)})(?:_class)*\Z")
UNFIT = re.compile(r"[^\w/.\- ]")  # in a name, for loggers that are strict


def name_of_class(metric: str, class_name: str) -> str:
    """Name of a metric of one class: ``recall_cat``; different classes have different ones.

    ``recall_x_low`` is the end of an interval of ``recall_x``, so the class ``x_low`` has
    ``recall_x_low_class``, the class ``x_low_class`` one ``_class`` more, and so on.
    """
    name = f"{metric}_{class_name}"
    return f"{name}_class" if TAKEN.search(name) else name


def make_fit(name: str) -> str:
    """A name of letters, digits and ``_/.-`` or a blank, as MLflow takes them.

    Any other character becomes ``_``, and the checksum (CRC-32) of the whole name is put behind it:
    the classes ``Ki+`` and ``Ki-`` are ``Ki__<checksum>`` and ``Ki-``, never one and the same.
    """
    fit = UNFIT.sub("_", name)
    return name if fit == name else f"{fit}_{zlib.crc32(name.encode()):08x}"
