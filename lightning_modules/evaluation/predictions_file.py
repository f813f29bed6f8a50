"""predictions.csv: a table of predictions on the disk, and back."""

import csv
import io
from collections.abc import Sequence
from itertools import takewhile
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from pyarrow import csv as arrow_csv

from lightning_modules.evaluation.predictions import PredictionTable
from lightning_modules.run_files import open_beside

OWN = ("id", "label", "predicted", "group", "mask_origin", "mask_share", "roi_share")
QUALITIES = ("mask_dice", "mask_iou", "mask_recall")
WEIGHT, PROB, LOGIT, SOURCE = "weight_", "prob_", "logit_", "source_"


def write_predictions(table: PredictionTable, path: Path) -> None:
    """Write ``id,label,predicted,group,...,prob_<class>,logit_<class>``, a row an image.

    An image without an answer has a blank ``predicted``.
    A column of the source that has one of these names, or one that begins with ``weight_``, is
    written as ``source_<name>`` and read as what it was.
    """
    names = np.array(table.class_names)
    answered = np.array(table.mask_origin) != "abstain"
    groups = [""] * len(table) if table.groups is None else table.groups.tolist()
    own = {
        "id": table.ids,
        "label": names[table.labels].tolist(),
        "predicted": np.where(answered, names[table.predicted], "").tolist(),
        "group": groups,
        "mask_origin": table.mask_origin,
        "mask_share": _digits(table.mask_share, 6),
        "roi_share": _digits(table.roi_share, 6),
    }
    own |= {name: _digits(values, 6) for name, values in table.mask_quality.items()}
    own |= {f"{WEIGHT}{n}": _digits(values, 6) for n, values in table.region_weights.items()}
    scores = {f"{PROB}{n}": _digits(v, 9) for n, v in zip(names, table.probs.T, strict=True)}
    scores |= {f"{LOGIT}{n}": _digits(v, 9) for n, v in zip(names, table.logits.T, strict=True)}
    source = {
        f"{SOURCE}{name}" if _is_taken(name, names) else name: values.tolist()
        for name, values in table.columns.items()
        if name not in ("id", "label", "group")
    }
    columns = own | source | scores
    with open_beside(path) as file:
        text = io.StringIO()
        writer = csv.writer(text, lineterminator="\n")
        writer.writerow(columns)
        writer.writerows(zip(*columns.values(), strict=True))
        file.write(text.getvalue().encode("utf-8"))


def read_predictions(path: Path) -> PredictionTable:
    """Read a table that ``write_predictions`` wrote; the numbers are the same to the last bit.

    Raises:
        ValueError: The file is no table of predictions.
        FileNotFoundError: There is none.
    """
    try:
        read = arrow_csv.read_csv(
            path,
            convert_options=arrow_csv.ConvertOptions(
                column_types=dict.fromkeys(_header(path), pa.string()), strings_can_be_null=False
            ),
            parse_options=arrow_csv.ParseOptions(newlines_in_values=True),
        )
    except (pa.ArrowInvalid, UnicodeDecodeError, csv.Error) as error:
        raise ValueError(f"{path} is no table of predictions: {error}") from error
    header = read.column_names
    class_names = classes_of(header)
    missing = [name for name in OWN if name not in header]
    if missing or not class_names or not read.num_rows:
        what = f"no column {', '.join(missing)}" if missing else "no columns logit_<class>"
        what = "no row" if not missing and class_names else what
        raise ValueError(
            f"{path} is no table of predictions: it has {what}. Expected the predictions.csv of a "
            "run or an evaluation."
        )

    def text(name: str) -> np.ndarray:
        return np.array(read[name].to_pylist(), dtype=np.str_)

    def numbers(name: str, kind: type = np.float64) -> np.ndarray:
        try:
            return pc.cast(read[name], pa.float64()).to_numpy().astype(kind)
        except pa.ArrowInvalid as error:
            raise ValueError(f"{path}: column {name} has something else than numbers.") from error

    labels = text("label")
    code_of = {name: code for code, name in enumerate(class_names)}
    unknown = sorted(set(labels.tolist()) - set(class_names))
    if unknown:
        raise ValueError(
            f"{path}: column label has {', '.join(unknown)}, expected {', '.join(class_names)}."
        )
    rest = header[len(OWN) :]
    qualities = [name for name in rest if name in QUALITIES]
    weights = list(takewhile(lambda name: name.startswith(WEIGHT), rest[len(qualities) :]))
    scores = [f"{kind}{name}" for kind in (PROB, LOGIT) for name in class_names]
    taken = {*qualities, *weights, *scores}
    columns = {_own_name(name, class_names): name for name in rest if name not in taken}
    groups = text("group")
    return PredictionTable(
        ids=text("id").tolist(),
        labels=np.array([code_of[name] for name in labels.tolist()]),
        logits=np.stack([numbers(f"{LOGIT}{name}", np.float32) for name in class_names], axis=1),
        class_names=class_names,
        mask_origin=text("mask_origin").tolist(),
        mask_share=numbers("mask_share"),
        roi_share=numbers("roi_share"),
        columns={name: text(written) for name, written in columns.items()},
        groups=groups if (groups != "").any() else None,
        region_weights={name.removeprefix(WEIGHT): numbers(name) for name in weights},
        mask_quality={name: numbers(name) for name in qualities},
    )


def _is_taken(name: str, class_names: Sequence[str]) -> bool:
    """Whether a column of the source would be taken for one of the predictions'."""
    scores = {f"{kind}{one}" for kind in (PROB, LOGIT) for one in class_names}
    return name in OWN or name in QUALITIES or name in scores or name.startswith(WEIGHT)


def _own_name(written: str, class_names: Sequence[str]) -> str:
    """What a column was called in the source."""
    name = written.removeprefix(SOURCE)
    return name if _is_taken(name, class_names) else written


def _header(path: Path) -> list[str]:
    with path.open(encoding="utf-8-sig", newline="") as file:
        return next(csv.reader(file), [])


def classes_of(header: list[str]) -> list[str]:
    """The classes of a table with this header, whose logits stand at its end."""
    names = list(takewhile(lambda name: name.startswith(LOGIT), reversed(header)))[::-1]
    return [name.removeprefix(LOGIT) for name in names]


def _digits(values: np.ndarray, digits: int) -> list[str]:
    return [f"{value:.{digits}g}" for value in values.tolist()]
