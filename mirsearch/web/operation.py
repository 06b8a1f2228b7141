"""Addresses for whoever runs the server: whether it answers, and numbers for Prometheus."""

from __future__ import annotations

from typing import TYPE_CHECKING

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from mirsearch import __version__
from mirsearch.query import Filters
from mirsearch.web.guard import METRICS_PATH
from mirsearch.web.responses import json_answer

if TYPE_CHECKING:
    from mirsearch.web.site import Site

_TEXT_FORM = "text/plain; version=0.0.4; charset=utf-8"


def operation_routes(site: Site) -> list[BaseRoute]:
    """Return the routes. Whether a request may see them is the guard's to say."""

    async def health(request: Request) -> Response:
        await site.checks.run(_read_one, site)
        return json_answer(request, {"status": "ok", "index": "reachable", "version": __version__})

    async def metrics(request: Request) -> Response:
        return Response(await site.checks.run(_numbers, site), media_type=_TEXT_FORM)

    return [Route("/healthz", health), Route(METRICS_PATH, metrics)]


def _read_one(site: Site) -> None:
    """Read a panel of the index. Raises the error that tells why it can't be reached."""
    next(iter(site.corpus.index.select_panels(Filters())), None)


def _numbers(site: Site) -> bytes:
    site.metrics.tell_panels(site.corpus.counts()["panels"])
    return site.metrics.text()
