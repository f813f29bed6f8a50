"""What pages are built of."""

import re

import numpy as np
import pytest

from lightning_modules.evaluation.report.blocks import (
    bullets,
    code,
    fold,
    heading,
    note,
    paragraph,
    picture,
    sentence,
    table,
    term,
)
from lightning_modules.evaluation.report.figures import add_legend, chart, new_axes, thin
from lightning_modules.evaluation.report.glossary import GLOSSARY
from lightning_modules.evaluation.report.hashed_names import HashedNames
from lightning_modules.evaluation.report.page import Section, render_page
from lightning_modules.evaluation.report.wording import count, decimal, duration, percent

BAD = "<b onclick='x()'>&"


@pytest.mark.parametrize(
    "block",
    [
        paragraph(BAD),
        heading(BAD),
        bullets([BAD]),
        code(BAD),
        note("bad", BAD, BAD),
        table([BAD, BAD], [[BAD, BAD]], BAD),
        picture(b"", "png", BAD, BAD),
        fold(BAD, [paragraph(BAD)]),
        sentence("<i>{word}</i>", word=BAD),
    ],
)
def test_text_stays_text_in_every_block(block):
    assert "<b " not in block and "&lt;b onclick=" in block


def test_the_glossary_has_the_terms_that_are_used_and_no_other():
    page = render_page("t", "s", [Section("a", "A", [paragraph(term("ECE")), paragraph("F1")])])
    assert re.findall(r'<dt id="(.*?)"', page) == ["term-ece"]
    assert 'href="#term-ece"' in page
    with pytest.raises(AssertionError):
        term("no such word")


def test_words_of_the_glossary_have_different_places():
    page = render_page("t", "s", [Section("a", "A", [paragraph(term(name)) for name in GLOSSARY])])
    places = re.findall(r'<dt id="(.*?)"', page)
    assert len(set(places)) == len(GLOSSARY) == len(places)


def test_numbers_stand_to_the_right_and_words_do_not():
    rows = [["x", "12", "94.4 to 99.7 %"], ["y", None, "98.7 % (94 to 99 %)"]]
    shown = table(["a", "b", "c"], rows)
    assert shown.count('<td class="number"') == 4
    assert 'class="number"' not in table(["a", "b"], [["x", "12 apples"]])


def test_a_section_without_content_is_left_out():
    page = render_page("t", "s", [Section("a", "A", []), Section("b", "B", [paragraph("text")])])
    assert "1. B" in page and 'id="a"' not in page


def test_a_curve_is_thinned_and_keeps_its_ends():
    x, y = thin(np.arange(100_000), np.arange(100_000) ** 2)
    assert len(x) <= 500 and x[0] == 0 and x[-1] == 99_999 and (y == x**2).all()
    assert len(thin(np.arange(7))[0]) == 7


def test_a_chart_takes_names_as_they_are_and_is_the_same_each_time():
    def draw():
        axes = new_axes("$x_{", "y")
        axes.plot([0, 1], [0, 1], label="$\\bad{ -- <name>")
        add_legend(axes)
        return chart(axes, "what it shows")

    assert draw() == draw()


def test_a_name_is_hashed_as_a_word_in_a_path_and_within_a_word(tmp_path):
    names = HashedNames(tmp_path, ["anna", "12", "p7", "4711"], ["a/b.jpg"], [])
    said = names.scrub("12 images of anna_left, /data/p7/x.png, a/b.jpg, subject 4711.")
    assert said.startswith("12 images of group ") and "_left" in said
    assert not re.search("anna|p7|b.jpg|4711", said)
    assert names.group("12") != "12" and names.group("a class") == "a class"


def test_numbers_are_written_for_readers():
    assert percent(0.99349) == "99.3\N{NO-BREAK SPACE}%"
    assert percent(-1e-9) == "0.0\N{NO-BREAK SPACE}%" and decimal(-1e-9) == "0.000"
    assert percent(None) is percent(float("nan")) is decimal(float("inf")) is None
    assert count(1, "image") == "1 image" and count(2104, "image") == "2,104 images"
    assert [duration(s) for s in (3.21, 48, 600, 9000)] == ["3.2 s", "48 s", "10 min", "2.5 h"]
