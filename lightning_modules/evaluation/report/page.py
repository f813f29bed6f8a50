"""The page: its sections, and a glossary of the terms that they use.

It holds its pictures and its style in itself, runs no script, and forbids the browser every
request.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup

from lightning_modules.evaluation.report.glossary import GLOSSARY
from lightning_modules.evaluation.report.rendering import render_block, render_whole, to_anchor

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
    glossary = {name: text for name, text in GLOSSARY.items() if to_anchor(name) in used}
    if glossary:
        lead = "The words of this page that are linked, in plain language."
        shown.append(
            Section("glossary", "Glossary", [render_block("glossary", entries=glossary)], lead)
        )
    return render_whole(title=title, subtitle=subtitle, sections=shown)
