"""The application: all routes behind the guard, and errors as answers."""

from __future__ import annotations

import errno
import json
import logging
from collections.abc import Sequence

from fastapi import FastAPI, HTTPException
from fastapi.exceptions import RequestValidationError
from starlette.applications import Starlette
from starlette.exceptions import HTTPException as StarletteHTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import BaseRoute, Match, Route

from mirsearch import __version__
from mirsearch.errors import MirsearchError
from mirsearch.web.api import make_router, search_route
from mirsearch.web.guard import Guard
from mirsearch.web.images import image_routes
from mirsearch.web.job_routes import job_routes
from mirsearch.web.observer import Observer
from mirsearch.web.operation import operation_routes
from mirsearch.web.pages import Pages
from mirsearch.web.problems import PROBLEM_TYPE, Problem, ProblemError, error_problem, wants_json
from mirsearch.web.rendering import problem_page, with_ingest_link
from mirsearch.web.review_routes import review_routes
from mirsearch.web.site import Site
from mirsearch.web.state import validation_problem

log = logging.getLogger(__name__)

_DESCRIPTION = """Search panels of microscopy figures by looks, physical scale and words.
Fields are named as the options of `mirsearch query`, and answers are its JSON.
Paths of files are left out: `image` and `location` have names only."""


def create_app(site: Site) -> Observer:
    """Return the application of a site, behind its guard and what counts and logs requests."""
    described = FastAPI(
        title="mirsearch",
        version=__version__,
        description=_DESCRIPTION,
        openapi_url="/api/v1/openapi.json",
        docs_url=None,  # the pages of Swagger and ReDoc load their scripts from another host
        redoc_url=None,
        redirect_slashes=False,
    )
    api = make_router(site)
    described.include_router(api)
    plain = [search_route(site), *image_routes(site), *Pages(site).routes(), *review_routes(site), *job_routes(site),
             *operation_routes(site)]  # fmt: skip
    app = Starlette(routes=plain)
    app.router.redirect_slashes = False
    app.router.default = described  # FastAPI takes longer to find a route, and has more around it
    for each in (app, described):
        _handle_errors(each, site, [*plain, *api.routes])
    linked = with_ingest_link(app, site.jobs is not None)
    return Observer(Guard(linked, site.access, site.shared.clients), site.metrics, site.access_log, plain)


def _handle_errors(app: Starlette, site: Site, routes: Sequence[BaseRoute]) -> None:
    def own(request: Request, error: Exception) -> Response:
        assert isinstance(error, MirsearchError)
        problem = error_problem(error)
        return answer_problem(
            request, Problem(problem.status, site.hide(problem.detail), site.hide(problem.remedy), problem.retry_after)
        )

    def told(request: Request, error: Exception) -> Response:
        assert isinstance(error, ProblemError)
        return answer_problem(request, error.problem)

    def invalid(request: Request, error: Exception) -> Response:
        assert isinstance(error, RequestValidationError)
        return answer_problem(request, validation_problem(error.errors(), 422))

    def http(request: Request, error: Exception) -> Response:
        assert isinstance(error, StarletteHTTPException)
        detail = "there is no such page" if error.status_code == 404 else str(error.detail)
        headers = dict(error.headers or {})
        if error.status_code == 405:  # each method of an address may have a route of its own
            headers["Allow"] = ", ".join(_methods(routes, request))
        return answer_problem(request, Problem(error.status_code, detail), headers)

    def gone(request: Request, error: Exception) -> Response:
        return answer_problem(request, Problem(400, "the request ended before it was whole"))

    def exhausted(request: Request, error: Exception) -> Response:
        log.warning("%s", error, exc_info=error)
        full = isinstance(error, OSError) and error.errno == errno.ENOSPC
        detail = "the disk of the server is full" if full else "the server has no resources left for this"
        return answer_problem(request, Problem(507 if full else 503, detail, "try again in a while", 30))

    def failed(request: Request, error: Exception) -> Response:
        return answer_problem(request, Problem(500, "the server failed on this request", "its log tells why"))

    app.add_exception_handler(OSError, exhausted)
    app.add_exception_handler(MemoryError, exhausted)
    app.add_exception_handler(Exception, failed)
    app.add_exception_handler(MirsearchError, own)
    app.add_exception_handler(ProblemError, told)
    app.add_exception_handler(RequestValidationError, invalid)
    app.add_exception_handler(StarletteHTTPException, http)
    app.add_exception_handler(HTTPException, http)
    app.add_exception_handler(ClientDisconnect, gone)


def _methods(routes: Sequence[BaseRoute], request: Request) -> list[str]:
    """Return the methods that the address of a request has."""
    found = [route for route in routes if isinstance(route, Route) and route.matches(request.scope)[0] != Match.NONE]
    return sorted({method for route in found for method in route.methods or ()})


def answer_problem(request: Request, problem: Problem, headers: dict[str, str] | None = None) -> Response:
    """Return a problem as details for a program, or as a page for a person."""
    told = {**problem.headers, **(headers or {})}
    if wants_json(request.url.path, request.headers.get("accept", "")):
        return Response(json.dumps(problem.json), problem.status, told, PROBLEM_TYPE)
    return HTMLResponse(problem_page(problem), problem.status, told)
