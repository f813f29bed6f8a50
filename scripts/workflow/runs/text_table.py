"""Tables for a terminal: columns aligned, and as wide as the terminal is."""

from collections.abc import Sequence
from dataclasses import dataclass

GAP = "  "


@dataclass(frozen=True)
class Column:
    """A column.

    Args:
        title: Its head.
        cells: Its texts, one a row.
        keep: The higher, the longer it stays as it is where there is little room.
        least: Characters that are kept where long texts may be cut; None: nothing is cut.
        cut: Where they are cut: ``end`` or ``start``.
        right: Whether texts stand at the right.
    """

    title: str
    cells: Sequence[str]
    keep: int = 1
    least: int | None = None
    cut: str = "end"
    right: bool = False

    @property
    def width(self) -> int:
        """Of its longest text."""
        return max(map(len, (self.title, *self.cells)))


def lay_out(columns: Sequence[Column], width: int | None) -> str:
    """The table, heads first.

    Args:
        columns: In order; empty ones are left out.
        width: Characters of a line; None: as many as it takes. Columns that do not fit are cut or
            left out, those that are worth least first.
    """
    shown = [column for column in columns if any(column.cells)]
    widths = [column.width for column in shown]
    for column in sorted(shown, key=lambda column: column.keep):
        excess = 0 if width is None else _total(widths) - width
        if excess <= 0:
            break
        place = shown.index(column)
        kept = widths[place] - excess
        if column.least is not None and kept >= min(column.least, widths[place]):
            widths[place] = kept
        elif len(shown) > 1:
            del shown[place], widths[place]
    texts = [[column.title, *column.cells] for column in shown]
    lines = []
    for row in zip(*texts, strict=True):
        cells = [
            _align(_cut(text, room, column.cut), room, column.right)
            for text, room, column in zip(row, widths, shown, strict=True)
        ]
        lines.append(GAP.join(cells).rstrip())
    return "\n".join(lines)


def _total(widths: Sequence[int]) -> int:
    return sum(widths) + len(GAP) * (len(widths) - 1)


def _cut(text: str, width: int, where: str) -> str:
    if len(text) <= width:
        return text
    kept = width - 3
    return f"...{text[len(text) - kept :]}" if where == "start" else f"{text[:kept]}..."


def _align(text: str, width: int, right: bool) -> str:
    return text.rjust(width) if right else text.ljust(width)
