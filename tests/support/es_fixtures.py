"""Fixtures for a real Elasticsearch. conftest.py makes them available to every test."""

from __future__ import annotations

import os
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.support.es_node import Node
from tests.support.es_release import DEFAULT_RELEASE, RELEASES, NoNodeError, ensure_home, find_jdk


def node_or_skip(**options: object) -> Node:
    """Return a node that can be started; else skip the test, or fail it if MIRSEARCH_REQUIRE_ES is 1."""
    release = RELEASES[os.environ.get("MIRSEARCH_TEST_ES_VERSION", DEFAULT_RELEASE)]
    try:
        find_jdk(release.jdk)
        ensure_home(release)
    except NoNodeError as reason:
        if os.environ.get("MIRSEARCH_REQUIRE_ES") == "1":
            pytest.fail(f"MIRSEARCH_REQUIRE_ES=1, but Elasticsearch can't be started: {reason}")
        pytest.skip(f"no Elasticsearch to test with: {reason} (or set MIRSEARCH_TEST_ES_URL)")
    return Node(release, **options)  # type: ignore[arg-type]


@pytest.fixture(scope="session")
def es_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Address of a running Elasticsearch without security: MIRSEARCH_TEST_ES_URL, or a node started here."""
    running_url = os.environ.get("MIRSEARCH_TEST_ES_URL")
    if running_url:
        yield running_url.rstrip("/")
        return
    pytest.importorskip("elasticsearch", reason="the extra mirsearch[elasticsearch] is not installed")
    folder = tmp_path_factory.getbasetemp()
    with shared_node(folder.parent if "PYTEST_XDIST_WORKER" in os.environ else folder) as url:
        yield url


@contextmanager
def shared_node(folder: Path) -> Iterator[str]:
    """Run one node for all workers that share the folder. The first starts it, and stops it when no other uses it."""
    fcntl = pytest.importorskip("fcntl", reason="nodes are started on POSIX systems only")
    node, address = None, folder / "elasticsearch.url"
    with (folder / "elasticsearch.start").open("w") as start, (folder / "elasticsearch.use").open("w") as use:
        fcntl.flock(use, fcntl.LOCK_SH)
        fcntl.flock(start, fcntl.LOCK_EX)
        try:
            if not address.exists():
                node = node_or_skip().start()
                address.write_text(node.url)
        finally:
            fcntl.flock(start, fcntl.LOCK_UN)
        try:
            yield address.read_text()
        finally:
            if node is not None:
                fcntl.flock(
                    use, fcntl.LOCK_EX
                )  # waits for the others; a worker that comes now waits for us, and then starts its own node
                address.unlink()
                node.stop()


@pytest.fixture
def es_location(es_url: str) -> Iterator[str]:
    """Location of an index that no other test uses; it is deleted afterwards."""
    from mirsearch.indexes.elasticsearch.admin import drop_index

    location = f"{es_url}/test-{uuid.uuid4().hex[:12]}"
    yield location
    drop_index(location)
