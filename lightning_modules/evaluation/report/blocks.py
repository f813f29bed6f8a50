"""What a page is built of: tables, pictures, notes, terms.

Everything here takes plain text and returns ``Markup`` that is safe to show: whatever a class, a
file or a group is called, it is escaped. Words go into sentences by ``sentence``.
"""

import base64
import re
from collections.abc import Mapping, Sequence
from typing import Literal

from markupsafe import Markup

from lightning_modules.evaluation.report.glossary import GLOSSARY
from lightning_modules.evaluation.report.rendering import render_block, to_anchor

Level = Literal["good", "careful", "bad", "note"]
# said beside the colour, so that the page can be read without it
WORDS: dict[Level, tuple[str, str]] = {
    "good": ("✓", "Good"),
    "careful": ("!", "Careful"),
    "bad": ("✗", "Problem"),
    "note": ("i", "Note"),
}
MISSING = "\N{EN DASH}"  # what a table shows where nothing is known
# with a unit, a range or something in brackets
NUMBER = re.compile(
    r"[-+\u2212]?[\d,]*\.?\d+( to [-\u2212]?[\d.]+)?(\s?(%|s|min|px))?"
    r"( \([-\u2212]?[\d.]+( to [-\u2212]?[\d.]+)?(\s%)?\))?|\u2013|"
)


def sentence(pattern: str, **words: object) -> Markup:
    """Text with words put in: ``sentence("{part} of {whole}", ...)``; plain words are escaped."""
    return Markup(pattern).format(**words)


def paragraph(text: str | Markup) -> Markup:
    """A paragraph."""
    return render_block("paragraph", text=text)


def heading(text: str) -> Markup:
    """A heading within a section."""
    return render_block("heading", text=text)


def bullets(items: Sequence[str | Markup]) -> Markup:
    """A list."""
    return render_block("bullets", items=items)


def code(text: str) -> Markup:
    """A command to be copied."""
    return render_block("code", text=text)


def note(level: Level, text: str | Markup, title: str | None = None) -> Markup:
    """A box with a verdict: sign, word and colour say the same.

    Args:
        level: good, careful, bad or note.
        text: What is the matter.
        title: Instead of the level's own word.
    """
    sign, word = WORDS[level]
    return render_block("note", level=level, sign=sign, title=title or word, text=text)


def table(
    header: Sequence[str | Markup],
    rows: Sequence[Sequence[object]],
    caption: str | Markup = "",
    shades: Mapping[tuple[int, int], float] | None = None,
) -> Markup:
    """A table that scrolls in itself where the screen is narrow; numbers stand to the right.

    Args:
        header: Names of the columns; the first column names the rows. All blank: none is shown.
        rows: Cells as text or ``Markup``; whoever calls has rounded numbers.
        caption: Above it, says what it shows; "": nothing.
        shades: Depth of the colour behind a cell (row, column), in [0, 1].
    """
    texts = [[MISSING if cell is None else cell for cell in row] for row in rows]
    numeric = {
        column
        for column in range(len(header))
        if texts and all(NUMBER.fullmatch(_bare(row[column])) for row in texts)
    }
    depths = {place: round(100 * depth) for place, depth in (shades or {}).items()}
    return render_block(
        "table", header=header, rows=texts, caption=caption, numeric=numeric, shades=depths
    )


def picture(
    content: bytes, kind: str, alt: str, caption: str | Markup = "", wide: bool = False
) -> Markup:
    """A picture that is part of the page.

    Args:
        content: The file.
        kind: png, jpeg or svg+xml.
        alt: What it shows, for whoever does not see it.
        caption: Below it; "": nothing.
        wide: Whether it scrolls in itself on a narrow screen rather than become too small to see.
    """
    source = f"data:image/{kind};base64,{base64.b64encode(content).decode()}"
    return render_block("picture", source=source, alt=alt, caption=caption, wide=wide)


def grid(blocks: Sequence[Markup], size: Literal["chart", "sample"] = "chart") -> Markup:
    """Blocks beside each other where the screen is wide enough, else below each other."""
    return render_block("grid", blocks=blocks, size=size)


def fold(summary: str | Markup, blocks: Sequence[Markup]) -> Markup:
    """Blocks that are shown when somebody asks for them, and in print."""
    return render_block("fold", summary=summary, blocks=blocks)


def link(anchor: str, text: str) -> Markup:
    """A link to a section of the page."""
    return render_block("link", anchor=anchor, text=text)


def term(name: str, shown: str | None = None) -> Markup:
    """A word that the glossary explains, linked.

    Args:
        name: As the glossary has it.
        shown: As it stands in the text; None: the same.
    """
    assert name in GLOSSARY, name
    return render_block("link", anchor=f"term-{to_anchor(name)}", text=shown or name)


def _bare(cell: object) -> str:
    return Markup(cell).striptags() if isinstance(cell, Markup) else str(cell)
