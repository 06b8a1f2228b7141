"""Adding figures in a real browser: dropped files, a keyword, cancel, the keyboard, and without JavaScript."""

from __future__ import annotations

import base64
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

pytest.importorskip("fastapi", reason="the extra web is not installed")
pytest.importorskip("playwright.sync_api", reason="playwright is not installed")

from playwright.sync_api import Browser

from tests.support.job_site import SECONDS, empty_index, ingest_site, small_picture
from tests.support.serving import ServedArticle, ServedFigure, Server, WorldWriter, random_png, run_server
from tests.support.web_site import start_server
from tests.web.test_browser import CHROMIUM, Watched, browser

__all__ = ["browser"]
pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(CHROMIUM is None or shutil.which("ps") is None, reason="chromium is not installed"),
]


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    world = WorldWriter(tmp_path_factory.mktemp("world"))
    world.add(ServedArticle(710_001, [ServedFigure(data=random_png(7))]))
    with run_server(world.write()) as server:
        yield server


@pytest.fixture(scope="module")
def adding(tmp_path_factory: pytest.TempPathFactory, service: Server) -> Iterator[str]:
    """The address of a server that figures may be added to."""
    folder = tmp_path_factory.mktemp("adding")
    with pytest.MonkeyPatch.context() as patch:
        for name, value in {**service.environment, "MIRSEARCH_CACHE": str(folder / "cache")}.items():
            patch.setenv(name, value)
        site = ingest_site(empty_index(str(folder / "index")))
        yield start_server(site)
        site.close()


DROP = """(files) => {
    const held = new DataTransfer();
    for (const [name, data] of files) {
        const bytes = Uint8Array.from(atob(data), (char) => char.charCodeAt(0));
        held.items.add(new File([bytes], name));
    }
    document.querySelector(".drop").dispatchEvent(
        new DragEvent("drop", { dataTransfer: held, bubbles: true, cancelable: true }));
}"""


def test_dropped_files_are_watched_until_they_are_in(browser: Browser, adding: str) -> None:
    watched = Watched(browser, adding)
    page = watched.page
    page.goto(adding)
    page.locator("nav a", has_text="Add").click()
    page.wait_for_url("**/add")  # and for its scripts: a file dropped earlier would fall on the page before
    files = {"rods.png": small_picture(201), "torn.png": b"\x89PNG torn", "more.png": small_picture(202)}
    page.evaluate(DROP, [[name, base64.b64encode(data).decode()] for name, data in files.items()])
    page.wait_for_selector(".picked li >> nth=2")
    assert "3 files" in page.locator(".upload-state").inner_text()
    page.keyboard.press("Enter")  # the button has the focus
    page.wait_for_selector(".job-page[data-job]")
    page.wait_for_selector(".job-state.is-done", timeout=1_000 * SECONDS)
    assert page.locator(".job-figures a").count() == 2
    assert "torn.png" in page.locator(".failures tbody").inner_text()
    assert "2 new figures · 2 panels · 1 failed" in page.locator(".job-counts").inner_text()
    page.locator(".job-figures a").first.click()
    page.wait_for_selector(".figure-page")
    assert watched.problems == []


def test_a_running_job_is_cancelled_and_goes_on(browser: Browser, adding: str) -> None:
    watched = Watched(browser, adding)
    page = watched.page
    page.goto(f"{adding}/add")
    files = [
        {
            "name": f"{number:02}.png",
            "mimeType": "image/png",
            "buffer": small_picture(300 + number, 900 if number < 5 else 72),
        }
        for number in range(12)  # the first are large enough for a person to cancel it in time
    ]
    page.set_input_files("input[name=files] >> nth=0", files)  # type: ignore[arg-type]
    page.locator("button.clear").click()
    assert page.locator(".picked li").count() == 0
    page.set_input_files("input[name=files] >> nth=0", files[:1])  # type: ignore[arg-type]
    page.evaluate(DROP, [[each["name"], base64.b64encode(each["buffer"]).decode()] for each in files[1:]])  # type: ignore[arg-type]
    page.locator("button.go", has_text="Add files").click()
    page.wait_for_selector("text=of 12 files")
    assert "of 12 files" in page.locator(".job-counts").inner_text()
    page.locator("button", has_text="Cancel").focus()
    page.keyboard.press("Enter")
    page.wait_for_selector(".job-state.is-cancelled")
    page.locator("button", has_text="Go on with the rest").click()
    page.wait_for_selector(".job-state.is-done", timeout=1_000 * SECONDS)
    assert page.locator(".job-figures a").count() == 12
    assert watched.problems == []


def test_all_of_it_works_without_scripts(browser: Browser, adding: str, tmp_path: Path) -> None:
    watched = Watched(browser, adding, scripts=False)
    page = watched.page
    page.goto(f"{adding}/add")
    page.fill("input[name=keyword]", "nano")
    page.fill("input[name=max_figures]", "many")
    page.locator("button", has_text="Look for figures").click()
    assert "max_figures" in page.locator("[role=alert]").inner_text()
    assert page.locator("input[name=keyword]").input_value() == "nano"
    page.fill("input[name=max_figures]", "5")
    page.locator("button", has_text="Look for figures").click()
    page.wait_for_selector(".job-state.is-done", timeout=1_000 * SECONDS)  # the page loads itself anew
    assert page.locator(".job-figures a").count() == 1
    assert "1 articles taken" in page.locator(".notes").inner_text()
    page.locator("a", has_text="Add more").click()
    picture = tmp_path / "plain.png"
    picture.write_bytes(small_picture(205))
    page.set_input_files("input[name=files] >> nth=0", picture)
    page.locator("button", has_text="Add files").click()
    page.wait_for_selector(".job-state.is-done", timeout=1_000 * SECONDS)
    page.locator("a", has_text="All jobs").click()
    assert page.locator("table.jobs tbody tr").count() >= 2
    assert all("422" in problem for problem in watched.problems)  # the value that was wrong
