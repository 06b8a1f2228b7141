"""Fill in the pages' templates: the server's own, and those of the answer page."""

from __future__ import annotations

import hashlib
from contextvars import ContextVar
from dataclasses import dataclass
from functools import lru_cache
from importlib.resources import files

from jinja2 import ChoiceLoader, Environment, PackageLoader
from starlette.types import ASGIApp, Receive, Scope, Send

from mirsearch import __version__
from mirsearch.report.rendering import template_environment
from mirsearch.web.problems import Problem

_ASSETS = {
    "page.css": ("mirsearch.report", "assets", "text/css"),
    "page.js": ("mirsearch.report", "assets", "text/javascript"),
    "reuse.css": ("mirsearch.report", "assets", "text/css"),
    "web.css": ("mirsearch.web", "static", "text/css"),
    "drop.js": ("mirsearch.web", "static", "text/javascript"),
    "web.js": ("mirsearch.web", "static", "text/javascript"),
    "jobs.css": ("mirsearch.web", "static", "text/css"),
    "jobs.js": ("mirsearch.web", "static", "text/javascript"),
    "figure.js": ("mirsearch.web", "static", "text/javascript"),
}

allows_ingest: ContextVar[bool] = ContextVar("allows ingest", default=False)
"""Whether the request in hand is to a server where figures may be added; each page then leads to that."""


@dataclass(frozen=True, slots=True)
class Asset:
    """A style or script: its bytes, type, and a tag that changes with its content."""

    data: bytes
    kind: str
    tag: str


@lru_cache(maxsize=1)
def assets() -> dict[str, Asset]:
    """Return the styles and scripts of all pages by name."""
    found = {}
    for name, (package, folder, kind) in _ASSETS.items():
        data = (files(package) / folder / name).read_bytes()
        found[name] = Asset(data, f"{kind}; charset=utf-8", hashlib.sha256(data).hexdigest()[:12])
    return found


@lru_cache(maxsize=1)
def web_environment() -> Environment:
    """Return the environment of the server's templates. It escapes and cleans like that of the answer page."""
    loaders = ChoiceLoader([PackageLoader("mirsearch.web"), PackageLoader("mirsearch.report")])
    return template_environment().overlay(loader=loaders)


def render(template: str, **values: object) -> str:
    """Return the document of a template."""
    tags = {name: f"/static/{name}?{asset.tag}" for name, asset in assets().items()}
    template_values = {"assets": tags, "version": __version__, "allows_ingest": allows_ingest.get}
    return web_environment().get_template(template).render(**template_values, **values)


def problem_page(problem: Problem) -> str:
    """Return the page of an error."""
    return render("problem.html", problem=problem)


def with_ingest_link(app: ASGIApp, is_allowed: bool) -> ASGIApp:
    """Return an application whose pages lead to where figures are added, if that is allowed."""

    async def call(scope: Scope, receive: Receive, send: Send) -> None:
        token = allows_ingest.set(is_allowed)
        try:
            await app(scope, receive, send)
        finally:
            allows_ingest.reset(token)

    return call
