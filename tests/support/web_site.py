"""A small corpus with real pictures and vectors, and the application that serves it; needs the extra `web`."""

from __future__ import annotations

import csv
import dataclasses
import threading
import weakref
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest
from PIL import Image
from starlette.testclient import TestClient

from mirsearch import settings
from mirsearch.cli.parts import load_extractor, load_index_extractor
from mirsearch.corpus import Article, Figure, Origin, figure_id, panel_ids
from mirsearch.imaging.images import content_hash, crop, open_picture, thumbnail
from mirsearch.indexes import open_index
from mirsearch.indexes.base import ExtractorIdentity, FigureRecord
from mirsearch.query import Filters, StoredPanel
from mirsearch.synthetic.corpus import FigureTruth, write_corpus
from mirsearch.web.access import Access, make_access
from mirsearch.web.apart import Parts
from mirsearch.web.app import create_app
from mirsearch.web.corpus import Corpus, Loaders
from mirsearch.web.server import open_socket, serve_forever
from mirsearch.web.shared import Shared, make_place, remove_place
from mirsearch.web.site import Site

ADDRESS = "http://127.0.0.1:8765"
BROWSER = {"accept": "text/html,application/xhtml+xml"}
FIGURES, SEED = 5, 11


@dataclass(frozen=True)
class Served:
    """A folder with figures, a query image with a scale bar, and an index."""

    folder: Path
    location: str
    query: Path
    stored: list[StoredPanel]


def new_shared() -> Shared:
    """What processes share, for one alone; its folder goes with it."""
    place = make_place()
    shared = Shared(place)
    weakref.finalize(shared, remove_place, place)
    return shared


def open_site(
    location: str, access: Access | None = None, allow_corrections: bool = False, ingest: Sequence[str] | None = None
) -> Site:
    """The site of an index, with the parts that the command line loads."""
    loaders = Loaders(
        load_index_extractor,
        Parts(settings.DEFAULT_OCR, settings.DEFAULT_SCALEBARS),
    )
    return Site(Corpus(location, loaders), access or make_access("127.0.0.1"), new_shared(), allow_corrections, ingest)


def start_server(site: Site) -> str:
    """Serve a site in a thread, which ends with the process, and return its address."""
    listening = open_socket("127.0.0.1", 0)
    threading.Thread(target=serve_forever, args=(create_app(site), listening), daemon=True).start()
    return f"http://127.0.0.1:{listening.getsockname()[1]}"


def fill_index(location: str, figures: Path, truths: tuple[FigureTruth, ...]) -> None:
    """Write the drawn figures with their true panels into an index; the slow reading of them is left out."""
    extractor = load_extractor("efficientnet")
    with (figures / "captions.csv").open(newline="", encoding="utf-8") as table:
        rows = {row["file"]: row for row in csv.DictReader(table)}
    index = open_index(location, create=ExtractorIdentity(extractor.name, extractor.version, extractor.dims))
    with index.writer() as writer:
        for truth in truths:
            path, row = figures / truth.file, rows[truth.file]
            pixels = open_picture(path).pixels
            name = figure_id(content_hash(path))
            article = Article(
                f"doi:{row['doi']}", row["title"], row["doi"], None, row["journal"], int(row["year"]), row["license"],
                row["url"], tuple(row["authors"].split("; ")),
            )  # fmt: skip
            figure = Figure(
                name, pixels.shape[1], pixels.shape[0], truth.label, truth.caption, article,
                (Origin("folder", str(path)),),
            )  # fmt: skip
            panels = tuple(
                dataclasses.replace(panel, id=panel_id, figure_id=name, technique="SEM", technique_confidence=0.9)
                for panel, panel_id in zip(truth.panels, panel_ids(name, truth.panels), strict=True)
            )
            crops = [crop(pixels, panel.box) for panel in panels]
            thumbnails = tuple(thumbnail(part) for part in crops)
            writer.put(FigureRecord(figure, panels, extractor.embed(crops), thumbnails))
    index.close()


@pytest.fixture(scope="session")
def served(tmp_path_factory: pytest.TempPathFactory) -> Served:
    folder = tmp_path_factory.mktemp("served")
    truth = write_corpus(folder / "figures", FIGURES, SEED)
    location = str(folder / "index")
    fill_index(location, folder / "figures", truth.figures)
    index = open_index(location)
    stored = list(index.select_panels(Filters()))
    index.close()
    with_bar = next(
        one for one in stored
        if one.panel.scale is not None and one.panel.scale.source == "label" and one.panel.kind == "micrograph"
    )  # fmt: skip
    query = folder / "query.png"
    Image.fromarray(crop(open_picture(with_bar.figure.image or "").pixels, with_bar.panel.box)).save(query)
    return Served(folder, location, query, stored)


@pytest.fixture(scope="session")
def site(served: Served) -> Iterator[Site]:
    site = open_site(served.location)
    yield site
    site.close()


@pytest.fixture(scope="session")
def address(site: Site) -> str:
    """The address of a server that runs in a thread; it ends with the process."""
    return start_server(site)


@pytest.fixture
def client(site: Site) -> TestClient:
    return TestClient(create_app(site), base_url=ADDRESS, headers=BROWSER, follow_redirects=False)
