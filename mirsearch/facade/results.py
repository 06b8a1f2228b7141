"""Answers and lists: sequences of hits, panels or figures, which become data frames, JSON and pictures."""

from __future__ import annotations

import json
from abc import abstractmethod
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import cached_property
from itertools import islice
from typing import TYPE_CHECKING, Any, Generic, TypeVar, overload

from mirsearch.errors import MissingDependencyError
from mirsearch.facade.panels import CorpusFigure, CorpusPanel, FoundPanel
from mirsearch.indexes.base import Index
from mirsearch.query import StoredPanel
from mirsearch.report.data_columns import FIGURE_COLUMNS, HIT_COLUMNS, PANEL_COLUMNS, Column, data_rows
from mirsearch.report.sentences import query_sentence
from mirsearch.search.answer import Answer, Match, answer_json
from mirsearch.search.listing import ListedFigure, listed_json

if TYPE_CHECKING:
    import pandas as pd

Item = TypeVar("Item")
Source = TypeVar("Source")

_TYPES = {int: "Int64", float: "float64", bool: "bool", str: "string"}
"""Types of the columns of a data frame. A number that is not known is missing, not a text."""


class AnswerHits(Sequence[FoundPanel]):
    """The hits of a question, best first. `answer` has all that is known of the answer; `notes` are for the reader."""

    def __init__(self, index: Index, answer: Answer) -> None:
        self.answer = answer
        self._hits = [FoundPanel(index, hit) for hit in answer.hits]

    @property
    def notes(self) -> tuple[str, ...]:
        """Return what should be known about the answer, as sentences."""
        return self.answer.notes

    @property
    def match(self) -> Match | None:
        """Return the judgment of the hit that looks most like the picture. None where it is not judged."""
        return self.answer.match

    @overload
    def __getitem__(self, at: int) -> FoundPanel: ...
    @overload
    def __getitem__(self, at: slice) -> list[FoundPanel]: ...
    def __getitem__(self, at: int | slice) -> FoundPanel | list[FoundPanel]:
        return self._hits[at]

    def __len__(self) -> int:
        return len(self._hits)

    def to_pandas(self) -> pd.DataFrame:
        """Return a data frame with a row for each hit, as the CSV of `mirsearch query`. Needs pandas."""
        hits = self.answer.hits
        panels = data_rows((hit.stored for hit in hits), PANEL_COLUMNS)
        rows = [scores | panel for scores, panel in zip(data_rows(hits, HIT_COLUMNS), panels, strict=True)]
        return _data_frame(rows, HIT_COLUMNS | PANEL_COLUMNS)

    def to_dict(self) -> dict[str, Any]:
        """Return the whole answer in plain types, as `mirsearch query --format json` prints it."""
        return answer_json(self.answer)

    def to_json(self, indent: int | None = None) -> str:
        """Return the whole answer as JSON, as `mirsearch query --format json` prints it."""
        return json.dumps(self.to_dict(), ensure_ascii=False, indent=indent)

    def to_html(self) -> str:
        """Return the answer as a page that needs no other file, as `mirsearch query --format html` writes it."""
        from mirsearch.report.page import page_html

        return page_html([self.answer])

    def __repr__(self) -> str:
        lines = (f"{query_sentence(self.answer.query)}: {len(self)} hits", *map(repr, self._hits), *self.notes)
        return "\n".join(lines)

    def _repr_html_(self) -> str:
        from mirsearch.facade.pictures import answer_html

        return answer_html(self.answer)


class CorpusList(Sequence[Item], Generic[Source, Item]):
    """A list that is read from the index when it is asked for: a loop holds one item at a time in memory.

    The first time that its length or an item by its place is asked for, all are read and kept.
    """

    def __init__(self, select: Callable[[], Iterator[Source]]) -> None:
        self._select = select

    @cached_property
    def _items(self) -> list[Source]:
        return list(self._select())

    def _sources(self) -> Iterable[Source]:
        return self._items if "_items" in self.__dict__ else self._select()

    @abstractmethod
    def _view(self, source: Source) -> Item:
        """Return an item as the list gives it."""

    def __iter__(self) -> Iterator[Item]:
        return map(self._view, self._sources())

    @overload
    def __getitem__(self, at: int) -> Item: ...
    @overload
    def __getitem__(self, at: slice) -> list[Item]: ...
    def __getitem__(self, at: int | slice) -> Item | list[Item]:
        found = self._items[at]
        return [self._view(source) for source in found] if isinstance(found, list) else self._view(found)

    def __len__(self) -> int:
        return len(self._items)

    @abstractmethod
    def to_dicts(self) -> list[dict[str, Any]]:
        """Return all items in plain types, as `mirsearch list --format json` prints them."""

    def to_json(self, indent: int | None = None) -> str:
        """Return all items as JSON, as `mirsearch list --format json` prints them."""
        return json.dumps(self.to_dicts(), ensure_ascii=False, indent=indent)

    def __repr__(self) -> str:
        shown = [repr(item) for item in islice(self, _MAX_LINES + 1)]
        return "\n".join([*shown[:_MAX_LINES], *(["…"] if len(shown) > _MAX_LINES else [])]) or "nothing is listed"


_MAX_LINES = 10
"""Most items that a list shows as text."""


class PanelList(CorpusList[StoredPanel, CorpusPanel]):
    """The panels of a list."""

    def __init__(self, index: Index, select: Callable[[], Iterator[StoredPanel]]) -> None:
        super().__init__(select)
        self._index = index

    def _view(self, source: StoredPanel) -> CorpusPanel:
        return CorpusPanel(self._index, source)

    def to_pandas(self) -> pd.DataFrame:
        """Return a data frame with a row for each panel, as the CSV of `mirsearch list`. Needs pandas."""
        return _data_frame(data_rows(self._sources(), PANEL_COLUMNS), PANEL_COLUMNS)

    def to_dicts(self) -> list[dict[str, Any]]:
        """Return all panels in plain types, as `mirsearch list --format json` prints them."""
        return [panel.to_dict() for panel in self]

    def _repr_html_(self) -> str:
        from mirsearch.facade.pictures import MAX_SHOWN, panels_html

        shown = [(panel.stored, panel.thumbnail) for panel in islice(self, MAX_SHOWN)]
        return panels_html(shown, len(self))


class FigureList(CorpusList[ListedFigure, CorpusFigure]):
    """The figures of a list."""

    def __init__(self, index: Index, select: Callable[[], Iterator[ListedFigure]]) -> None:
        super().__init__(select)
        self._index = index

    def _view(self, source: ListedFigure) -> CorpusFigure:
        return CorpusFigure(self._index, source.figure)

    def to_pandas(self) -> pd.DataFrame:
        """Return a data frame with a row for each figure, as the CSV of `mirsearch list --figures`. Needs pandas."""
        return _data_frame(data_rows(self._sources(), FIGURE_COLUMNS), FIGURE_COLUMNS)

    def to_dicts(self) -> list[dict[str, Any]]:
        """Return all figures in plain types, as `mirsearch list --figures --format json` prints them."""
        return [listed_json(source) for source in self._sources()]

    def _repr_html_(self) -> str:
        from mirsearch.facade.pictures import MAX_SHOWN, panels_html

        first = (self._index.panels([listed.panel_ids[0]])[0] for listed in islice(self._sources(), MAX_SHOWN))
        return panels_html([(stored, self._index.thumbnail(stored.panel.id)) for stored in first], len(self))


def _data_frame(rows: Iterable[dict[str, Any]], columns: dict[str, Column[Any]]) -> pd.DataFrame:
    try:
        import pandas as pd
    except ModuleNotFoundError as error:
        from mirsearch.extras import missing_extra_error

        raise missing_extra_error("to_pandas()", error) or MissingDependencyError(
            "to_pandas() needs the package pandas, which is not installed", "install it with: pip install pandas"
        ) from error
    frame = pd.DataFrame(list(rows), columns=list(columns))
    return frame.astype({name: _TYPES[column.kind] for name, column in columns.items()})
