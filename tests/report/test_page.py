"""The HTML page: self-contained, escaped, and working in a browser under its own policy."""

from __future__ import annotations

import base64
import hashlib
import html
import json
import re
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from html.parser import HTMLParser
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jinja2 import Environment, UndefinedError
from markupsafe import Markup

from mirsearch.corpus import Panel
from mirsearch.errors import MirsearchError
from mirsearch.report import page
from mirsearch.report.framing import figure_map, frame_picture
from mirsearch.report.page import page_html, write_page
from mirsearch.report.pictures import Picture
from mirsearch.report.rendering import embed_asset, render_partial, template_environment
from mirsearch.report.wording import clean_text
from tests.support.report_answers import make_answer, parts_answer

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
FLAGS = (
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync",
    "--disable-background-networking", "--disable-component-update", "--disable-dev-shm-usage",
    "--enable-logging=stderr", "--virtual-time-budget=4000",
)  # fmt: skip
BROWSER_SECONDS = 120


class Elements(HTMLParser):
    """Collects every start tag with its attributes, and the text outside of style and script."""

    def __init__(self, document: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self._inside = ""
        self.feed(document)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))
        self._inside = tag

    def handle_endtag(self, tag: str) -> None:
        self._inside = ""

    def handle_data(self, data: str) -> None:
        if self._inside not in {"style", "script"}:
            self.text += data


def test_the_page_loads_nothing(tmp_path: Path) -> None:
    elements = Elements(page_html([make_answer(folder=tmp_path)]))
    for tag, attributes in elements.found:
        for name in ("src", "href", "srcset", "action", "style", "data", "poster"):
            value = attributes.get(name) or ""
            anchor = tag == "a" and (value.startswith(("https://", "http://", "#")))
            assert not value or anchor or value.startswith("data:"), (tag, name, value[:80])
        assert not any(name.startswith("on") for name in attributes)
    assert {tag for tag, _ in elements.found} & {"iframe", "object", "embed", "base", "img"} == set()


def test_the_policy_allows_exactly_this_style_and_script() -> None:
    document = page_html([make_answer()])
    policy = next(a["content"] for t, a in Elements(document).found if a.get("http-equiv") == "Content-Security-Policy")
    assert policy is not None
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    for tag in ("style", "script"):
        content = re.findall(f"<{tag}>(.*?)</{tag}>", document, re.S)
        assert len(content) == 1
        digest = base64.b64encode(hashlib.sha256(content[0].encode()).digest()).decode()
        assert f"{tag}-src 'sha256-{digest}'" in policy


def test_hostile_text_stays_text() -> None:
    document = page_html([make_answer()], ["<b>title</b>"])
    elements = Elements(document)
    assert [tag for tag, _ in elements.found].count("script") == 1
    assert "b" not in {tag for tag, _ in elements.found}
    assert "<script>window.pwned=1</script>" in elements.text
    assert not set(document) & set("\u202e\u202c\x1b\x07\x00\ud800")
    assert "javascript:" not in document
    document.encode("utf-8")


@settings(max_examples=60, deadline=None)
@given(st.text(max_size=80), st.text(max_size=30))
def test_values_never_become_markup(text: str, key: str) -> None:
    source = '<p title="{{ text }}" data-x="{{ key }}">{{ text }}{{ text }}{{ key }}</p>'
    parsed = Elements(template_environment().from_string(source).render(text=text, key=key))
    assert [tag for tag, _ in parsed.found] == ["p"]
    assert parsed.text.replace(" ", "") == (clean_text(text) * 2 + clean_text(key)).replace(" ", "")
    cleaned = clean_text(text)
    assert parsed.found[0][1]["title"] in {cleaned, f" {cleaned}", f"{cleaned} ", f" {cleaned} "}


class _OwnText(str):
    __slots__ = ()


@settings(max_examples=150, deadline=None)
@given(
    st.text(max_size=30) | st.text("a &<>\"'\x00\u00b5", max_size=6) | st.integers() | st.floats() | st.booleans()
    | st.none() | st.text("a<\u202e", max_size=4).map(Markup) | st.text("a< ", max_size=4).map(_OwnText)
)  # fmt: skip
def test_values_are_shown_as_jinja_itself_would_show_them(value: object) -> None:
    slow = Environment(autoescape=True, finalize=template_environment().finalize)
    source = "{{ value }}|{% macro twice(x) %}{{ x }}{{ x }}{% endmacro %}{{ twice(value) }}"
    assert template_environment().from_string(source).render(value=value) == slow.from_string(source).render(
        value=value
    )


def test_the_templates_call_one_function_for_each_value() -> None:
    code = template_environment().compile("{{ value }}", raw=True)
    assert "environment.shown((" in code
    assert "finalize(" not in code


def test_every_template_escapes_every_value() -> None:
    environment = template_environment()
    assert len(environment.list_templates()) >= 10
    for name in environment.list_templates():
        source = (environment.loader.get_source(environment, name) if environment.loader else ("",))[0]
        assert environment.autoescape is True
        assert not re.search(r"\|\s*(safe|tojson|xmlattr)|autoescape|\bMarkup\b", source), name
        assert not re.search(r"=\s*\{\{", source), f"{name}: an attribute without quotes"
        assert not re.search(r"\s(on\w+|style)=", source), f"{name}: the policy would refuse this attribute"


def test_a_missing_value_is_an_error() -> None:
    with pytest.raises(UndefinedError):
        template_environment().from_string("{{ page.titel }}").render(page={"title": "x"})


def test_the_command_line_starts_without_templates() -> None:
    code = "import sys, mirsearch.cli, mirsearch.report.page; print('jinja2' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"


def test_style_and_script_cannot_close_themselves() -> None:
    with pytest.raises(ValueError, match="closes its own"):
        embed_asset("script", "let a = '</SCRIPT>'")


def test_cards_explain_their_short_names() -> None:
    document = page_html([make_answer()])
    legend = document[document.index('<dl class="legend"') :]
    names = re.findall(r"<dt>(\w+)</dt>", legend[: legend.index("</dl>")])
    assert names == ["s", "view", "vd"]
    assert "visual distance: 0 is the same picture, 1 an unrelated one" in legend
    words_only = page_html([make_answer(image=False, scale=False)])
    assert "<dt>vd</dt>" not in words_only
    assert 'class="legend"' not in page_html([make_answer(count=0)])


def test_missing_terms_differ_from_zero() -> None:
    document = page_html([make_answer()])
    assert "not known" in document
    assert "not asked" not in document
    assert "not asked" in page_html([make_answer(image=False, scale=False)])
    zero = Elements(page_html([make_answer(text="zeolite", image=False, scale=False, count=8)]))
    assert zero.text.count("not known") >= 1  # the license of an article


def test_words_are_marked_and_articles_linked() -> None:
    document = page_html([make_answer()])
    assert "<mark>Carbon</mark>" in document
    assert "<mark>nanotubes</mark>" in document
    links = [attributes for tag, attributes in Elements(document).found if tag == "a"]
    assert {"https://doi.org/10.1000/x0", "https://doi.org/10.1000/x1"} <= {link["href"] for link in links}
    assert "https://creativecommons.org/licenses/by/4.0/" in {link["href"] for link in links}
    assert all("noopener" in (link.get("rel") or "") for link in links if not (link["href"] or "").startswith("#"))
    assert "retracted" in Elements(document).text
    assert "CC BY-NC 3.0" in Elements(document).text


def test_pictures_have_descriptions() -> None:
    scenes = [a for t, a in Elements(page_html([make_answer()])).found if a.get("role") == "img"]
    assert len(scenes) == 7
    assert all(len(scene["aria-label"] or "") > 8 for scene in scenes)


def drawn_frame(picture: Picture | None, nm_per_px: float | None) -> str:
    return render_partial("picture", frame_picture(picture, nm_per_px, "a picture"))


def rulers(document: str) -> list[tuple[float, str]]:
    """Return length (frame units) and label of every ruler in the document."""
    found = re.findall(r'<g class="ruler"><rect[^>]*width="([\d.]+)"[^>]*></rect><text[^>]*>([^<]*)</text>', document)
    return [(float(width), label) for width, label in found]


@pytest.mark.parametrize(
    ("width", "height", "nm_per_px", "label"),
    [(400, 300, 1.0, "100 nm"), (800, 600, 2.5, "500 nm"), (200, 600, 1.0, "200 nm"), (1000, 100, 0.01, "2 nm"),
     (640, 480, 4000.0, "1 mm")],
)  # fmt: skip
def test_rulers_are_as_long_as_they_say(width: int, height: int, nm_per_px: float, label: str) -> None:
    ((units, text),) = rulers(drawn_frame(Picture(b"", width, height), nm_per_px))
    assert text == label
    shown = min(400 / width, 300 / height)  # frame units a pixel
    value, unit = text.split()
    assert units / shown * nm_per_px == pytest.approx(float(value) * {"nm": 1, "µm": 1e3, "mm": 1e6}[unit], rel=1e-4)
    assert 60 <= units <= 161


@pytest.mark.parametrize("nm_per_px", [None, 0.0, -1.0, float("nan"), float("inf")])
def test_no_ruler_without_a_scale(nm_per_px: float | None) -> None:
    drawn = drawn_frame(Picture(b"", 40, 30), nm_per_px)
    assert rulers(drawn) == []
    assert "scale not known" in drawn
    assert "data-nm" not in drawn


def test_no_ruler_without_a_picture() -> None:
    drawn = drawn_frame(None, 2.0)
    assert rulers(drawn) == []
    assert "no picture available" in drawn
    assert "scale not known" not in drawn
    assert "data-nm" not in drawn


def test_cards_tell_parts_headings_doubtful_scales_and_lone_bars() -> None:
    elements = Elements(page_html([parts_answer()]))
    for words in ("b, part 2", "DAPI <i>", "inset of b1", "scale doubtful: 500 nm?", "bar 38.8 px, length unknown",
                  "and 3 more of Fig.", "mirsearch correct", "from the bar in another image of b"):  # fmt: skip
        assert words in elements.text
    assert "Cryo-TEM" not in elements.text
    legend = elements.text[: elements.text.index("b, part 1")]
    assert "doubtful, not used for ranking" in legend
    assert "bar whose length is unknown" in legend


def test_a_card_maps_its_panel_in_the_figure() -> None:
    answer = parts_answer()
    roles = [a.get("class") for tag, a in Elements(page_html([answer])).found if tag == "rect"]
    assert [roles.count(role) for role in ("figure", "letter", "panel", "other")] == [4, 4, 4, 3]
    figure, panel = answer.hits[0].stored.figure, answer.hits[0].stored.panel
    outline, _, own = figure_map(figure, panel)
    assert outline.width / outline.height == pytest.approx(figure.width / figure.height)
    assert own.width / outline.width == pytest.approx(panel.width / figure.width)
    assert outline.x + outline.width < 400
    assert figure_map(figure, Panel((0, 0, 1000, 800))) == ()


def test_several_answers_are_sections_with_titles() -> None:
    document = page_html([make_answer(), make_answer(text=None)], ["First"])
    assert document.count('<section class="answer"') == 2
    assert ">First</h2>" in document
    assert "Looks like query &lt;b&gt;.png, 1 µm across" in document
    assert page_html([]).count("<section") == 0
    assert "No panel was found" in page_html([make_answer(count=0)])


def test_an_unwritable_page_names_the_cause(tmp_path: Path) -> None:
    with pytest.raises(MirsearchError, match="can't write the page") as caught:
        write_page([make_answer(count=1)], tmp_path / "missing" / "page.html")
    assert caught.value.remedy
    write_page(make_answer(count=1), tmp_path / "page.html")
    assert (tmp_path / "page.html").read_bytes().startswith(b"<!doctype html>")


def test_many_hits_keep_the_page_small(tmp_path: Path) -> None:
    answer = make_answer(count=64, folder=tmp_path)
    small = base64.b64encode(answer.hits[0].thumbnail or b"").decode()
    assert small in page_html([answer])
    assert small not in page_html([make_answer(count=6, folder=tmp_path)])


def test_a_page_shows_a_limited_number_of_hits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(page, "MAX_HITS", 3)
    document = page_html([make_answer(count=5)])
    assert document.count('<li class="hit"') == 3
    assert "the first 3 of 5 hits are shown" in document


PROBE = """
(async () => {
  const results = {hidden: document.querySelector('.controls').hidden, pwned: String(window.pwned)};
  const each = (selector, get) => Array.from(document.querySelectorAll(selector), get);
  const bars = () => each('main .scene[data-nm] .ruler rect', (bar) => Number(bar.getAttribute('width')));
  const labels = () => each('main .scene[data-nm] .ruler text', (label) => label.textContent);
  results.ownBars = bars();
  const perNm = () => Array.from(document.querySelectorAll('main .scene[data-nm]'), (scene) => {
    const [, , w, h] = scene.querySelector('.view').getAttribute('viewBox').split(' ').map(Number);
    return Math.min(400 / w, 300 / h) / Number(scene.dataset.nm);
  });
  results.ownPerNm = perNm(); results.ownLabels = labels();
  document.querySelector('.same').click();
  results.bars = bars(); results.labels = labels(); results.perNm = perNm();
  results.foreign = document.querySelectorAll('main .scene.foreign').length;
  document.querySelector('.same').click();
  results.back = bars();
  const ranks = () => Array.from(document.querySelectorAll('.hits .hit'), (hit) => Number(hit.dataset.rank));
  const sort = document.querySelector('.sort');
  sort.value = 'fov'; sort.dispatchEvent(new Event('change'));
  results.byView = each('.hits .hit', (hit) => hit.dataset.fov === undefined ? null : Number(hit.dataset.fov));
  sort.value = 'rank'; sort.dispatchEvent(new Event('change'));
  results.ranks = ranks();
  document.querySelector('.known').click();
  results.visible = Array.from(document.querySelectorAll('.hits .hit')).filter((hit) => !hit.hidden).length;
  results.status = document.querySelector('.status').textContent;
  document.querySelector('.frame button').click();
  results.dialog = document.querySelector('dialog').open;
  results.sides = document.querySelectorAll('dialog .scene').length;
  document.dispatchEvent(new KeyboardEvent('keydown', {key: 'Escape'}));
  document.querySelector('dialog .next').click();
  results.next = document.querySelector('dialog .hit').dataset.rank;
  document.querySelector('dialog .close').click();
  results.closed = !document.querySelector('dialog').open;
  document.documentElement.dataset.results = JSON.stringify(results);
})();
"""
INTRUDER = """
(async () => {
  let reached = [];
  try { await fetch('/fetched'); reached.push('fetch'); } catch (error) { reached.push('refused'); }
  const picture = new Image(); picture.src = '/picture.png'; document.body.append(picture);
  const script = document.createElement('script');
  script.textContent = 'window.pwned = 2'; document.body.append(script);
  document.documentElement.dataset.results = JSON.stringify({reached, pwned: String(window.pwned)});
})();
"""


@contextmanager
def served(document: str) -> Iterator[tuple[str, list[str]]]:
    """Serve the page on a local server; yield its address and the list of requested paths."""
    requested: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            requested.append(self.path)
            self.send_response(200 if self.path == "/page.html" else 404)
            self.send_header("Content-Type", "text/html; charset=utf-8")
            self.end_headers()
            if self.path == "/page.html":
                self.wfile.write(document.encode())

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/page.html", requested
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def browse(document: str, profile: Path) -> tuple[dict[str, object], list[str], list[str]]:
    """Return what the page reports, what it logged to the console, and which paths it requested from its server."""
    if CHROMIUM is None:
        pytest.skip("chromium is not installed")
    with served(document) as (address, requested):
        command = [CHROMIUM, *FLAGS, f"--user-data-dir={profile}", "--dump-dom", address]
        done = subprocess.run(command, capture_output=True, timeout=BROWSER_SECONDS, check=False)
    dom = done.stdout.decode("utf-8", "replace")
    found = re.search(r'data-results="([^"]*)"', dom)
    assert found is not None, (done.stderr.decode("utf-8", "replace")[-2000:], dom[:500])
    console = [line for line in done.stderr.decode("utf-8", "replace").splitlines() if "CONSOLE" in line]
    return json.loads(html.unescape(found[1])), console, requested


def with_script(monkeypatch: pytest.MonkeyPatch, more: str) -> None:
    """Add lines to the page's own script, and so to the hash in its policy."""
    own = page.read_asset
    monkeypatch.setattr(page, "read_asset", lambda name: own(name) + (more if name.endswith(".js") else ""))


@pytest.mark.browser
def test_the_page_works_in_a_browser(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with_script(monkeypatch, PROBE)
    answer = make_answer(folder=tmp_path)
    document = page_html([answer])
    results, console, requested = browse(document, tmp_path / "profile")
    assert console == []
    assert requested == ["/page.html"]
    assert results["hidden"] is False
    assert results["pwned"] == "undefined"
    known = [hit for hit in answer.hits if hit.stored.panel.scale is not None]
    assert len(results["bars"]) == len(known) + 1  # and the query's
    assert max(results["bars"]) == pytest.approx(min(results["bars"]))
    assert len(set(results["labels"])) == 1
    assert max(results["perNm"]) == pytest.approx(min(results["perNm"]), rel=1e-4)
    assert results["foreign"] == len(answer.hits) - len(known)
    assert results["back"] == pytest.approx(results["ownBars"], rel=1e-4)
    assert results["ownLabels"] == [label for _, label in rulers(document)]
    assert results["ownBars"] == pytest.approx([width for width, _ in rulers(document)], rel=1e-4)
    units = {"nm": 1.0, "µm": 1e3}
    for bar, per_nm, label in zip(results["ownBars"], results["ownPerNm"], results["ownLabels"], strict=True):
        value, unit = label.split()
        assert bar == pytest.approx(float(value) * units[unit] * per_nm, rel=1e-3)
    views = [view for view in results["byView"] if view is not None]
    assert views == sorted(views)
    assert results["byView"][len(views) :] == [None] * (len(answer.hits) - len(views))
    assert results["ranks"] == [hit.rank for hit in answer.hits]
    assert results["visible"] == len(known)
    assert results["status"] == f"{len(known)} of {len(answer.hits)} shown"
    assert (results["dialog"], results["sides"], results["closed"]) == (True, 2, True)
    assert results["next"] == str(known[1].rank)


@pytest.mark.browser
def test_the_policy_holds_against_a_script_that_gets_in(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with_script(monkeypatch, INTRUDER)
    results, console, requested = browse(page_html([make_answer(count=1)]), tmp_path / "profile")
    assert results == {"reached": ["refused"], "pwned": "undefined"}
    assert requested == ["/page.html"]
    assert len(console) >= 3
