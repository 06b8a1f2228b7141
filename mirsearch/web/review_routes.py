"""The routes of the review: pages with forms, and what the forms write."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, quote

from pydantic import ValidationError
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.routing import BaseRoute, Route

from mirsearch.errors import MirsearchError
from mirsearch.web.corrections import CorrectionFields, check_allowed, undo_correction, write_correction
from mirsearch.web.csrf import FIELD
from mirsearch.web.problems import Problem, ProblemError, error_problem
from mirsearch.web.responses import REVALIDATE
from mirsearch.web.review_page import panel_page, queue_page
from mirsearch.web.review_queue import MAX_ITEMS
from mirsearch.web.search_page import form_words
from mirsearch.web.state import validation_problem

if TYPE_CHECKING:
    from mirsearch.web.site import Site

_MAX_FIELDS = 20
_OF_THE_PAGE = (FIELD, "start", "undo", "was_kind", "was_technique")
"""Fields of the form that are not part of a correction."""


def review_routes(site: Site) -> list[BaseRoute]:
    """Return the routes of the review."""

    async def queue(request: Request) -> Response:
        start, done = _start(request.query_params.get("start", "")) or 1, request.query_params.get("done", "")
        cookie, token = _token(site, request)
        page = await site.searches.run(queue_page, site, token, start, done)
        return _answer(site, request, page, cookie)

    async def panel(request: Request) -> Response:
        cookie, token = _token(site, request)
        done = request.query_params.get("done", "")
        page = await site.searches.run(panel_page, site, token, request.path_params["panel_id"], done)
        return _answer(site, request, page, cookie)

    async def write(request: Request) -> Response:
        check_allowed(site)
        body = (await request.body()).decode("utf-8", "replace")
        form = {name: value.strip() for name, value in _pairs(body)}
        site.form_tokens.check(request, form.get(FIELD, ""))
        panel_id = request.path_params["panel_id"]
        try:
            await _write(site, panel_id, form)
        except ProblemError as error:
            problem = error.problem
        except MirsearchError as error:
            told = error_problem(error)
            detail, remedy = (form_words(site.hide(text)) for text in (told.detail, told.remedy))
            problem = Problem(told.status, detail, remedy, told.retry_after)
        else:
            start = _start(form.get("start", ""))
            page = f"/review?start={start}&" if start else f"/review/{quote(panel_id, safe='')}?"
            return RedirectResponse(f"{page}done={quote(panel_id, safe='')}", 303)
        cookie, token = _token(site, request)
        page = await site.searches.run(panel_page, site, token, panel_id, "", problem, form)
        return _answer(site, request, page, cookie, problem.status)

    return [
        Route("/review", queue),
        Route("/review/{panel_id}", panel, methods=["GET"]),
        Route("/review/{panel_id}", write, methods=["POST"]),
    ]


async def _write(site: Site, panel_id: str, form: Mapping[str, str]) -> None:
    if form.get("undo"):
        await site.writes.run(undo_correction, site, panel_id)
        return
    await site.writes.run(write_correction, site, panel_id, _read_form(form))
    site.review_queue.settle(panel_id)


def _read_form(form: Mapping[str, str]) -> CorrectionFields:
    """Return the correction that a form asks for: what is filled in, and what was chosen anew."""
    values: dict[str, Any] = {name: text for name, text in form.items() if name not in _OF_THE_PAGE and text}
    for name in ("kind", "technique"):
        if values.get(name) == form.get(f"was_{name}"):
            values.pop(name, None)
    if "bar" in values:
        values["bar"] = values["bar"].split(",")
    try:
        return CorrectionFields.model_validate(values)
    except ValidationError as error:
        raise ProblemError(validation_problem(error.errors())) from error


def _pairs(body: str) -> list[tuple[str, str]]:
    try:
        return parse_qsl(body, max_num_fields=_MAX_FIELDS)
    except ValueError as error:
        raise ProblemError(Problem(400, f"the form has more than {_MAX_FIELDS} fields", "")) from error


def _start(text: str) -> int:
    return int(text) if text.isascii() and text.isdigit() and 1 <= int(text[:6]) <= MAX_ITEMS else 0


def _token(site: Site, request: Request) -> tuple[str, str]:
    """Return the cookie and the token of forms; both are empty where corrections are off."""
    return site.form_tokens.issue(request) if site.allow_corrections else ("", "")


def _answer(site: Site, request: Request, page: str, cookie: str, status: int = 200) -> Response:
    answer = HTMLResponse(page, status, headers={"Cache-Control": REVALIDATE})
    if cookie:
        site.form_tokens.keep(request, answer, cookie)
    return answer
