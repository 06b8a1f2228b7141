"""Numbers for Prometheus: requests, searches, embeddings, refused uploads, panels, connections; of all workers."""

from __future__ import annotations

import os
from pathlib import Path

from mirsearch import __version__

_FOLDER_VARIABLE = "PROMETHEUS_MULTIPROC_DIR"
"""How prometheus_client is told where its processes meet; it reads it when it is imported."""
_BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0)
"""Upper bounds of the histograms' classes, seconds."""
_METHODS = frozenset(("GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "PATCH"))


def share_metrics(place: Path) -> None:
    """Let the numbers of this process be read by others. Call it before the first `Metrics` of a process."""
    folder = _folder(place)
    folder.mkdir(mode=0o700, exist_ok=True)
    os.environ[_FOLDER_VARIABLE] = str(folder)


def forget_process(place: Path, pid: int) -> None:
    """Leave out what a process held when it died, such as its open connections. What it counted stays."""
    from prometheus_client.multiprocess import mark_process_dead

    mark_process_dead(pid, str(_folder(place)))  # type: ignore[no-untyped-call]


def _folder(place: Path) -> Path:
    return place / "metrics"


class Metrics:
    """The numbers of one process, and the text with those of all."""

    def __init__(self, shared_place: Path | None = None) -> None:
        from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

        self._shared = None if shared_place is None else str(_folder(shared_place))
        self._registry = own = CollectorRegistry()
        self._requests = Counter(
            "mirsearch_requests", "Requests that were answered.", ("route", "method", "status"), registry=own
        )
        self._seconds = Histogram(
            "mirsearch_request_seconds", "From a request's head to the end of its answer.", ("route",),
            buckets=_BUCKETS, registry=own,
        )  # fmt: skip
        self._searches = Histogram(
            "mirsearch_search_seconds", "Searches, without the wait for their turn.", ("asked_with",),
            buckets=_BUCKETS, registry=own,
        )  # fmt: skip
        self._embeddings = Histogram(
            "mirsearch_embedding_seconds", "Embeddings of query images.", buckets=_BUCKETS, registry=own
        )
        self._refused = Counter("mirsearch_uploads_refused", "Images that were refused.", ("reason",), registry=own)
        self._panels = Gauge(
            "mirsearch_panels", "Panels of the index.", multiprocess_mode="livemostrecent", registry=own
        )
        self._connections = Gauge(
            "mirsearch_open_connections", "Open connections.", multiprocess_mode="livesum", registry=own
        )
        version = Gauge("mirsearch_build", "1, with the version.", ("version",), registry=own, multiprocess_mode="max")
        version.labels(__version__).set(1)

    def note_request(self, route: str, method: str, status: int, seconds: float) -> None:
        """Count a request. The route is the form of its address, such as /figures/{figure_id}."""
        self._requests.labels(route, method if method in _METHODS else "other", str(status)).inc()
        self._seconds.labels(route).observe(seconds)

    def note_search(self, asked_with: str, seconds: float) -> None:
        """Count a search: asked with an image, a panel, words, marks, or filters."""
        self._searches.labels(asked_with).observe(seconds)

    def note_embedding(self, seconds: float) -> None:
        """Count the embedding of one image."""
        self._embeddings.observe(seconds)

    def note_refused_upload(self, reason: str) -> None:
        """Count an image that was refused: as too large, empty, or unreadable."""
        self._refused.labels(reason).inc()

    def tell_panels(self, count: int) -> None:
        """Note how many panels the index has."""
        self._panels.set(count)

    def tell_connections(self, count: int) -> None:
        """Note how many connections this process has open."""
        self._connections.set(count)

    def text(self) -> bytes:
        """Return the numbers of all processes in Prometheus' text form."""
        from prometheus_client import CollectorRegistry, generate_latest
        from prometheus_client.multiprocess import MultiProcessCollector

        registry = self._registry
        if self._shared is not None:
            registry = CollectorRegistry()
            MultiProcessCollector(registry, self._shared)  # type: ignore[no-untyped-call]
        return generate_latest(registry)
