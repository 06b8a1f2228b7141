"""The pages in a real browser: mouse, keyboard, dropped files, and without JavaScript."""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Iterator

import pytest

pytest.importorskip("fastapi", reason="the extra web is not installed")
playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")

from playwright.sync_api import Browser, Locator, Page, sync_playwright

from mirsearch.corpus import ScaleReading
from mirsearch.indexes import open_index
from tests.support.web_site import Served, open_site, start_server
from tests.web.test_corrections import make_doubtful

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(CHROMIUM is None, reason="chromium is not installed"),
]
WAIT = 30_000
"""Milliseconds for an answer on a busy machine."""


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with sync_playwright() as started:
        browser = started.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox", "--disable-dev-shm-usage"])
        yield browser
        browser.close()


class Watched:
    """A page that notes what it logs and what it requests from elsewhere."""

    def __init__(self, browser: Browser, address: str, scripts: bool = True) -> None:
        context = browser.new_context(java_script_enabled=scripts, viewport={"width": 1200, "height": 900})
        context.set_default_timeout(WAIT)
        self.page: Page = context.new_page()
        self.problems: list[str] = []
        self.page.on("console", lambda message: self.problems.append(message.text))
        self.page.on("pageerror", lambda error: self.problems.append(str(error)))
        self.page.on(
            "request",
            lambda request: None if request.url.startswith((address, "data:")) else self.problems.append(request.url),
        )


def test_words_and_keys(browser: Browser, address: str, served: Served) -> None:
    watched = Watched(browser, address)
    page = watched.page
    page.goto(address)
    page.keyboard.press("/")
    page.keyboard.type("image")
    page.keyboard.press("Enter")
    page.wait_for_selector(".hits .hit")
    assert page.url.endswith("/search?text=image")
    page.locator("body").click(position={"x": 5, "y": 5})
    for key, rank in (("j", "1"), ("j", "2"), ("j", "3"), ("k", "2")):
        page.keyboard.press(key)
        assert page.locator(".hit.current").get_attribute("data-rank") == rank
    page.keyboard.press("+")
    assert page.locator(".controls .same").is_checked()
    labels = page.locator(".hit[data-fov] .ruler text").all_text_contents()
    assert len(set(labels)) == 1, labels
    assert re.fullmatch(r"[\d.]+ [nµm]m", labels[0])
    page.keyboard.press("Enter")
    page.wait_for_selector(".figure-page")
    assert re.search(r"/figures/[0-9a-f]+#panel-", page.url)
    page.locator(".panel:target .links a", has_text="More like this").click()
    page.wait_for_selector(".hits .hit")
    assert "like=" in page.url
    assert watched.problems == []


def test_an_image_is_given_read_cropped_and_dropped(browser: Browser, address: str, served: Served) -> None:
    watched = Watched(browser, address)
    page = watched.page
    page.goto(address)
    page.set_input_files("input[type=file]", served.query)
    page.wait_for_selector(".query .scene")
    assert "image=" in page.url
    page.locator(".reading summary").click()
    assert page.locator(".reading .box.bar").count() == 1
    page.locator(".cropper svg").scroll_into_view_if_needed()
    drawing = page.locator(".cropper svg").bounding_box()
    assert drawing is not None
    x, y = drawing["x"], drawing["y"]
    page.mouse.move(x + 0.2 * drawing["width"], y + 0.2 * drawing["height"])
    page.mouse.down()
    page.mouse.move(x + 0.6 * drawing["width"], y + 0.7 * drawing["height"], steps=4)
    page.mouse.up()
    page.wait_for_url("**crop=**")
    page.wait_for_selector(".reading .box.chosen")
    page.goto(address)
    page.evaluate(
        """async () => {
            const blob = await new Promise((done) => {
                const canvas = document.createElement("canvas");
                canvas.width = canvas.height = 120;
                const pen = canvas.getContext("2d");
                for (let n = 0; n < 400; n += 1) pen.fillRect((n * 37) % 120, (n * 53) % 120, 5, 5);
                canvas.toBlob(done);
            });
            const held = new DataTransfer();
            held.items.add(new File([blob], "dropped.png", { type: "image/png" }));
            document.body.dispatchEvent(new DragEvent("drop", { dataTransfer: held, bubbles: true, cancelable: true }));
        }"""
    )
    page.wait_for_url("**image=**")
    page.wait_for_selector("text=dropped.png")
    assert watched.problems == []


def test_a_bar_is_measured_on_the_image(browser: Browser, address: str, served: Served) -> None:
    watched = Watched(browser, address)
    page = watched.page
    page.goto(address)
    page.set_input_files("input[type=file]", served.query)
    page.wait_for_selector(".query .scene")
    page.locator(".reading summary").click()
    page.locator(".drag-what label", has_text="scale bar").click()
    drawing = page.locator(".cropper svg")
    drawing.scroll_into_view_if_needed()
    frame = drawing.bounding_box()
    assert frame is not None
    page.mouse.move(frame["x"] + 0.2 * frame["width"], frame["y"] + 0.5 * frame["height"])
    page.mouse.down()
    page.mouse.move(frame["x"] + 0.7 * frame["width"], frame["y"] + 0.5 * frame["height"] + 2, steps=5)
    page.mouse.up()
    bar = float(page.locator(".measured input[name=bar_px]").input_value())
    assert bar == pytest.approx(0.5 * float(str(drawing.get_attribute("data-w"))), rel=0.03)
    page.keyboard.type("3 um")
    page.keyboard.press("Enter")
    page.wait_for_url("**scale=3+um**")
    assert {"image", "bar_px", "scale"} <= set(re.findall(r"[?&](\w+)=", page.url))
    assert f"3 µm = {bar:.1f} px" in str(page.locator(".reading .read").text_content())
    assert watched.problems == []


def test_everything_works_without_scripts(browser: Browser, address: str, served: Served) -> None:
    watched = Watched(browser, address, scripts=False)
    page = watched.page
    page.goto(address)
    page.set_input_files("input[type=file]", served.query)
    page.fill("input[name=text]", "image")
    page.locator("summary", has_text="Scale, weights, filters").click()
    page.fill("input[name=field_of_view]", "3 um")
    page.locator("button.go").click()
    page.wait_for_selector(".hits .hit")
    assert {"image", "text", "field_of_view"} <= set(re.findall(r"[?&](\w+)=", page.url))
    page.locator(".facet a", has_text="SEM").click()
    page.wait_for_selector(".facet a.chosen")
    assert "technique=SEM" in page.url
    page.locator(".hit .links a", has_text="Figure").first.click()
    page.wait_for_selector(".figure-page .outlined a")
    page.goto(f"{address}/search?text=image&top=2")
    page.locator("a[rel=next]").click()
    page.wait_for_url("**start=3")
    assert page.locator(".hit").first.get_attribute("data-rank") == "3"
    assert watched.problems == []


def view_box(drawing: Locator) -> list[float]:
    return [float(number) for number in str(drawing.get_attribute("viewBox")).split()]


def test_a_figure_is_looked_at_closely(browser: Browser, address: str, served: Served) -> None:
    watched = Watched(browser, address)
    page = watched.page
    page.goto(f"{address}/figures/{served.stored[0].figure.id}")
    drawing = page.locator("svg.outlined")
    whole = view_box(drawing)
    page.locator(".panel").first.hover()
    assert page.locator(".outlined a.lit").count() == 1
    page.keyboard.press("+")
    page.locator(".zoom button", has_text="+").click()
    zoomed = view_box(drawing)
    assert zoomed[2] == pytest.approx(whole[2] / 1.5**2, rel=1e-3)
    frame = drawing.bounding_box()
    assert frame is not None
    page.mouse.move(frame["x"] + 0.5 * frame["width"], frame["y"] + 0.5 * frame["height"])
    page.mouse.down()
    page.mouse.move(frame["x"] + 0.4 * frame["width"], frame["y"] + 0.5 * frame["height"], steps=4)
    page.mouse.up()
    moved = view_box(drawing)
    assert moved[0] - zoomed[0] == pytest.approx(0.1 * zoomed[2], rel=0.1)
    assert "#" not in page.url  # the drag is no click on a panel
    page.keyboard.press("0")
    assert view_box(drawing) == whole
    assert watched.problems == []


@pytest.mark.parametrize("scripts", [True, False])
def test_handles_of_the_histogram_choose_widths(browser: Browser, address: str, served: Served, scripts: bool) -> None:
    watched = Watched(browser, address, scripts)
    page = watched.page
    page.goto(f"{address}/search?text=image")
    page.locator("input[name=fov_to]").focus()
    page.keyboard.press("End")
    page.keyboard.press("ArrowLeft")
    page.keyboard.press("ArrowLeft")
    if not scripts:
        page.locator(".widths button").click()
    page.wait_for_url("**fov=..*nm")
    most = float(page.url.partition("fov=..")[2].removesuffix("nm"))
    assert most > 1
    assert page.locator(".widths output").last.inner_text() in page.locator(".query").inner_text()
    page.locator(".widths a", has_text="any").click()
    page.wait_for_function("location.search.indexOf('fov') < 0") if scripts else page.wait_for_load_state()
    assert page.url.endswith("/search?text=image")
    assert watched.problems == []


@pytest.mark.parametrize("scripts", [True, False])
def test_hits_are_marked_by_a_person(browser: Browser, address: str, served: Served, scripts: bool) -> None:
    watched = Watched(browser, address, scripts)
    page = watched.page
    page.goto(f"{address}/search?like={served.stored[0].panel.id}")
    before = page.locator(".hit h3 a").all_inner_texts()
    page.locator(".hit .marks a", has_text="Alike").first.click()
    page.wait_for_selector(".marked li")
    assert page.locator(".marked h3").inner_text() == "Marked: from 1 alike"
    if scripts:
        page.keyboard.press("j")
        page.keyboard.press("j")
        page.keyboard.press("n")
    else:
        page.locator(".hit .marks a", has_text="Not alike").nth(1).click()
    page.wait_for_url("**not_alike=**")
    assert page.locator(".marked h3").inner_text() == "Marked: from 1 alike, 1 not"
    assert page.locator(".marked img").count() == 2
    ids = dict(re.findall(r"(alike|not_alike)=([\w-]+)", page.url))
    assert len(ids) == 2
    shown = [str(link.get_attribute("href")) for link in page.locator(".hit .marks a").all()]
    assert shown
    assert not any(link.endswith(f"={panel_id}#answer") for link in shown for panel_id in ids.values())
    page.locator(".marked .undo").first.click()
    page.wait_for_function("location.search.indexOf('&alike=') < 0") if scripts else page.wait_for_load_state()
    assert page.locator(".marked h3").inner_text() == "Marked: from 1 not alike"
    page.locator(".marked a", has_text="Forget all marks").click()
    page.wait_for_selector(".marked", state="detached")
    assert page.locator(".hit h3 a").all_inner_texts() == before
    assert watched.problems == []


@pytest.fixture(scope="module")
def reviewed(served: Served, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, str]]:
    """The address of a server that allows corrections, and the location of its index: a copy with doubtful readings."""
    location = str(tmp_path_factory.mktemp("reviewed") / "index")
    shutil.copytree(served.location, location)
    make_doubtful(location)
    site = open_site(location, allow_corrections=True)
    yield start_server(site), location
    site.close()


def scale_of(location: str, panel_id: str) -> ScaleReading | None:
    index = open_index(location)
    try:
        return index.panels([panel_id])[0].panel.scale
    finally:
        index.close()


def test_a_bar_is_drawn_and_its_length_typed(browser: Browser, reviewed: tuple[str, str]) -> None:
    address, location = reviewed
    watched = Watched(browser, address)
    page = watched.page
    page.goto(f"{address}/corpus")
    page.locator("nav a", has_text="Review").click()
    page.wait_for_url("**/review")
    page.locator("a[rel=next]").click()
    page.wait_for_url("**start=13")
    item = page.locator(".to-review", has_text="doubtful").first
    panel_id = str(item.get_attribute("id")).removeprefix("panel-")
    item.locator(".barred svg").scroll_into_view_if_needed()
    drawing = item.locator(".barred svg").bounding_box()
    assert drawing is not None
    x, y = drawing["x"] + 0.3 * drawing["width"], drawing["y"] + 0.5 * drawing["height"]
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.move(x + 0.3 * drawing["width"], y + 4, steps=5)
    page.mouse.up()
    measured = float(item.locator("input[name=bar_px]").input_value())
    page.keyboard.type("2 um")
    item.locator("select[name=kind]").select_option("map")
    item.locator("button.go").click()
    page.wait_for_selector(".done")
    scale = scale_of(location, panel_id)
    assert scale is not None
    assert (scale.length_nm, scale.length_px, scale.source) == (2000.0, measured, "user")
    assert scale.bar is not None
    assert scale.bar[2] - scale.bar[0] == measured
    page.locator(".done button").click()
    page.wait_for_selector(".done", state="detached")
    assert scale_of(location, panel_id) is None
    assert watched.problems == []


def test_a_bar_is_drawn_with_a_finger(browser: Browser, reviewed: tuple[str, str]) -> None:
    address, _ = reviewed
    context = browser.new_context(has_touch=True, is_mobile=True, viewport={"width": 400, "height": 800})
    page = context.new_page()
    page.goto(f"{address}/review")
    item = page.locator(".to-review").first
    item.locator(".barred svg").scroll_into_view_if_needed()
    drawing = item.locator(".barred svg").bounding_box()
    assert drawing is not None
    hand = context.new_cdp_session(page)

    def touch(kind: str, x: float, y: float) -> None:
        points = [] if kind == "touchEnd" else [{"x": x, "y": y}]
        hand.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})

    x, y = drawing["x"] + 0.3 * drawing["width"], drawing["y"] + 0.5 * drawing["height"]
    touch("touchStart", x, y)
    for step in range(1, 9):
        touch("touchMove", x + 12 * step, y)
    touch("touchEnd", x, y)
    page.wait_for_function("() => document.querySelector('.to-review input[name=bar_px]').value > 0")
    shown = drawing["width"] / float(item.locator(".barred svg").get_attribute("data-w") or 1)
    assert float(item.locator("input[name=bar_px]").input_value()) == pytest.approx(96 / shown, rel=0.1)
    scrolled = page.evaluate("window.scrollY")
    drawing = item.locator(".barred svg").bounding_box()
    assert drawing is not None
    page.evaluate("document.querySelector('.to-review input[name=bar_px]').value = ''")
    x, y = drawing["x"] + 0.5 * drawing["width"], drawing["y"] + 0.8 * drawing["height"]
    touch("touchStart", x, y)
    for step in range(1, 12):
        touch("touchMove", x, y - 20 * step)
        page.wait_for_timeout(20)
    touch("touchEnd", x, y)
    page.wait_for_function(f"() => window.scrollY > {scrolled}")
    assert item.locator("input[name=bar_px]").input_value() == ""
    context.close()


def test_readings_are_put_right_without_scripts(browser: Browser, reviewed: tuple[str, str]) -> None:
    address, location = reviewed
    watched = Watched(browser, address, scripts=False)
    page = watched.page
    page.goto(f"{address}/review?start=13")
    item = page.locator(".to-review", has_text="doubtful").first
    panel_id = str(item.get_attribute("id")).removeprefix("panel-")
    item.locator("input[name=scale]").fill("much")
    item.locator("button.go").click()
    assert "much" in page.locator("[role=alert]").inner_text()
    assert page.locator("input[name=scale]").input_value() == "much"
    page.locator("input[name=scale]").fill("3 um")
    page.locator("input[name=bar_px]").fill("60")
    page.locator("button.go").click()
    page.wait_for_selector(".done")
    scale = scale_of(location, panel_id)
    assert scale is not None
    assert scale.nm_per_px == 50.0
    assert all("400" in problem for problem in watched.problems)  # the value that was wrong


def test_the_next_hits_come_by_themselves(browser: Browser, address: str) -> None:
    watched = Watched(browser, address)
    page = watched.page
    page.goto(f"{address}/search?technique=SEM&top=5")
    page.locator(".controls .same").check()
    page.wait_for_function(
        "() => { scrollTo(0, document.body.scrollHeight); return !document.querySelector('.pager a[rel=next]'); }"
    )
    ranks = page.locator(".hit").evaluate_all("hits => hits.map((hit) => Number(hit.dataset.rank))")
    assert len(ranks) > 6
    assert ranks == list(range(1, len(ranks) + 1))
    assert page.locator(".hit .frame button").count() == len(ranks)
    labels = page.locator(".hit[data-fov] .ruler text").all_text_contents()
    assert len(set(labels)) == 1, labels
    assert watched.problems == []


def test_a_wrong_value_is_told_on_the_page(browser: Browser, address: str) -> None:
    watched = Watched(browser, address)
    page = watched.page
    page.goto(f"{address}/search?text=image&year=soon")
    assert "is not a year" in page.locator("[role=alert]").inner_text()
    assert page.locator("input[name=text]").input_value() == "image"
    assert os.environ.get("HOME", "/root") not in page.content()
