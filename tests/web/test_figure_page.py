"""The page of a figure: the parts of its caption, its mentions, and its pictures elsewhere in the corpus."""

from __future__ import annotations

import dataclasses
import shutil
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("fastapi", reason="the extra web is not installed")

from PIL import Image, ImageOps
from starlette.testclient import TestClient

from mirsearch.cli.parts import load_extractor
from mirsearch.corpus import Figure, Origin, Panel, figure_id
from mirsearch.imaging.images import content_hash, crop, open_picture, thumbnail
from mirsearch.indexes import open_index
from mirsearch.indexes.base import FigureRecord
from mirsearch.web.app import create_app
from tests.support.web_site import ADDRESS, Served, open_site
from tests.web.test_pages import get


@pytest.fixture(scope="module")
def shown_again(served: Served, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[TestClient, str, str]]:
    """A client of a corpus in which one panel is shown again, mirrored; the ids of both panels."""
    folder = tmp_path_factory.mktemp("again")
    location = str(folder / "index")
    shutil.copytree(served.location, location)
    index = open_index(location)
    first = max(served.stored, key=lambda stored: min(stored.panel.width, stored.panel.height))
    pixels = crop(open_picture(Path(first.figure.image or "")).pixels, first.panel.box)
    path = folder / "again.png"
    ImageOps.mirror(Image.fromarray(pixels)).save(path)
    name = figure_id(content_hash(path))
    mentions = ("As Figure 9 shows, <b>it</b> is mirrored.",)
    figure = Figure(name, pixels.shape[1], pixels.shape[0], "Fig. 9", "Again.", None, (Origin("folder", str(path)),),
                    mentions=mentions)  # fmt: skip
    panel = Panel((0, 0, figure.width, figure.height), kind="micrograph", kind_confidence=0.9, id=f"{name}-1",
                  figure_id=name)  # fmt: skip
    mirrored = np.ascontiguousarray(pixels[:, ::-1])
    with index.writer() as writer:
        vectors = load_extractor("efficientnet").embed([mirrored])
        writer.put(FigureRecord(figure, (panel,), vectors, (thumbnail(mirrored),)))
    index.close()
    site = open_site(location)
    with TestClient(create_app(site), base_url=ADDRESS) as client:
        yield client, first.panel.id, panel.id
    site.close()


def test_a_picture_is_found_elsewhere_from_either_panel(shown_again: tuple[TestClient, str, str]) -> None:
    client, first, again = shown_again
    for asked, other in ((first, again), (again, first)):
        page = get(client, f"/elsewhere/{asked}")
        assert "is shown once more, in another figure" in page.text
        assert "mirrored" in page.text
        figure = other.rpartition("-")[0]
        assert page.links(f"/figures/{figure}#panel-")
        pictures = [a["href"] for tag, a in page.found if tag == "image"]
        assert pictures == [f"/pictures/{asked}.jpg?side=720", f"/pictures/{other}.jpg?side=720"]
        assert all(client.get(str(address)).headers["content-type"] == "image/jpeg" for address in pictures)
        outlines = [a for tag, a in page.found if tag == "polygon"]
        assert len(outlines) == 2


def test_a_picture_that_is_alone_and_an_id_of_nothing(shown_again: tuple[TestClient, str, str], served: Served) -> None:
    client, first, _ = shown_again
    alone = next(s.panel.id for s in served.stored if s.panel.id != first and min(s.panel.width, s.panel.height) > 120)
    assert "is in no other figure" in get(client, f"/elsewhere/{alone}").text
    assert "no panel" in get(client, "/elsewhere/nothing", 404).text
    assert client.get("/elsewhere/..%2f..%2fetc%2fpasswd").status_code == 404


def test_mentions_and_the_way_to_the_same_picture(shown_again: tuple[TestClient, str, str]) -> None:
    client, _, again = shown_again
    page = get(client, f"/figures/{again.rpartition('-')[0]}")
    assert "What the article says of it (1)" in page.text
    assert "As Figure 9 shows, <b>it</b> is mirrored." in page.text
    assert page.links(f"/elsewhere/{again}")


def test_parts_of_the_caption_lead_to_their_panels(served: Served, tmp_path: Path) -> None:
    location = str(tmp_path / "index")
    shutil.copytree(served.location, location)
    index = open_index(location)
    name = max((s.figure.id for s in served.stored), key=lambda name: len(index.figure_panels(name)))
    stored = index.figure_panels(name)
    own = ["SEM image of the first.", "SEM image of the second.", *[""] * (len(stored) - 2)]
    panels = tuple(dataclasses.replace(s.panel, caption=words) for s, words in zip(stored, own, strict=True))
    figure = dataclasses.replace(stored[0].figure, caption=f"Silica. (a) {own[0]} (b) {own[1]}")
    with index.writer() as writer:
        vectors = np.stack([index.vector(panel.id) for panel in panels])
        writer.put(FigureRecord(figure, panels, vectors, tuple(index.thumbnail(panel.id) or b"" for panel in panels)))
    index.close()
    site = open_site(location)
    with TestClient(create_app(site), base_url=ADDRESS) as client:
        page = get(client, f"/figures/{name}")
    site.close()
    anchors = [a["id"] for _, a in page.found if a.get("class") == "panel"]
    parts = [a for tag, a in page.found if a.get("class") == "of" and tag == "a"]
    assert [a["href"] for a in parts] == [f"#{anchor}" for anchor in anchors[:2]]
    assert f"(a) {own[0]}" in page.text
    assert page.links("/search?article=")
    assert page.links("/full/max/0/default.jpg")
