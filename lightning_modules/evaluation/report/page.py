"""The page and what it is built of: sections, tables, pictures, notes, terms.

Everything here takes plain text and returns ``Markup`` that is safe to show: whatever a class, a
file or a group is called, it is escaped. Words go into sentences by ``sentence``. The page holds
its pictures and its style in itself, runs no script, and forbids the browser every request.
"""

import base64
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Literal

from jinja2 import Environment, PackageLoader
from markupsafe import Markup

from lightning_modules.evaluation.report.glossary import GLOSSARY

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
TERM = re.compile(r'href="#term-([a-z0-9-]+)"')


@dataclass(frozen=True)
class Section:
    """A part of the page.

    Args:
        anchor: Name in links to it: small letters, digits, hyphens.
        title: Its heading.
        blocks: What stands in it, top down.
        lead: A sentence that says what to look for; "": none.
    """

    anchor: str
    title: str
    blocks: Sequence[Markup]
    lead: str | Markup = ""


def render_page(title: str, subtitle: str, sections: Sequence[Section]) -> str:
    """The whole page as HTML; a glossary of the terms that it uses comes last.

    Args:
        title: Of the page and the browser's tab.
        subtitle: The line below it.
        sections: In the order of reading; one without blocks is left out.
    """
    shown = [section for section in sections if section.blocks]
    used = {
        anchor
        for section in shown
        for block in (section.lead, *section.blocks)
        for anchor in TERM.findall(str(block))
    }
    glossary = {name: text for name, text in GLOSSARY.items() if _anchor(name) in used}
    if glossary:
        lead = "The words of this page that are linked, in plain language."
        shown.append(Section("glossary", "Glossary", [_render("glossary", entries=glossary)], lead))
    return str(_render("page", title=title, subtitle=subtitle, sections=shown, style=_style()))


def sentence(pattern: str, **words: object) -> Markup:
    """Text with words put in: ``sentence("{part} of {whole}", ...)``; plain words are escaped."""
    return Markup(pattern).format(**words)


def paragraph(text: str | Markup) -> Markup:
    """A paragraph."""
    return _render("paragraph", text=text)


def heading(text: str) -> Markup:
    """A heading within a section."""
    return _render("heading", text=text)


def bullets(items: Sequence[str | Markup]) -> Markup:
    """A list."""
    return _render("bullets", items=items)


def code(text: str) -> Markup:
    """A command to be copied."""
    return _render("code", text=text)


def note(level: Level, text: str | Markup, title: str | None = None) -> Markup:
    """A box with a verdict: sign, word and colour say the same.

    Args:
        level: good, careful, bad or note.
        text: What is the matter.
        title: Instead of the level's own word.
    """
    sign, word = WORDS[level]
    return _render("note", level=level, sign=sign, title=title or word, text=text)


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
    return _render(
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
    return _render("picture", source=source, alt=alt, caption=caption, wide=wide)


def grid(blocks: Sequence[Markup], size: Literal["chart", "sample"] = "chart") -> Markup:
    """Blocks beside each other where the screen is wide enough, else below each other."""
    return _render("grid", blocks=blocks, size=size)


def fold(summary: str | Markup, blocks: Sequence[Markup]) -> Markup:
    """Blocks that are shown when somebody asks for them, and in print."""
    return _render("fold", summary=summary, blocks=blocks)


def link(anchor: str, text: str) -> Markup:
    """A link to a section of the page."""
    return _render("link", anchor=anchor, text=text)


def term(name: str, shown: str | None = None) -> Markup:
    """A word that the glossary explains, linked.

    Args:
        name: As the glossary has it.
        shown: As it stands in the text; None: the same.
    """
    assert name in GLOSSARY, name
    return _render("link", anchor=f"term-{_anchor(name)}", text=shown or name)


def _bare(cell: object) -> str:
    return Markup(cell).striptags() if isinstance(cell, Markup) else str(cell)


def _anchor(name: str) -> str:
    return re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")


@cache
def _environment() -> Environment:
    loader = PackageLoader("lightning_modules.evaluation.report", "templates")
    environment = Environment(loader=loader, autoescape=True, trim_blocks=True, lstrip_blocks=True)
    environment.filters["anchor"] = _anchor
    return environment


def _style() -> Markup:
    loader = _environment().loader
    return Markup(loader.get_source(_environment(), "page.css")[0])


def _render(block: str, **values: object) -> Markup:
    if block == "page":
        return Markup(_environment().get_template("page.html").render(values))
    blocks = _blocks()
    return getattr(blocks, block)(**values)


@cache
def _blocks() -> object:
    return _environment().get_template("blocks.html").module
