"""Reads a table whose mistakes would stop a training, so that its files are examined as well."""

from datamodules.doctor.findings import Finding, Level
from datamodules.tables.source import ImageSource
from datamodules.tables.table import ImageTable


def read_leniently(options: ImageSource, seed: int) -> tuple[ImageTable, Finding | None]:
    """Read a table; where only its splits, groups or pairs are wrong, as it is, and say so.

    Args:
        options: What the user said of the data.
        seed: Of a split that has to be made.

    Raises:
        ValueError: It cannot be read at all.
    """
    try:
        return options.read(seed), None
    except ValueError as error:
        classes = _find_classes(options)
        if classes is None:
            raise
        try:
            # as for a model of these classes: a split that is given is taken as it stands
            table = options.read(seed, classes)
        except ValueError:
            raise error from None
        head, *lines = str(error).splitlines()
    return table, Finding(
        Level.ERROR,
        "mistakes in the table",
        f"No training can start: {head}",
        max(len(lines), 1),
        [line.strip() for line in lines],
    )


def _find_classes(options: ImageSource) -> list[str] | None:
    """The words of the labels; None: the rows cannot be read."""
    try:
        raw = options.read_mapped([])
    except ValueError:
        return None
    return sorted(raw.columns["label"].unique().to_pylist())
