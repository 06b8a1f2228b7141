"""Fill in the pages' templates: the server's own, and those of the answer page."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import lru_cache
from importlib.resources import files

from jinja2 import ChoiceLoader, Environment, PackageLoader

from mirsearch import __version__
from mirsearch.report.rendering import template_environment
from mirsearch.web.problems import Problem

_ASSETS = {
    "page.css": ("mirsearch.report", "assets", "text/css"),
    "page.js": ("mirsearch.report", "assets", "text/javascript"),
    "reuse.css": ("mirsearch.report", "assets", "text/css"),
    "web.css": ("mirsearch.web", "static", "text/css"),
    "web.js": ("mirsearch.web", "static", "text/javascript"),
    "figure.js": ("mirsearch.web", "static", "text/javascript"),
}


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
    return web_environment().get_template(template).render(assets=tags, version=__version__, **values)


def problem_page(problem: Problem) -> str:
    """Return the page of an error."""
    return render("problem.html", problem=problem)
