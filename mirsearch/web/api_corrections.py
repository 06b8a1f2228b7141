"""The part of the HTTP API that tells which readings want a look, and that corrects them where this is allowed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

from fastapi import APIRouter, Query, Request, Response

from mirsearch.corrections import correction_to_json
from mirsearch.search.answer import stored_json
from mirsearch.search.review import REASONS, ReviewItem
from mirsearch.search.stored_corrections import list_corrections
from mirsearch.web import schema
from mirsearch.web.corpus import public_json
from mirsearch.web.corrections import CorrectionFields, check_allowed, undo_correction, write_correction
from mirsearch.web.responses import json_answer
from mirsearch.web.review_queue import MAX_ITEMS

if TYPE_CHECKING:
    from mirsearch.web.site import Site

_MAX_CORRECTIONS = 10_000
_CORRECTED: dict[int | str, dict[str, Any]] = {200: {"model": schema.PanelData}}


def add_routes(router: APIRouter, site: Site) -> None:
    """Add the routes to those of the API."""

    @router.get("/review", responses={200: {"model": schema.ReviewData}}, response_model=None)
    async def review(request: Request, top: Annotated[int, Query(ge=1, le=MAX_ITEMS)] = 20) -> Response:
        """Return the panels whose readings most want a look, as `mirsearch review` chooses them."""
        found = await site.searches.run(site.review_queue.review)
        items = await site.searches.run(site.review_queue.current, found.items[:top])
        told = {"counts": found.counts, "reasons": REASONS, "items": [_item_json(item) for item in items]}
        return json_answer(request, public_json(told))

    @router.get("/corrections", responses={200: {"model": schema.CorrectionList}}, response_model=None)
    async def corrections(request: Request) -> Response:
        """Return all corrections, by figure."""
        return json_answer(request, {"corrections": await site.searches.run(_corrections, site)})

    @router.post("/panels/{panel_id}/correction", responses=_CORRECTED, response_model=None)
    async def correct(request: Request, panel_id: str, fields: CorrectionFields) -> Response:
        """Correct what was read from a panel. Off unless the server was started with --allow-corrections."""
        check_allowed(site)
        site.form_tokens.check_program(request)
        stored = await site.writes.run(write_correction, site, panel_id, fields)
        site.review_queue.settle(panel_id)
        return json_answer(request, public_json(stored_json(stored)))

    @router.delete("/panels/{panel_id}/correction", responses=_CORRECTED, response_model=None)
    async def undo(request: Request, panel_id: str) -> Response:
        """Take the corrections of a panel back."""
        check_allowed(site)
        site.form_tokens.check_program(request)
        stored = await site.writes.run(undo_correction, site, panel_id)
        return json_answer(request, public_json(stored_json(stored)))


def _item_json(item: ReviewItem) -> dict[str, Any]:
    return {"reason": item.reason, "detail": item.detail, "panel": stored_json(item.stored)}


def _corrections(site: Site) -> list[dict[str, Any]]:
    found = []
    for stored in list_corrections(site.corpus.index):
        found.append({"figure": stored.figure and stored.figure.id, **correction_to_json(stored.correction)})
        if len(found) == _MAX_CORRECTIONS:
            break
    return found
