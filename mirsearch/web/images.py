"""Images of figures at addresses in the form of the IIIF Image API 3."""

from __future__ import annotations

from typing import TYPE_CHECKING

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import BaseRoute, Route

from mirsearch.errors import UsageError
from mirsearch.web.iiif import image_info, parse_region, parse_size
from mirsearch.web.responses import KEEP_HOUR, json_answer, tagged

if TYPE_CHECKING:
    from mirsearch.web.pictures import Jpeg
    from mirsearch.web.site import Site

_INFO_TYPE = 'application/ld+json;profile="http://iiif.io/api/image/3/context.json"'


def image_routes(site: Site) -> list[BaseRoute]:
    """Return the routes of image addresses."""

    async def image(request: Request) -> Response:
        jpeg = await site.picture_work.run(_read, site, request)
        return tagged(request, jpeg.data, "image/jpeg", KEEP_HOUR, jpeg.etag)

    async def info(request: Request) -> Response:
        figure, _ = await site.picture_work.run(site.pictures.figure, request.path_params["figure_id"])
        address = f"{str(request.base_url).rstrip('/')}/iiif/{figure.id}"
        return json_answer(request, image_info(figure, address), _INFO_TYPE)

    async def base(request: Request) -> Response:
        figure, _ = await site.picture_work.run(site.pictures.figure, request.path_params["figure_id"])
        return RedirectResponse(f"/iiif/{figure.id}/info.json", 303)

    return [
        Route("/iiif/{figure_id}", base),
        Route("/iiif/{figure_id}/info.json", info),
        Route("/iiif/{figure_id}/{region}/{size}/{rotation}/{quality}", image),
    ]


def _read(site: Site, request: Request) -> Jpeg:
    """Return the image of an address. UsageError names the part of it that is wrong."""
    parts = request.path_params
    if parts["rotation"] != "0":
        raise UsageError(f"the rotation {parts['rotation'][:20]!r} is not supported", "give 0")
    if parts["quality"] not in ("default.jpg", "color.jpg"):
        raise UsageError(f"{parts['quality'][:40]!r} is not supported", "give default.jpg")
    figure, _ = site.pictures.figure(parts["figure_id"])
    box = parse_region(parts["region"], figure.width, figure.height)
    size = parse_size(parts["size"], box[2] - box[0], box[3] - box[1])
    return site.pictures.region(figure, box, size)
