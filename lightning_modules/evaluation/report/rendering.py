"""The templates of a page, and what they turn values into."""

import re
from functools import cache
from typing import Any

from jinja2 import Environment, PackageLoader
from markupsafe import Markup


def render_block(name: str, **values: object) -> Markup:
    """A macro of ``blocks.html``."""
    return getattr(_blocks(), name)(**values)


def render_whole(**values: object) -> str:
    """``page.html`` with the style of ``page.css`` in it."""
    style = Markup(_environment().loader.get_source(_environment(), "page.css")[0])
    return _environment().get_template("page.html").render(values, style=style)


def to_anchor(text: str) -> str:
    """A text as the name of a place in the page: small letters, digits, hyphens."""
    return re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-")


@cache
def _environment() -> Environment:
    loader = PackageLoader("lightning_modules.evaluation.report", "templates")
    environment = Environment(loader=loader, autoescape=True, trim_blocks=True, lstrip_blocks=True)
    environment.filters["anchor"] = to_anchor
    return environment


@cache
def _blocks() -> Any:  # noqa: ANN401
    return _environment().get_template("blocks.html").module
