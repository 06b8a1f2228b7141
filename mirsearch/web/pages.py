"""The pages for people: search, figures, the corpus, log in, and what they are made of."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from functools import partial
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl, unquote

from starlette.datastructures import UploadFile
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.routing import BaseRoute, Route

from mirsearch.errors import NotFoundError
from mirsearch.imaging.images import crop
from mirsearch.report.citations import cite_articles
from mirsearch.report.csv_output import answer_csv
from mirsearch.search.option_values import parse_box
from mirsearch.settings import SERVE_LIMITS
from mirsearch.web.access import SESSION_COOKIE, session_of
from mirsearch.web.addresses import SHARP_SIDE
from mirsearch.web.corpus import public_answer
from mirsearch.web.figure_page import figure_page
from mirsearch.web.kept_answers import Content, make_content
from mirsearch.web.pictures import make_jpeg
from mirsearch.web.problems import Problem, ProblemError
from mirsearch.web.rendering import assets, render
from mirsearch.web.responses import KEEP_HOUR, REVALIDATE, public_answer_json, tagged
from mirsearch.web.search_page import search_page
from mirsearch.web.state import UNMARKED, PageState, parse_state
from mirsearch.web.uploads import Upload

if TYPE_CHECKING:
    from mirsearch.search.answer import Answer
    from mirsearch.web.pictures import Jpeg
    from mirsearch.web.site import Site

_FILE_INPUTS = 2
"""Of the form: for a file, and for a photograph."""
_MAX_FORM_FIELDS = 200
_MAX_QUERY_CHARS = 16_000
_QUERY_PICTURE_SIDE = 1200
_CITATIONS = {"bib": ("bibtex", "application/x-bibtex"), "ris": ("ris", "application/x-research-info-systems")}
"""Styles of citations, and their types, by the suffix of the address."""
_SIDES = (0, SHARP_SIDE)
"""Sizes of a panel's picture: 0 is the small picture of the index."""


class Pages:
    """The handlers of the pages."""

    def __init__(self, site: Site) -> None:
        self.site = site

    def routes(self) -> list[BaseRoute]:
        """Return the routes of all pages."""
        return [
            Route("/", self.search),
            Route("/search", self.search, methods=["GET"]),
            Route("/search", self.submit, methods=["POST"]),
            Route("/search.json", self.search_json),
            Route("/search.csv", self.search_csv),
            Route("/search.bib", self.search_citations),
            Route("/search.ris", self.search_citations),
            Route("/judgments.csv", self.judgments),
            Route("/judgments.qrels", self.judgments),
            Route("/figures/{figure_id}", self.figure),
            Route("/elsewhere/{panel_id}", self.elsewhere),
            Route("/corpus", self.corpus),
            Route("/pictures/{panel_id}.jpg", self.panel_picture),
            Route("/queries/{upload_id}.jpg", self.query_picture),
            Route("/static/{name}", self.static),
            Route("/login", self.login_form, methods=["GET"]),
            Route("/login", self.login, methods=["POST"]),
        ]

    async def search(self, request: Request) -> Response:
        """Show the search page, with an answer if the address holds a question."""
        state = _state_of(request)
        page = await self.site.search_queue(state.image is not None).run(search_page, self.site, state)
        if page.status == 200:
            return tagged(request, page.data, "text/html; charset=utf-8", etag=page.tag)
        return HTMLResponse(page.data, page.status, headers={"Cache-Control": REVALIDATE})

    async def submit(self, request: Request) -> Response:
        """Keep the image of the form, if there is one, and lead to the address of the search."""
        async with request.form(
            max_files=_FILE_INPUTS, max_fields=_MAX_FORM_FIELDS, max_part_size=SERVE_LIMITS.form_bytes
        ) as form:
            state = parse_state([(name, value) for name, value in form.multi_items() if isinstance(value, str)])
            files = (file for file in form.getlist("file") if isinstance(file, UploadFile) and file.filename)
            if (file := next(files, None)) is not None:
                upload = await self.site.uploads.receive(file, str(file.filename), request.state.client)
                state = state.with_image(upload.id).changed(like=None, **UNMARKED)
        return RedirectResponse(state.address(), 303)

    async def search_json(self, request: Request) -> Response:
        """Answer the search of an address as JSON."""
        state = _state_of(request)
        return await self._told(request, state, "json", "application/json", public_answer_json)

    async def search_csv(self, request: Request) -> Response:
        """Answer the search of an address as CSV."""
        state = _state_of(request)
        disposition = {"Content_Disposition": 'attachment; filename="mirsearch.csv"'}
        return await self._told(request, state, "csv", "text/csv; charset=utf-8", _csv_bytes, **disposition)

    async def search_citations(self, request: Request) -> Response:
        """Answer the search of an address with its articles, as BibTeX or RIS."""
        suffix = request.url.path.rpartition(".")[2]
        style, kind = _CITATIONS[suffix]
        state = _state_of(request)
        disposition = {"Content_Disposition": f'attachment; filename="mirsearch.{suffix}"'}
        cite = partial(_citation_bytes, style)
        return await self._told(request, state, suffix, f"{kind}; charset=utf-8", cite, **disposition)

    async def _told(
        self, request: Request, state: PageState, form: str, kind: str, tell: Callable[[Answer], bytes], **headers: str
    ) -> Response:
        """Answer the search of an address in a form, of which `tell` makes the bytes."""
        if state.browses:
            content = await self.site.searches.run(self._list, form, state, tell)
        else:
            content = await self.site.tell(form, state.fields, self._uploads(state), tell, state.last)
        return tagged(request, content.data, kind, etag=content.tag, **headers)

    def _list(self, form: str, state: PageState, tell: Callable[[Answer], bytes]) -> Content:
        """Return the panels that pass the filters, where nothing else is asked, as the page lists them."""

        def make(commit: Hashable | None) -> Content:
            return make_content(tell(self.site.browse(state.fields, 1, state.last)))

        return self.site.keep(("list", form, state.fields.key, state.last), None, make)

    async def judgments(self, request: Request) -> Response:
        """Send the marks of the search of an address as judgments, as a csv table or as TREC qrels."""
        from mirsearch.web.judgments import judgments_csv, judgments_qrels

        state = _state_of(request)
        upload = next(iter(self._uploads(state)), None)
        suffix = request.url.path.rpartition(".")[2]
        text, kind = (
            (judgments_csv(state, upload), "text/csv") if suffix == "csv" else
            (judgments_qrels(state, upload), "text/plain")
        )  # fmt: skip
        disposition = {"Content_Disposition": f'attachment; filename="judgments.{suffix}"'}
        return tagged(request, text.encode("utf-8", "replace"), f"{kind}; charset=utf-8", **disposition)

    def _uploads(self, state: PageState) -> list[Upload]:
        return [] if state.image is None else [self.site.uploads.get(state.image)]

    async def figure(self, request: Request) -> Response:
        """Show a figure with its panels."""
        page = await self.site.picture_work.run(figure_page, self.site, request.path_params["figure_id"])
        return HTMLResponse(page, headers={"Cache-Control": REVALIDATE})

    async def elsewhere(self, request: Request) -> Response:
        """Show where else in the corpus a panel's picture is. It is looked for anew, and takes seconds."""
        from mirsearch.web.elsewhere_page import elsewhere_page

        page = await self.site.image_searches.run(elsewhere_page, self.site, request.path_params["panel_id"])
        return HTMLResponse(page, headers={"Cache-Control": REVALIDATE})

    async def corpus(self, request: Request) -> Response:
        """Show the counts of the corpus."""
        from mirsearch.web.corpus_page import corpus_page

        page = await self.site.searches.run(corpus_page, self.site)
        return HTMLResponse(page, headers={"Cache-Control": REVALIDATE})

    async def panel_picture(self, request: Request) -> Response:
        """Send the picture of a panel."""
        side = _number(request, "side", 0)
        if side not in _SIDES:
            remedy = f"leave it out, or give {SHARP_SIDE}"
            raise ProblemError(Problem(400, f"side: {side} px is no size of a picture", remedy))
        jpeg = await self.site.picture_work.run(self.site.pictures.panel, request.path_params["panel_id"], side)
        return tagged(request, jpeg.data, "image/jpeg", KEEP_HOUR, jpeg.etag)

    async def query_picture(self, request: Request) -> Response:
        """Send the image of a search, or a part of it."""
        upload = self.site.uploads.get(request.path_params["upload_id"])
        page, box = _number(request, "page", 0), request.query_params.get("box")
        jpeg = await self.site.image_searches.run(self._query_jpeg, upload, page, box)
        return tagged(request, jpeg.data, "image/jpeg", KEEP_HOUR, jpeg.etag)

    def _query_jpeg(self, upload: Upload, page: int, box: str | None) -> Jpeg:
        from mirsearch.search.scale_options import ScaleOptions

        pixels = self.site.read_pictures.question(upload, None, None, ScaleOptions(), page).open_page().pixels
        if box is not None:
            pixels = crop(pixels, parse_box(box))
        return make_jpeg(pixels, _QUERY_PICTURE_SIDE)

    async def static(self, request: Request) -> Response:
        """Send a style or script."""
        asset = assets().get(request.path_params["name"])
        if asset is None:
            raise NotFoundError("there is no such file", "")
        return tagged(request, asset.data, asset.kind, KEEP_HOUR, f'"{asset.tag}"')

    async def login_form(self, request: Request) -> Response:
        """Show the form for the token."""
        return HTMLResponse(render("login.html", problem=""))

    async def login(self, request: Request) -> Response:
        """Give the browser a session for a right token."""
        form = dict(parse_qsl((await request.body()).decode("utf-8", "replace"), max_num_fields=5))
        token = form.get("token", "").strip()
        if not self.site.access.knows_token(token):
            return HTMLResponse(render("login.html", problem="That is not the token."), 403)
        answer = RedirectResponse("/", 303)
        answer.set_cookie(
            SESSION_COOKIE, session_of(token), max_age=30 * 86_400, path="/", httponly=True, samesite="strict",
            secure=request.url.scheme == "https",
        )  # fmt: skip
        return answer


def _csv_bytes(answer: Answer) -> bytes:
    return answer_csv(public_answer(answer)).encode()


def _citation_bytes(style: str, answer: Answer) -> bytes:
    return cite_articles((hit.stored.figure.article for hit in answer.hits), style).encode("utf-8", "replace")


def _state_of(request: Request) -> PageState:
    """Return the state that a request's address holds."""
    query = request.url.query
    if len(query) > _MAX_QUERY_CHARS:
        raise ProblemError(Problem(414, "the address is too long", "ask with fewer words and filters"))
    try:
        state = parse_state(parse_qsl(query, max_num_fields=_MAX_FORM_FIELDS, errors="replace"))
    except ValueError as error:
        raise ProblemError(Problem(400, f"the address has more than {_MAX_FORM_FIELDS} fields", "")) from error
    request.state.words = state.fields.text  # for an access log that may have them
    return state


def _number(request: Request, name: str, default: int) -> int:
    text = unquote(request.query_params.get(name, str(default)))
    if not (text.isascii() and text.isdigit() and len(text) <= 7):
        raise ProblemError(Problem(400, f"{name}: {text[:40]!r} is no number", "give a whole number"))
    return int(text)
