"""The flows of a person in a real browser once more, on an index of Elasticsearch with the same corpus."""

from __future__ import annotations

import shutil
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

pytest.importorskip("fastapi", reason="the extra web is not installed")
pytest.importorskip("playwright.sync_api", reason="playwright is not installed")

from playwright.sync_api import Browser

from mirsearch import settings
from mirsearch.indexes import open_index
from mirsearch.transfer.copying import copy_index
from mirsearch.web.access import make_access
from mirsearch.web.apart import Parts
from mirsearch.web.corpus import Corpus, Loaders
from mirsearch.web.site import Site
from tests.support.serving import Server
from tests.support.web_site import Served, new_shared, start_server
from tests.web import test_browser as flows
from tests.web import test_jobs_browser as adding_flows
from tests.web.test_browser import CHROMIUM, browser
from tests.web.test_corrections import make_doubtful
from tests.web.test_jobs_browser import service

__all__ = ["browser", "service"]
pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(CHROMIUM is None or shutil.which("ps") is None, reason="chromium is not installed"),
]


@pytest.fixture(scope="module")
def on_cluster(
    es_url: str, served: Served, site: Site, service: Server, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[str, str]]:
    """The address of a server that allows corrections and adding, and the location of its index: a copy of `served`."""
    from mirsearch.indexes.elasticsearch.admin import drop_index

    location = f"{es_url}/test-{uuid.uuid4().hex[:12]}"
    source = open_index(served.location)
    target = open_index(location, create=source.extractor)
    copy_index(source, target)
    source.close()
    target.close()
    make_doubtful(location)
    with pytest.MonkeyPatch.context() as patch:
        for name, value in service.environment.items():
            patch.setenv(name, value)
        patch.setenv("MIRSEARCH_CACHE", str(tmp_path_factory.mktemp("cache")))
        patch.setenv("MIRSEARCH_WORKSPACE", str(tmp_path_factory.mktemp("workspace")))
        loaders = Loaders(lambda _: site.corpus.extractor(), Parts(settings.DEFAULT_OCR, settings.DEFAULT_SCALEBARS))
        on_cluster = Site(Corpus(location, loaders), make_access("127.0.0.1"), new_shared(), True, ())
        yield start_server(on_cluster), location
        on_cluster.close()
    drop_index(location)


Flow = Callable[..., None]
ASKING: list[Flow] = [
    flows.test_words_and_keys,
    flows.test_an_image_is_given_read_cropped_and_dropped,
    flows.test_a_bar_is_measured_on_the_image,
    flows.test_a_figure_is_looked_at_closely,
    flows.test_everything_works_without_scripts,
]
MARKING: list[Flow] = [flows.test_handles_of_the_histogram_choose_widths, flows.test_hits_are_marked_by_a_person]
REVIEWING: list[Flow] = [
    flows.test_a_bar_is_drawn_and_its_length_typed,
    flows.test_a_bar_is_drawn_with_a_finger,
    flows.test_readings_are_put_right_without_scripts,
]


def _name(flow: Flow) -> str:
    return flow.__name__.removeprefix("test_")


@pytest.mark.parametrize("flow", ASKING, ids=_name)
def test_asking(flow: Flow, browser: Browser, on_cluster: tuple[str, str], served: Served) -> None:
    flow(browser, on_cluster[0], served)


@pytest.mark.parametrize("scripts", [True, False])
@pytest.mark.parametrize("flow", MARKING, ids=_name)
def test_marking(flow: Flow, scripts: bool, browser: Browser, on_cluster: tuple[str, str], served: Served) -> None:
    flow(browser, on_cluster[0], served, scripts=scripts)


@pytest.mark.parametrize("flow", REVIEWING, ids=_name)
def test_reviewing(flow: Flow, browser: Browser, on_cluster: tuple[str, str]) -> None:
    flow(browser, on_cluster)


def test_the_next_hits_come_by_themselves(browser: Browser, on_cluster: tuple[str, str]) -> None:
    flows.test_the_next_hits_come_by_themselves(browser, on_cluster[0])


def test_dropped_files_are_watched_until_they_are_in(browser: Browser, on_cluster: tuple[str, str]) -> None:
    adding_flows.test_dropped_files_are_watched_until_they_are_in(browser, on_cluster[0])


def test_a_running_job_is_cancelled_and_goes_on(browser: Browser, on_cluster: tuple[str, str]) -> None:
    adding_flows.test_a_running_job_is_cancelled_and_goes_on(browser, on_cluster[0])


def test_all_of_it_works_without_scripts(browser: Browser, on_cluster: tuple[str, str], tmp_path: Path) -> None:
    adding_flows.test_all_of_it_works_without_scripts(browser, on_cluster[0], tmp_path)
