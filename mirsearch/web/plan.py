"""What a server is to do, in a form that its worker processes can be told."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from mirsearch.web.access import Access
from mirsearch.web.access_log import AccessLog, AccessLogPlan
from mirsearch.web.corpus import Corpus, Loaders
from mirsearch.web.shared import Shared, SharedPlace
from mirsearch.web.site import Site


def _nothing() -> None:
    """Prepare nothing."""


@dataclass(frozen=True, slots=True)
class ServePlan:
    """The index, how its parts are loaded, who may ask, and where the processes meet.

    `prepare` is called first in each worker process. All of it can be pickled.
    """

    location: str
    loaders: Loaders
    access: Access
    place: SharedPlace
    allow_corrections: bool = False
    ingest: tuple[str, ...] | None = None
    access_log: AccessLogPlan | None = None
    prepare: Callable[[], None] = _nothing

    def open_site(self, number: int = 0) -> Site:
        """Return the site of the process with a number, counted from 0."""
        corpus = Corpus(self.location, self.loaders)
        site = Site(corpus, self.access, Shared(self.place, number), self.allow_corrections, self.ingest)
        site.access_log = None if self.access_log is None else AccessLog(self.access_log)
        return site
