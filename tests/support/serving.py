"""Worlds for the loopback server, and the server in its own process."""

from __future__ import annotations

import hashlib
import io
import json
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from xml.sax.saxutils import escape

import numpy as np
from PIL import Image

HERE = Path(__file__).resolve().parent
SEM = "SEM images of silver nanowires (a) before and (b) after annealing. Scale bars: 500 nm."
PLOT = "Capacity retention as a function of cycle number."


def random_png(seed: int, side: int = 48) -> bytes:
    """Return a small PNG that is unique to the seed."""
    pixels = np.random.default_rng(seed).integers(0, 256, (side, side + seed % 7), dtype=np.uint8)
    data = io.BytesIO()
    Image.fromarray(pixels).save(data, "PNG")
    return data.getvalue()


@dataclass
class ServedFigure:
    """A figure of a served article: caption, label, and its file's name and bytes."""

    caption: str = SEM
    label: str = "Figure 1"
    name: str = "gr1.png"
    data: bytes = b""
    href: str | None = None


@dataclass
class ServedArticle:
    """A served article. Missing data are made up from its number."""

    number: int
    figures: list[ServedFigure] = field(default_factory=list)
    license: str | None = "CC BY"
    hit_license: str | None = "cc by"
    jats_license: str | None = "https://creativecommons.org/licenses/by/4.0/"
    open_access: bool = True
    retracted: bool = False
    versions: tuple[int, ...] = (1,)
    in_bucket: bool = True
    title: str = ""
    words: str = "nano"
    journal: str = "Served Letters"
    date: str = "2024-05-06"
    hit: dict[str, Any] = field(default_factory=dict)
    xml: str | None = None
    holder: str = "The Authors"

    @property
    def pmcid(self) -> str:
        return f"PMC{self.number}"

    @property
    def doi(self) -> str:
        return f"10.5555/served.{self.number}"


class WorldWriter:
    """Writes a world's files and WORLD.json into a folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        self.world: dict[str, Any] = {"hits": [], "keys": {}, "full_texts": {}, "arxiv": []}

    def add(self, art: ServedArticle) -> None:
        """Add an article: its search hit, and its record, XML and media in the bucket under each version."""
        title = art.title or f"Study {art.number} of {art.words} wires"
        self.world["hits"].append(_hit(art, title))
        xml = (art.xml or jats_xml(art, title)).encode()
        for version in art.versions if art.in_bucket else ():
            base = f"{art.pmcid}.{version}"
            media = {fig.name: fig.data for fig in art.figures if fig.data}
            for name, data in media.items():
                self.key(f"{base}/{name}", data)
            self.key(f"{base}/{base}.xml", xml)
            record = json.dumps(_record(art, title, version, xml, media)).encode()
            self.key(f"metadata/{base}.json", record)
            self.key(f"{base}/{base}.json", record)
        path = self.folder / f"{art.pmcid}.fulltext.xml"
        path.write_bytes(xml)
        self.world["full_texts"][art.pmcid] = path.name

    def key(self, key: str, data: bytes) -> None:
        path = self.folder / "bucket" / key
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
        self.world["keys"][key] = {"file": f"bucket/{key}"}

    def write(self, **more: Any) -> Path:
        path = self.folder / "WORLD.json"
        path.write_text(json.dumps({**self.world, **more}), encoding="utf-8")
        return path


def _hit(art: ServedArticle, title: str) -> dict[str, Any]:
    hit = {
        "id": str(art.number), "source": "MED", "pmid": str(art.number), "pmcid": art.pmcid, "doi": art.doi,
        "title": title, "authorString": "Larch A, Okoro B.", "journalInfo": {"journal": {"title": art.journal}},
        "pubYear": art.date[:4],
        "isOpenAccess": "Y" if art.open_access else "N", "inPMC": "Y", "firstPublicationDate": art.date,
        "dateOfRevision": art.date, "abstractText": f"About {art.words}.",
        "pubTypeList": {"pubType": ["research-article"] + ["Retracted Publication"] * art.retracted},
        "_captions": " ".join(fig.caption for fig in art.figures),
    }  # fmt: skip
    if art.hit_license is not None:
        hit["license"] = art.hit_license
    return {**hit, **art.hit}


def _record(art: ServedArticle, title: str, version: int, xml: bytes, media: dict[str, bytes]) -> dict[str, Any]:
    base = f"s3://pmc-oa-opendata/{art.pmcid}.{version}"
    record = {
        "pmcid": art.pmcid, "version": version, "pmid": art.number, "doi": art.doi, "mid": None, "title": title,
        "citation": f"{art.journal}. 2024", "is_pmc_openaccess": art.open_access, "is_manuscript": False,
        "is_historical_ocr": False, "is_retracted": art.retracted, "license_code": art.license,
        "xml_url": f"{base}/{art.pmcid}.{version}.xml?md5={_md5(xml)}",
    }  # fmt: skip
    if media:
        record["media_urls"] = [f"{base}/{name}?md5={_md5(data)}" for name, data in media.items()]
    return record


def _md5(data: bytes) -> str:
    return hashlib.md5(data, usedforsecurity=False).hexdigest()


def jats_xml(art: ServedArticle, title: str) -> str:
    """Return the article as JATS, with the licence written as in the bucket's files."""
    figures = "".join(
        f'<fig id="f{number}"><label>{escape(fig.label)}</label><caption><p>{escape(fig.caption)}</p></caption>'
        f'<graphic xlink:href="{escape(fig.href if fig.href is not None else fig.name)}"/></fig>'
        for number, fig in enumerate(art.figures)
    )
    rights = f'<license><license-p>See <ext-link xlink:href="{art.jats_license}">it</ext-link>.</license-p></license>'
    return (
        '<?xml version="1.0"?><article xmlns:xlink="http://www.w3.org/1999/xlink"><front><journal-meta><journal-title-group>'
        f"<journal-title>{escape(art.journal)}</journal-title></journal-title-group></journal-meta><article-meta>"
        f'<article-id pub-id-type="doi">{art.doi}</article-id><article-id pub-id-type="pmcid">{art.pmcid}</article-id>'
        f"<title-group><article-title>{escape(title)}</article-title></title-group>"
        '<contrib-group><contrib contrib-type="author"><name><surname>Larch</surname><given-names>Ada</given-names>'
        f'</name></contrib></contrib-group><pub-date pub-type="epub"><year>{art.date[:4]}</year></pub-date>'
        f"<permissions><copyright-holder>{escape(art.holder)}</copyright-holder>{rights if art.jats_license else ''}"
        f"</permissions></article-meta></front><body>{figures}</body></article>"
    )


@dataclass
class Server:
    """A running server: its address, its log, and the faults it commits."""

    port: int

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def environment(self) -> dict[str, str]:
        """Variables that make mirsearch ask this server, fast and with few retries."""
        return {
            "MIRSEARCH_EUROPEPMC_URL": f"{self.url}/epmc", "MIRSEARCH_PMC_URL": f"{self.url}/pmc",
            "MIRSEARCH_ARXIV_URL": f"{self.url}/arxiv", "MIRSEARCH_ARXIV_OAI_URL": f"{self.url}/oai",
            "MIRSEARCH_HTTP_RATE": "500", "MIRSEARCH_HTTP_BACKOFF": "0.02", "MIRSEARCH_HTTP_TIMEOUT": "10",
        }  # fmt: skip

    def faults(self, *faults: dict[str, Any], seed: int = 0, **more: Any) -> None:
        """Set the faults to commit, and empty the log."""
        self._post({"faults": list(faults), "seed": seed, **more})

    def log(self) -> list[dict[str, Any]]:
        with urllib.request.urlopen(f"{self.url}/_log") as answer:
            return json.load(answer)

    def paths(self) -> list[str]:
        return [each["path"] for each in self.log()]

    def _post(self, control: dict[str, Any]) -> None:
        request = urllib.request.Request(f"{self.url}/_control", json.dumps(control).encode(), method="POST")
        urllib.request.urlopen(request).close()


@contextmanager
def run_server(world: Path) -> Iterator[Server]:
    """Run the server in its own process, and end it afterwards."""
    command = [sys.executable, str(HERE / "loopback_server.py"), str(world)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            yield Server(int(process.stdout.readline()))
        finally:
            process.kill()
