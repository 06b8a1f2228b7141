"""The HTTP API, /api/v1: the questions and the JSON of the command line."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any

from fastapi import APIRouter, Request, Response, UploadFile
from pydantic import Field
from starlette.routing import Route

from mirsearch.errors import NotFoundError
from mirsearch.query import StoredPanel
from mirsearch.search.answer import article_json, stored_json
from mirsearch.settings import LIMITS
from mirsearch.web import api_corrections, api_jobs, schema
from mirsearch.web.corpus import public_json
from mirsearch.web.fields import LIST_FIELDS, SearchFields
from mirsearch.web.forms import read_form
from mirsearch.web.plain_form import search_form
from mirsearch.web.problems import PROBLEM_TYPE
from mirsearch.web.responses import json_answer, public_answer_json, tagged

if TYPE_CHECKING:
    from mirsearch.web.site import Site

_PREFIX = "/api/v1"
_FACETS = ("techniques", "kinds", "years", "journals", "licenses", "sources", "fields_of_view")
_MAX_ARTICLE_PANELS = 5_000
_LIST_FIELDS = LIST_FIELDS | {"image"}
_PROBLEMS: dict[int | str, dict[str, Any]] = {
    "default": {
        "description": "Problem details (RFC 9457)",
        "content": {PROBLEM_TYPE: {"schema": schema.ProblemDetails.model_json_schema()}},
    },
}


class ApiSearch(SearchFields):
    """A search with an image, words, or both: the options of `mirsearch query`, with `_` in place of `-`."""

    image: list[UploadFile] = Field(
        default=[],
        max_length=LIMITS.query_images,
        description="A micrograph or figure. Several are one question.",
    )


_SEARCH_FORM = {"requestBody": {"content": {"multipart/form-data": {"schema": ApiSearch.model_json_schema()}}}}


def search_handler(site: Site) -> Callable[[Request], Awaitable[Response]]:
    """Return what answers a search."""

    async def search(request: Request) -> Response:
        """Find panels that look like an image at its scale, and whose captions contain the given words."""
        async with search_form(request) as form:
            fields = read_form(ApiSearch, form, _LIST_FIELDS, "image")
            request.state.words = fields.text  # for an access log that may have them
            given = [image for image in fields.image if image.filename or image.size]
            uploads = [await site.uploads.receive(image, image.filename, request.state.client) for image in given]
        content = await site.tell("json", fields, uploads, public_answer_json)
        return tagged(request, content.data, "application/json", etag=content.tag)

    return search


def search_route(site: Site) -> Route:
    """Return the route of a search, to stand before FastAPI's, which describes it: that takes longer to call it."""
    return Route(f"{_PREFIX}/search", search_handler(site), methods=["POST"])


def make_router(site: Site) -> APIRouter:
    """Return the routes of the API."""
    router = APIRouter(prefix=_PREFIX, responses=_PROBLEMS)
    router.post(
        "/search", summary="Search", responses={200: {"model": schema.AnswerData}}, response_model=None,
        openapi_extra=_SEARCH_FORM,
    )(search_handler(site))  # fmt: skip

    @router.get("/panels/{panel_id}", responses={200: {"model": schema.PanelData}}, response_model=None)
    async def panel(request: Request, panel_id: str) -> Response:
        """Return all data of a panel, as `mirsearch show` prints it."""
        found = await site.searches.run(site.corpus.index.panels, [panel_id])
        return json_answer(request, public_json(stored_json(found[0])))

    @router.get("/figures/{figure_id}", responses={200: {"model": schema.FigureData}}, response_model=None)
    async def figure(request: Request, figure_id: str) -> Response:
        """Return a figure with its panels."""
        found, panels = await site.searches.run(site.pictures.figure, figure_id)
        return json_answer(
            request,
            public_json(
                {
                    "id": found.id,
                    "label": found.label,
                    "caption": found.caption,
                    "size": [found.width, found.height],
                    "page": found.page,
                    "permission_note": found.permission_note,
                    "iiif": f"/iiif/{found.id}",
                    "article": article_json(found.article),
                    "panels": [stored_json(stored) for stored in panels],
                }
            ),
        )

    @router.get("/articles/{article_id:path}", responses={200: {"model": schema.ArticleFigures}}, response_model=None)
    async def article(request: Request, article_id: str) -> Response:
        """Return an article by its id, DOI or PMC id, with the ids of its figures and panels."""
        panels = await site.searches.run(_article_panels, site, article_id)
        return json_answer(
            request,
            {
                "article": article_json(panels[0].figure.article),
                "figures": list(dict.fromkeys(stored.figure.id for stored in panels)),
                "panels": [stored.panel.id for stored in panels],
            },
        )

    @router.get("/facets", responses={200: {"model": schema.FacetCounts}}, response_model=None)
    async def facets(request: Request) -> Response:
        """Count the panels of the corpus by the values of each filter."""
        counts = await site.searches.run(site.corpus.counts)
        return json_answer(request, {name: dict(counts[name]) for name in _FACETS})

    api_corrections.add_routes(router, site)
    api_jobs.add_routes(router, site)
    return router


def _article_panels(site: Site, article_id: str) -> list[StoredPanel]:
    """Return the panels of an article. NotFoundError if there is none, or the id is that of something else."""
    found = site.corpus.index.find_panels(article_id)[:_MAX_ARTICLE_PANELS]
    is_article = bool(found) and found[0].figure.article is not None
    if not is_article or article_id in (found[0].figure.id, found[0].panel.id):
        raise NotFoundError(f"no article {article_id!r} in the index", "give its id, DOI or PMC id")
    return found
