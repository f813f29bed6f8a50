"""One page that tells all about a run, and tells nobody else."""

import base64
import json
import re
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path

import pytest
from report_folder import make_folder, make_table

from lightning_modules.evaluation.report import ReportOptions, write_report

ROOT = Path(__file__).parents[1]
HOSTILE = "<script>alert('a')</script>"
MARKUP = '"><img src=x onerror=alert(1)>'
VOID = {"meta", "link", "img", "br"}


class Page(HTMLParser):
    """Elements with their attributes; refuses what is not closed in order."""

    def __init__(self, text):
        super().__init__()
        self.elements, self.open, self.text = [], [], ""
        self.feed(text)
        self.close()

    def handle_starttag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.text += data

    def all(self, attribute):
        return [attrs[attribute] for _, attrs in self.elements if attribute in attrs]


def read(folder, **options):
    text = write_report(folder, ReportOptions(**options)).read_text(encoding="utf-8")
    return text, Page(text)


def decode(text):
    """The page with what its pictures hold; a name may hide there."""
    parts = re.findall(r"base64,([A-Za-z0-9+/=]+)", text)
    return text + "".join(base64.b64decode(part).decode("latin-1") for part in parts)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return make_folder(tmp_path_factory.mktemp("report") / "run", make_table())


@pytest.fixture(scope="module")
def page(folder):
    return read(folder)


def test_every_section_is_there_in_the_order_of_reading(page):
    titles = re.findall(r"<h2>\d+\. (.*?)</h2>", page[0])
    assert titles == [
        *("In one look", "What was trained", "Data sheet", "Learning curves", "Scores"),
        *("Curves and probabilities", "Slices and groups", "How much of it is background"),
        *("Mistakes and doubtful images", "Warnings", "Glossary"),
    ]


def test_the_page_is_well_formed_and_every_link_stays_in_it(page):
    text, parsed = page
    assert parsed.open == []
    targets = set(parsed.all("id"))
    for link in parsed.all("href"):
        assert link == "data:," or link.removeprefix("#") in targets, link
    assert all(source.startswith("data:image/") for source in parsed.all("src"))
    assert not re.search(r"https?://|@import|url\(", text)
    assert "script" not in {tag for tag, _ in parsed.elements}


def test_every_picture_says_what_it_shows(page):
    pictures = [attrs for tag, attrs in page[1].elements if tag == "img"]
    assert len(pictures) > 8 and all(attrs["alt"] for attrs in pictures)


def test_the_command_stands_there_with_its_seed(page):
    assert "python scripts/train.py data=manifest seed=7" in page[0]


def test_the_same_files_give_the_same_page(folder, page):
    assert read(folder)[0] == page[0]


def test_names_are_shown_as_text_whatever_they_are(tmp_path):
    table = make_table(classes=(HOSTILE, MARKUP, "$x_{", "{{ 7 * 7 }}"), num_groups=6)
    table.groups[:] = [f"{MARKUP}{n % 6}" for n in range(len(table))]
    table.ids = [f"{HOSTILE}{n}" for n in range(len(table))]
    facts = {"warnings": [HOSTILE]}
    text, parsed = read(make_folder(tmp_path / "run", table, facts=facts))
    assert "script" not in {tag for tag, _ in parsed.elements}
    assert not [name for _, attrs in parsed.elements for name in attrs if name.startswith("on")]
    assert HOSTILE in parsed.text and MARKUP in parsed.text and "{{ 7 * 7 }}" in parsed.text
    assert HOSTILE not in text


def test_hashed_names_leave_no_group_and_no_image_anywhere(tmp_path):
    table = make_table()
    facts = {"warnings": ["patient03 is odd: pictures/patient03/photo0003.jpg, /data/patient04/x"]}
    metrics = {"test_groups": {"cat, subject patient05": {"images": 20, "accuracy": 0.5}}}
    folder = make_folder(tmp_path / "run", table, metrics, facts)
    (folder / "split.csv").write_text("id,split,label,group,content\nz.jpg,train,cat,patient99,1\n")
    plain, hashed = decode(read(folder)[0]), decode(read(folder, hash_groups=True)[0])
    for name in {*table.groups.tolist(), *table.ids, "photo0003"}:
        assert name not in hashed
    assert "patient03" in plain
    assert "salted hash" in hashed
    salt = (folder / "report_salt.txt").read_text().strip()
    assert len(salt) == 32 and salt not in hashed
    assert decode(read(folder, hash_groups=True)[0]) == hashed


def test_hashes_of_another_folder_are_others(tmp_path):
    pages = [read(make_folder(tmp_path / name, make_table()), hash_groups=True)[0] for name in "ab"]
    groups = [set(re.findall(r"group [0-9a-f]{10}", text)) for text in pages]
    assert len(groups[0]) == 12 and not groups[0] & groups[1]


def test_without_images_no_picture_of_the_data_is_left(folder):
    text, _ = read(folder, images=False)
    assert "data:image/png" not in text and "data:image/jpeg" not in text
    assert "data:image/svg+xml" in text


def test_a_picture_is_never_read_from_outside_the_folder(tmp_path):
    folder = make_folder(tmp_path / "run", make_table())
    (tmp_path / "secret.png").write_bytes(b"secret of another")
    sheet = json.loads((folder / "examples" / "examples.json").read_text())
    for section in sheet["sections"]:
        section["examples"][0]["pictures"] = [{"file": "../../secret.png", "caption": ""}]
    (folder / "examples" / "examples.json").write_text(json.dumps(sheet))
    assert b"secret of another".decode() not in decode(read(folder)[0])


def test_a_large_test_makes_no_large_page(tmp_path):
    names = [f"class{n:02d}" for n in range(40)]
    table = make_table(num=20_000, classes=names, num_groups=2_000)
    assert len(read(make_folder(tmp_path / "run", table))[0]) < 2_000_000


def test_a_run_without_a_test_has_a_page_too(tmp_path):
    folder = make_folder(tmp_path / "run", make_table())
    for name in ("predictions.csv", "preview.png", "facts.json", "metrics.json"):
        (folder / name).unlink()
    assert "It was not tested" in read(folder)[0]


def test_a_report_needs_no_torch():
    code = "import sys, lightning_modules.evaluation.report as r; r.write_report; r.ReportOptions;"
    code += "sys.exit(any(m in sys.modules for m in ('torch', 'lightning', 'matplotlib')))"
    command = [sys.executable, "-c", f"import sys; sys.path[:0] = [{str(ROOT)!r}]; {code}"]
    assert subprocess.run(command, check=False).returncode == 0
