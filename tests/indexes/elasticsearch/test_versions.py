"""A server one major version older than the client is refused. A client of the older version is tested by hand."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

from mirsearch.errors import IndexAccessError
from mirsearch.indexes import open_index
from tests.support.es_node import Node
from tests.support.es_release import RELEASES, NoNodeError, ensure_home, find_jdk

elasticsearch = pytest.importorskip("elasticsearch")


@pytest.fixture(scope="module")
def older() -> Iterator[Node]:
    """A node of Elasticsearch 8.16.1, which a client of 9.x does not support."""
    release = RELEASES["8.16.1"]
    if elasticsearch.__version__[0] < 9:
        pytest.skip("the client here is of 8.x and supports it")
    try:
        find_jdk(release.jdk)
        ensure_home(release)
    except NoNodeError as reason:
        if os.environ.get("MIRSEARCH_REQUIRE_ES") == "1":
            pytest.fail(f"MIRSEARCH_REQUIRE_ES=1, but Elasticsearch can't be started: {reason}")
        pytest.skip(f"no Elasticsearch 8 to test with: {reason}")
    node = Node(release)
    try:
        yield node.start()
    finally:
        node.stop()


def test_a_server_older_than_the_client(older: Node) -> None:
    with pytest.raises(IndexAccessError, match="older Elasticsearch than the client") as raised:
        open_index(f"{older.url}/figures")
    assert "elasticsearch>=8.19,<9" in raised.value.remedy
