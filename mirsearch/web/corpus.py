"""The served corpus: its index, and the parts that answer questions, each loaded when it is first needed."""

from __future__ import annotations

import logging
import re
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from mirsearch.errors import IndexMismatchError, MirsearchError
from mirsearch.indexes import open_index
from mirsearch.indexes.base import CommitIndex, Index
from mirsearch.query import Filters
from mirsearch.search.answer import Answer
from mirsearch.search.own_score import own_formula
from mirsearch.search.search import Question, ask
from mirsearch.text.masking import mask
from mirsearch.web.apart import Parts, Reader
from mirsearch.web.remembered import remember_vectors

if TYPE_CHECKING:
    from mirsearch.extractors.base import Extractor
    from mirsearch.ranking import Formula

log = logging.getLogger(__name__)

_MAX_FILTERED = 64
"""Most filters whose counts are kept."""
_COUNTS_SECONDS = 30.0
"""Age at which the counts of the corpus are counted again."""

Result = TypeVar("Result")
_Age = tuple[float, int, Hashable]
"""When something was counted: by this process's clock, the last change and the commit that it includes."""


@dataclass(frozen=True, slots=True)
class Loaders:
    """How the extractor of an index is loaded, and what reads pictures: the parts that the operator chose."""

    extractor: Callable[[Index], Extractor]
    reading: Parts


class Corpus:
    """An open index with its parts. Safe to use from several threads."""

    def __init__(self, location: str, loaders: Loaders) -> None:
        self.location = location
        self.last_change: Callable[[], int] = lambda: 0  # tells when another process last wrote, where there are some
        self.note_embedding: Callable[[float], None] = lambda seconds: None
        self._loaders = loaders
        self.reader = Reader(loaders.reading)
        self._use(open_index(location))
        self._lock = threading.Lock()
        self._load_lock = threading.Lock()
        self._parts: dict[str, Any] = {}
        self._counts: tuple[_Age, Mapping[str, Any]] | None = None
        self._filtered: OrderedDict[Filters, tuple[_Age, Mapping[str, Mapping[str, int]]]] = OrderedDict()

    def _use(self, index: Index) -> None:
        self._index = index
        self._own: tuple[Hashable | None, Formula] | None = None
        self._tell_commit = index.commit if isinstance(index, CommitIndex) else None

    @property
    def index(self) -> Index:
        """Return the open index."""
        return self._index

    def _part(self, name: str, load: Callable[[], Result]) -> Result:
        with self._load_lock:  # one loads, others wait; the counts have a lock of their own
            if name not in self._parts:
                self._parts[name] = load()
            part: Result = self._parts[name]
            return part

    def extractor(self) -> Extractor:
        """Return the extractor of the index."""
        return self._part("extractor", lambda: self._remembered(self._loaders.extractor(self._index)))

    def _remembered(self, extractor: Extractor) -> Extractor:
        return remember_vectors(extractor, self.note_embedding)

    def load_parts(self) -> None:
        """Load the parts that a first image needs, so that nobody waits for them. What fails is told."""
        for load in (self.extractor, self.reader.start):
            try:
                load()
            except MirsearchError as error:
                log.warning("%s", error)

    def ask(self, question: Question) -> Answer:
        """Answer a question. An index that was embedded anew since it was opened is opened again."""
        try:
            return ask(self._index, question, self.extractor)
        except IndexMismatchError:
            self._reopen()
            return ask(self._index, question, self.extractor)

    def _reopen(self) -> None:
        """Open the index again. The old one is not closed: other threads may still read it."""
        with self._load_lock, self._lock:
            self._use(open_index(self.location))
            self._parts.pop("extractor", None)
            self._counts = None

    def counts(self) -> Mapping[str, Any]:
        """Return the counts of `mirsearch stats`, none from before a change.

        Where the index can't tell of changes by other programs, they are at most half a minute old.
        """
        with self._lock:
            if self._counts is None or self._is_old(self._counts[0]):
                self._counts = self._now(), self._index.stats()
            return self._counts[1]

    def _now(self) -> _Age:
        return time.monotonic(), self.last_change(), self.commit()

    def commit(self) -> Hashable | None:
        """Return what stands for all that the index has; None if it can't tell."""
        return None if self._tell_commit is None else self._tell_commit()

    def own_formula(self, commit: Hashable | None = None) -> Formula:
        """Return the formula with which the index is asked where nothing else is said.

        It is read once for a `commit`, at which the index is or was: it may be newer than that, but never older.
        """
        own = self._own
        if commit is None or own is None or own[0] != commit:
            own = self._own = commit, own_formula(self._index)
        return own[1]

    def _is_old(self, age: _Age) -> bool:
        now, change, commit = self._now()
        is_known = commit is not None  # of an index that tells its commits, nothing else changes the counts
        return (commit, change) != (age[2], age[1]) or (not is_known and now - age[0] > _COUNTS_SECONDS)

    def counts_of(self, filters: Filters) -> Mapping[str, Mapping[str, int]]:
        """Return the counts of the panels that pass the filters by their values, as old as those of the corpus."""
        with self._lock:
            known = self._filtered.get(filters)
        if known is None or self._is_old(known[0]):
            known = self._now(), self._index.count_values(filters)
            with self._lock:
                self._filtered.pop(filters, None)
                self._filtered[filters] = known
                while len(self._filtered) > _MAX_FILTERED:
                    self._filtered.popitem(last=False)
        return known[1]

    def hide_paths(self, text: str, files: Mapping[str, str] | None = None) -> str:
        """Return a message without places of this machine: no path of the index, and names for uploaded `files`."""
        for path, name in (files or {}).items():
            text = text.replace(path, name)
        places = {self.location, self._index.location, str(Path(self.location).absolute())}
        for place in sorted(places, key=len, reverse=True):
            text = re.sub(rf"(?:the )?index at {re.escape(place)}(?![\w/-])", "the index", text)
            text = re.sub(rf"\bin {re.escape(place)}(?![\w/-])", "in the index", text)
            if "/" in place or "\\" in place:
                text = text.replace(place, "the index")
        return mask(text)

    def close(self) -> None:
        """Close the index."""
        self._index.close()


def public_name(location: str | None) -> str | None:
    """Return what others may see of where a file is: an address of the web as it is, of a path only the name."""
    if location is None or re.match(r"https?://", location):
        return None if location is None else mask(location)
    return location.replace("\\", "/").rstrip("/").rpartition("/")[2] or None


def public_answer(answer: Answer) -> Answer:
    """Return an answer with names in place of the paths of its figures' files."""
    hits = []
    for hit in answer.hits:
        figure = hit.stored.figure
        origins = tuple(replace(origin, location=public_name(origin.location) or "") for origin in figure.origins)
        hits.append(replace(hit, stored=replace(hit.stored, figure=replace(figure, origins=origins))))
    return replace(answer, hits=tuple(hits))


_NESTED = (dict, list)


def public_json(value: Any) -> Any:
    """Put names in place of the paths of files, in JSON of panels and answers, and return it."""
    left = [value] if type(value) in _NESTED else []
    while left:
        outer = left.pop()
        left += [item for item in (outer.values() if type(outer) is dict else outer) if type(item) in _NESTED]
        if type(outer) is dict:
            for key in ("image", "location"):
                if isinstance(place := outer.get(key), str):
                    outer[key] = public_name(place)
    return value
