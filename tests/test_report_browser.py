"""The report as a browser shows it, on a screen and on a phone; where there is Chromium."""

import json
import re
import shutil
import subprocess
import threading
from dataclasses import dataclass
from functools import partial
from html import unescape
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer

import pytest
from report_folder import make_folder, make_table

from lightning_modules.evaluation.report import ReportOptions, write_report

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
WIDTHS = (390, 1280)  # CSS pixels of a phone and of a screen
QUIET = (
    *("--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
    *("--enable-logging=stderr", "--virtual-time-budget=20000"),
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
)
# shows the report at each width and says what became of it
LOOK = """<!doctype html><title>look</title><link rel="icon" href="data:,">
{frames}
<script>
addEventListener("load", () => {{
  const found = [...document.querySelectorAll("iframe")].map(frame => {{
    const page = frame.contentDocument, root = page.documentElement;
    for (const fold of page.querySelectorAll("details")) fold.open = true;
    return {{
      pictures: [...page.images].map(one => one.complete && one.naturalWidth > 0 && one.width > 0),
      overflow: root.scrollWidth - root.clientWidth,
      text: page.body.innerText.length,
    }};
  }});
  document.body.textContent = "FOUND" + JSON.stringify(found) + "END";
}});
</script>"""

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="no Chromium here")


class Server(SimpleHTTPRequestHandler):
    """Says nothing."""

    def log_message(self, *_):
        pass


@dataclass
class Seen:
    """What a browser found on the pages, what it said, and whom they asked for something."""

    pages: list
    said: str
    asked: set


def look_at(place, text):
    """Show a page in both widths."""
    (place / "report.html").write_text(text, encoding="utf-8")
    frame = '<iframe width="{}" height="800" src="report.html"></iframe>'
    (place / "look.html").write_text(LOOK.format(frames="".join(map(frame.format, WIDTHS))))
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Server, directory=str(place)))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    net_log, address = place / "net.json", f"http://127.0.0.1:{server.server_port}"
    own = (f"--user-data-dir={place / 'profile'}", f"--log-net-log={net_log}")
    command = [CHROMIUM, *QUIET, *own, "--dump-dom", f"{address}/look.html"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=240, check=False)
    server.shutdown()
    found = re.search("FOUND(.*)END", unescape(done.stdout))
    assert found is not None, done.stderr[-2000:]
    asked = {url.removeprefix(address) for url in asked_by_pages(net_log)}
    return Seen(json.loads(found.group(1)), done.stderr, asked)


def asked_by_pages(net_log):
    """Addresses that a page wanted something from; the browser's own errands have no origin."""
    text = net_log.read_text(errors="replace").rstrip()
    # a browser that ends at once leaves the list open
    log = json.loads(text if text.endswith("}") else text.rstrip(",") + "]}")
    for event in log["events"]:
        parameters = event.get("params", {})
        if parameters.get("initiator", "not an origin") != "not an origin":
            yield parameters["url"]


@pytest.fixture(scope="module")
def text(tmp_path_factory):
    """A report with names that no line can hold."""
    table, long = make_table(), "a_name_without_any_blank_" * 6
    table.class_names[0] = long
    table.groups[:5] = long
    folder = tmp_path_factory.mktemp("run") / "run"
    make_folder(folder, table, facts={"warnings": [long * 3]})
    return write_report(folder, ReportOptions()).read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def seen(tmp_path_factory, text):
    return look_at(tmp_path_factory.mktemp("browser"), text)


def test_every_picture_is_drawn_at_every_width(seen):
    for page in seen.pages:
        assert len(page["pictures"]) > 12 and all(page["pictures"])


def test_no_width_makes_the_page_scroll_sideways(seen):
    assert [page["overflow"] for page in seen.pages] == [0, 0]
    assert all(page["text"] > 5000 for page in seen.pages)


def test_the_browser_complains_of_nothing(seen):
    assert "CONSOLE" not in seen.said


def test_no_request_leaves(seen):
    assert seen.asked == {"/report.html"}


def test_a_page_that_asks_others_or_has_a_broken_picture_would_be_found(tmp_path, text):
    other = '<img src="http://other.invalid/x.png"><script>console.error("no")</script></body>'
    seen = look_at(tmp_path, text.replace("</body>", other))
    assert not seen.pages[0]["pictures"][-1]  # the page's own rule keeps it from being asked for
    assert "CONSOLE" in seen.said
    bare = text.replace("Content-Security-Policy", "nothing").replace("</body>", other)
    (tmp_path / "bare").mkdir()
    assert "http://other.invalid/x.png" in look_at(tmp_path / "bare", bare).asked


@pytest.mark.skipif(shutil.which("pdftotext") is None, reason="no pdftotext here")
def test_in_print_folds_are_open_and_no_heading_ends_a_page(tmp_path, text):
    (tmp_path / "report.html").write_text(text, encoding="utf-8")
    own = (f"--user-data-dir={tmp_path / 'profile'}", "--blink-settings=preferredColorScheme=0")
    paper = ("--no-pdf-header-footer", f"--print-to-pdf={tmp_path / 'report.pdf'}")
    address = (tmp_path / "report.html").as_uri()
    command = [CHROMIUM, *QUIET, *own, *paper, address]
    subprocess.run(command, capture_output=True, timeout=240, check=True)
    read = ["pdftotext", "-layout", str(tmp_path / "report.pdf"), "-"]
    printed = subprocess.run(read, capture_output=True, text=True, check=True).stdout
    headings = {unescape(one) for one in re.findall("<h[23]>(?:\\d+\\. )?(.*?)</h[23]>", text)}
    numbers = re.compile(r"^\s*\d+ ?/ ?\d+\s*$", re.MULTILINE)  # of pages
    pages = [numbers.sub("", page).split("\n") for page in printed.split("\f") if page.strip()]
    pages = [[line.strip() for line in lines if line.strip()] for lines in pages]
    assert "Versions and machine" in printed and re.search(r"torch\s+2", printed)
    assert len(pages) > 5 and len(headings) > 15
    last = {re.sub(r"^\d+\. ", "", lines[-1]) for lines in pages}
    assert not last & headings
