"""Read all hits of a search, page by page."""

from __future__ import annotations

from collections.abc import Generator, Iterator
from typing import Any

from elasticsearch import Elasticsearch

from mirsearch.indexes.elasticsearch.client import Address
from mirsearch.indexes.elasticsearch.errors import read_answers

KEEP_ALIVE = "5m"
"""How long the cluster keeps a snapshot for the next page."""
Hit = dict[str, Any]


def search_pages(client: Elasticsearch, address: Address, *, size: int, **search: Any) -> Iterator[list[Hit]]:
    """Yield the hits of a search in pages of `size`. Its `sort` must tell any two documents apart."""
    after: dict[str, Any] = {}
    is_last = False
    while not is_last:
        with read_answers(address):
            answer = client.search(
                size=size, track_total_hits=False, allow_partial_search_results=False, **search, **after
            )
            hits: list[Hit] = answer["hits"]["hits"]
            is_last = len(hits) < size
            last = {"search_after": hits[-1]["sort"]} if hits else {}
            if hits and last == after:
                raise ValueError("it gives the same page again")
            after = last
        yield hits


def snapshot_pages(
    client: Elasticsearch, address: Address, index: str, **search: Any
) -> Generator[list[Hit], None, None]:
    """As search_pages, from one snapshot of an index (a point in time), whatever is written meanwhile."""
    with read_answers(address):
        point = client.open_point_in_time(index=index, keep_alive=KEEP_ALIVE)["id"]
    try:
        yield from search_pages(client, address, pit={"id": point, "keep_alive": KEEP_ALIVE}, **search)
    finally:
        with read_answers(address):
            client.options(ignore_status=404).close_point_in_time(id=point)
