"""Whatever an address or a form holds is answered or refused, never a failure, and shows no path of the machine."""

from __future__ import annotations

import random
from urllib.parse import quote

import pytest

pytest.importorskip("fastapi", reason="the extra web is not installed")

from starlette.testclient import TestClient

from mirsearch.web.fields import SearchFields
from tests.support.web_site import Served

VALUES = (
    "", "0", "-1", "3", "1e308", "1e-320", "nan", "-inf", "null", "true", "9" * 40, "٣", "1_0", "\x00", "ä",
    "µm", "500 nm", "1e400 nm", "0nm", "1nm..1mm", "..", "5um..", "a..b", "--", '"', '""', "*", "a OR b", "%",
    "../../etc/passwd", "https://evil.example", "=", "figure.width=1..", "source=*",
    "scale.field_of_view_nm=1e999..", "visual=1", "scale=nan", "text=", "2015-", "2020-2010", "cc", "own",
    "doi:10.1", "x" * 3000, "\u202e", "😀" * 50, "0,0,10,10", "10,10,0,0", "1,2,3", "SEM", "micrograph",
    "penalize",
)  # fmt: skip
NAMES = (*SearchFields.model_fields, "image", "start", "weight_visual", "unknown")
PAGES = ("/search", "/search.json", "/search.csv", "/search.bib", "/search.ris", "/", "/review")


@pytest.mark.parametrize("seed", range(3))
def test_any_fields_and_addresses(client: TestClient, served: Served, seed: int) -> None:
    rng = random.Random(seed)
    figure = served.stored[0].figure.id
    folders = (
        f"/iiif/{figure}/",
        "/iiif/",
        "/figures/",
        "/pictures/",
        "/api/v1/panels/",
        "/api/v1/articles/",
        "/queries/",
        "/review/",
    )
    for _ in range(120):
        pairs = [(rng.choice(NAMES), rng.choice(VALUES)) for _ in range(rng.randint(1, 5))]
        pairs += [("text", "image")] * (rng.random() < 0.6)
        kind = rng.randrange(3)
        if kind == 0:
            answer = client.get(rng.choice(PAGES), params=pairs)
        elif kind == 1:
            fields: dict[str, list[str]] = {}
            for name, value in pairs:
                fields.setdefault(name, []).append(value)
            fields.pop("image", None)
            answer = client.post(rng.choice(("/search", "/api/v1/search")), data=fields)
        else:
            path = "/".join(quote(rng.choice(VALUES), safe="") for _ in range(rng.randint(1, 4)))
            answer = client.get(rng.choice(folders) + path)
        assert answer.status_code < 500, (pairs, answer.url)
        assert str(served.folder) not in answer.text, (pairs, answer.url)
