"""Search in an embedded index with made-up panels."""

from __future__ import annotations

from pathlib import Path

from mirsearch.extractors.base import Extractor
from mirsearch.indexes.embedded.index import EmbeddedIndex
from mirsearch.query import SearchRequest, SearchResult
from mirsearch.search.search import Question, ask
from tests.support.index_records import IDENTITY, record


class Overtaken(EmbeddedIndex):
    """An index from which a writer takes the best figure just after the first search has found it."""

    taken: str | None = None

    def search(self, request: SearchRequest) -> SearchResult:
        found = super().search(request)
        if self.taken is None:
            self.taken = found.panels[0].panel_id.rpartition("-")[0]
            with self.writer() as writer:
                writer.delete_figures([self.taken])
        return found


def _no_extractor() -> Extractor:
    raise AssertionError("words need no extractor")


def test_a_panel_deleted_while_it_was_found_does_not_fail_the_query(tmp_path: Path) -> None:
    EmbeddedIndex.open(str(tmp_path / "i"), create=IDENTITY).close()
    index = Overtaken(str(tmp_path / "i"))
    with index.writer() as writer:
        for number in range(6):
            writer.put(record(number))
    answer = ask(index, Question(text="nanotubes nanorods"), _no_extractor)
    assert index.taken is not None
    figures = {hit.stored.figure.id for hit in answer.hits}
    assert figures
    assert index.taken not in figures
    index.close()
