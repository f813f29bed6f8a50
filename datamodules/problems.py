"""Mistakes in the user's data, reported all together."""

from collections.abc import Sequence

MOST_SHOWN = 20


class LostImage(ValueError):
    """A file was whole before training and cannot be read any more.

    A loading process sends its exception as text inside its traceback: the sentence alone is kept.
    """

    def __init__(self, text: str) -> None:
        super().__init__(text.rpartition(f"{type(self).__name__}: ")[2].strip())


def raise_problems(problems: Sequence[str], where: str) -> None:
    """Raise one ValueError that lists every problem; do nothing when there is none.

    Args:
        problems: One sentence each: what and where, what was expected, what to do.
        where: What the problems are in, as it reads after "3 problems in".
    """
    if not problems:
        return
    shown = [f"  {line}" for line in problems[:MOST_SHOWN]]
    if len(problems) > MOST_SHOWN:
        shown.append(f"  ... and {len(problems) - MOST_SHOWN} more")
    count = "1 problem" if len(problems) == 1 else f"{len(problems)} problems"
    raise ValueError("\n".join([f"{count} in {where}:", *shown]))


def list_some(names: Sequence[object], most: int = 5, total: int | None = None) -> str:
    """Join the first names by commas and say how many more there are.

    Args:
        names: All, or the first of many.
        most: That are shown.
        total: How many there are; None: as many as names.
    """
    shown = ", ".join(str(name) for name in names[:most])
    more = (len(names) if total is None else total) - most
    return f"{shown} and {more} more" if more > 0 else shown


def install_line(extra: str) -> str:
    """The command that installs an optional part."""
    return f'python -m pip install -e ".[{extra}]"'
