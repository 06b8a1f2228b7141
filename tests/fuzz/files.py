"""Parsers of files: images, TIFF tags, PDFs, e-prints; the files of an index; the answers of Elasticsearch."""

from __future__ import annotations

import atexit
import gzip
import io
import json
import shutil
import struct
import tarfile
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple

import elastic_transport
import numpy as np
from elasticsearch import Elasticsearch
from PIL import Image
from reportlab.pdfgen.canvas import Canvas

from mirsearch.errors import MirsearchError
from mirsearch.imaging.images import picture_size, read_pages, thumbnail
from mirsearch.imaging.pixel_sizes.reading import pixel_size_nm
from mirsearch.indexes.elasticsearch.bulk import BulkSender, index_action
from mirsearch.indexes.elasticsearch.client import Address
from mirsearch.indexes.elasticsearch.errors import read_answers
from mirsearch.indexes.elasticsearch.index import ElasticsearchIndex
from mirsearch.indexes.embedded.index import EmbeddedIndex
from mirsearch.isolation.pool import run_isolated
from mirsearch.query import Filters, SearchRequest
from mirsearch.ranking import Formula, Weights
from mirsearch.sources.latex.eprints import is_intact
from mirsearch.sources.latex.reading import read_eprint_figures, read_eprint_picture
from mirsearch.sources.pdf.extraction import extract_pdf
from tests.fuzz.json_patches import MARK, patched
from tests.fuzz.target import CORPUS, MOST_SECONDS, Target
from tests.fuzz.texts import FOLDER
from tests.support import index_records


def images(data: bytes) -> None:
    path = FOLDER / "image.bin"
    path.write_bytes(data)
    for read in (lambda: picture_size(path), lambda: [thumbnail(page.pixels) for page in read_pages(path)]):
        with suppress(MirsearchError):
            read()


TAGS = (270, 305, 34118, 34119, 34680, 34682, 50838, 50839, 65027, 65100, 282, 33628)


def tiff_tags(data: bytes) -> None:
    """Read a small TIFF: the first byte of an input chooses a tag, the second its type, the others are its value."""
    data += b"\0" * 10
    code, kind, value = TAGS[data[0] % len(TAGS)], data[1] % 13 + 1, data[2:]
    entries = {
        256: (4, 1, struct.pack("<I", 8)), 257: (4, 1, struct.pack("<I", 8)), 258: (3, 1, struct.pack("<I", 8)),
        262: (3, 1, struct.pack("<I", 1)), 273: (4, 1, struct.pack("<I", 8)), 278: (4, 1, struct.pack("<I", 8)),
        279: (4, 1, struct.pack("<I", 64)),
    }  # fmt: skip
    size = (1, 1, 2, 4, 8, 1, 1, 2, 4, 8, 4, 8, 4)[kind - 1]
    offset = 72 + 2 + 12 * (len(entries) + 1) + 4
    count = len(value) // size
    entries[code] = (kind, count, value[:4] if count * size <= 4 else struct.pack("<I", offset))
    folder = struct.pack("<H", len(entries))
    folder += b"".join(struct.pack("<HHI", tag, *entry[:2]) + entry[2] for tag, entry in sorted(entries.items()))
    path = FOLDER / "tags.tif"
    path.write_bytes(struct.pack("<2sHI", b"II", 42, 72) + b"\x80" * 64 + folder + b"\0" * 4 + value)
    with suppress(MirsearchError):
        pixel_size_nm(path)
    list(read_pages(path))


def pdf(data: bytes) -> None:
    path, folder = FOLDER / "a.pdf", FOLDER / "extracted"
    path.write_bytes(data)
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    content = run_isolated(extract_pdf, path, folder, name="a.pdf", seconds=2 * MOST_SECONDS)
    assert all((folder / figure.file).is_file() for figure in content.figures)


def eprints(data: bytes) -> None:
    path = FOLDER / "eprint"
    path.write_bytes(_with_checksums(data))
    is_intact(path)
    with suppress(MirsearchError):
        read_eprint_figures(path, "arXiv:1")
    read_eprint_picture(path, "arXiv:1", "m.tex", 1000)


def _with_checksums(data: bytes) -> bytes:
    """Return a tar archive with right checksums, without which a reader looks at nothing else."""
    if len(data) % 4 == 0 or data[:2] == b"\x1f\x8b":
        return data
    archive = bytearray(data)
    for start in range(0, len(archive) - 511, 512):
        if archive[start + 257 : start + 262] == b"ustar":
            archive[start + 148 : start + 156] = b" " * 8
            archive[start + 148 : start + 156] = b"%06o\0 " % sum(archive[start : start + 512])
    return bytes(archive)


REQUEST = SearchRequest(
    vector=index_records.vectors(7, 1)[0], field_of_view_nm=1000.0, text="SEM gold",
    formula=Formula(weights=Weights(0.5, 0.3, 0.2)),
)  # fmt: skip
_CLEAN = Path(tempfile.mkdtemp(prefix="mirsearch-fuzz-index-"))
atexit.register(shutil.rmtree, _CLEAN, ignore_errors=True)


def _clean_index() -> Path:
    folder = _CLEAN / "index"
    if not folder.exists():
        with index_records.filled(_CLEAN, map(index_records.record, range(6))) as index:
            index.search(REQUEST)
    return folder


def index_files(data: bytes) -> None:
    """Damage the files of an index: each 8 bytes of an input are a file, a place, and what is done there."""
    clean, damaged = _clean_index(), FOLDER / "index"
    shutil.rmtree(damaged, ignore_errors=True)
    shutil.copytree(clean, damaged)
    files = sorted(path for path in damaged.rglob("*") if path.is_file() and path.stat().st_size)
    for number, at, length, value in struct.iter_unpack(">BIHB", data[: len(data) // 8 * 8]):
        path = files[number % len(files)]
        content = bytearray(path.read_bytes())
        start = at % (len(content) + 1)
        if length % 3 == 0:
            del content[start:]
        else:
            content[start : start + 1 + length % 64] = bytes([value]) * (1 + length % 64)
        path.write_bytes(content)
    with EmbeddedIndex.open(str(damaged)) as index:
        for read in (
            lambda: index.search(REQUEST), lambda: list(index.select_panels(Filters())), index.stats, index.failures,
        ):  # fmt: skip
            with suppress(MirsearchError):
                read()


class _Answer(NamedTuple):
    meta: elastic_transport.ApiResponseMeta
    body: bytes


class _Node(elastic_transport.BaseNode):
    """A node that answers every request with the same bytes."""

    answer = b"{}"

    def perform_request(self, method: str, target: str, *_: Any, **__: Any) -> Any:
        headers = {"content-type": "application/json", "x-elastic-product": "Elasticsearch"}
        meta = elastic_transport.ApiResponseMeta(200, "1.1", elastic_transport.HttpHeaders(headers), 0.0, self.config)
        return _Answer(meta, self.answer)

    def close(self) -> None:
        pass


ADDRESS = Address("http://localhost:9200", "figures")


def cluster_answers(data: bytes) -> None:
    """Read what Elasticsearch answers to bulk requests, searches and look-ups."""
    _Node.answer = patched([json.loads(answer) for answer in _answer_seeds()], data)
    client = Elasticsearch(ADDRESS.cluster, node_class=_Node)
    sender = BulkSender(client, ADDRESS)
    try:
        for identity in ("a", "b"):
            sender.add([index_action("figures", identity, {"caption": "x"})])
        with suppress(MirsearchError), read_answers(ADDRESS):
            sender.flush()
    finally:
        sender.close()
    with suppress(MirsearchError), read_answers(ADDRESS):
        index = ElasticsearchIndex(ADDRESS, client, "figures-1")
        for read in (
            lambda: index.search(REQUEST), lambda: list(index.select_panels(Filters())), index.stats, index.failures,
            lambda: index.panels(["a"]), lambda: index.known_figures(["a"]), lambda: index.vector("a"),
        ):  # fmt: skip
            with suppress(MirsearchError), read_answers(ADDRESS):
                read()
    client.close()


def _image_seeds() -> tuple[bytes, ...]:
    chance = np.random.default_rng(0)
    color = Image.fromarray(chance.integers(0, 255, (20, 24, 3), dtype=np.uint8))
    seeds = []
    for kind, picture, options in (
        ("PNG", color, {}), ("PNG", color.convert("P"), {"transparency": 3}), ("PNG", color.convert("I;16"), {}),
        ("JPEG", color, {"progressive": True}), ("JPEG", color.convert("CMYK"), {}), ("BMP", color, {}),
        ("GIF", color.convert("P"), {"save_all": True, "append_images": [color.convert("P")]}), ("WEBP", color, {}),
        ("TIFF", color, {"compression": "tiff_lzw"}), ("TIFF", color, {"compression": "tiff_adobe_deflate"}),
        ("TIFF", color.convert("L"), {"compression": "packbits"}), ("TIFF", color, {"compression": "jpeg"}),
    ):  # fmt: skip
        stream = io.BytesIO()
        picture.save(stream, kind, **options)
        seeds.append(stream.getvalue())
    return tuple(seeds)


def _pdf_seed() -> bytes:
    stream = io.BytesIO()
    canvas = Canvas(stream, pageCompression=0, invariant=True)
    canvas.rect(100, 400, 200, 150, fill=1)
    canvas.drawInlineImage(Image.new("L", (8, 8), 99), 320, 400, 100, 100)
    canvas.drawString(100, 380, "Figure 1. Rods, scale bar 2 um.")
    canvas.save()
    return stream.getvalue()


def _eprint_seeds() -> tuple[bytes, ...]:
    paper = (CORPUS / "latex" / "paper.tex").read_bytes()
    archives = []
    for kind in (tarfile.PAX_FORMAT, tarfile.GNU_FORMAT, tarfile.USTAR_FORMAT):
        stream = io.BytesIO()
        with tarfile.open(fileobj=stream, mode="w", format=kind) as archive:
            for name, content in (("m.tex", paper), ("fig/a.png", b"x" * 40), ("x" * 90 + ".tex", b"y")):
                member = tarfile.TarInfo(name)
                member.size = len(content)
                archive.addfile(member, io.BytesIO(content))
        archives.append(stream.getvalue()[:6000])
    return (*archives, gzip.compress(archives[0], mtime=0), paper, _pdf_seed()[:600])


def _answer_seeds() -> tuple[bytes, ...]:
    item = {"index": {"_id": "a", "status": 201}}
    refused = {
        "index": {"_id": "b", "status": 400, "error": {"type": "x", "reason": "y", "caused_by": {"reason": "z"}}}
    }
    hit = {"_id": "a", "_score": 0.5, "_source": {"id": "a", "box": [0, 0, 9, 9], "figure": {"id": "f"}}, "sort": [1]}
    meta = {"figures-1": {"mappings": {"_meta": {"extractor": {"name": "made", "version": "1", "dims": 48}}}}}
    answers: list[Any] = [
        {"took": 1, "errors": True, "items": [item, refused]}, meta,
        {"took": 1, "timed_out": False, "_shards": {"failed": 0}, "hits": {"total": {"value": 1}, "hits": [hit, hit]},
         "aggregations": {"a": {"value": 1, "buckets": [{"key": "x", "doc_count": 1}]}}, "pit_id": "p", "count": 3},
        {"docs": [{"_id": "a", "found": True, "_source": hit["_source"]}]},
    ]  # fmt: skip
    return tuple(json.dumps(answer).encode() for answer in answers)


TAG_TEXTS = (
    (0, b"ImageJ=1.53\nunit=micron\nimages=1\nmin=0"), (0, b"<OME><Image><Pixels PhysicalSizeX='1'/></Image></OME>"),
    (2, b"AP_PIXEL_SIZE\r\nPixel Size = 5.0 nm\r\n"), (5, b"[Scan]\r\nPixelWidth=1e-9\r\n"), (10, b"1 2 3"),
    (4, b"<FeiImage><pixelWidth unit='m'>1e-9</pixelWidth></FeiImage>"), (1, b"DigitalMicrograph"),
)  # fmt: skip
TAG_WORDS = (b"PixelWidth=", b"unit=", b"nm", b"<", b">", b"\r\n", b"=", b"1e-9", b"\xb5m")
DAMAGES = tuple(
    struct.pack(">BIHB", number, at, length, 255)
    for number in range(6)
    for at, length in ((0, 1), (200, 3), (4099, 40))
)
PDF_WORDS = (b"/Kids [3 0 R]", b"endobj", b"/Length 9", b" Do\n", b"/W [1 2 1]")
EPRINT_WORDS = (b"ustar", b"../", b"\x80" + b"\0" * 11, b"xgLK")
CLUSTER_SEEDS = (*_answer_seeds(), *(MARK + bytes((number, 3, 5, 9, 2)) for number in range(4)))
CLUSTER_WORDS = (b'"status": 503', b'"error": ', b'"hits": ', b'"items": [')

TARGETS = (
    Target("images", images, _image_seeds(), (b"IDAT", b"\xff\xda", b"II*\0", b"GIF89a")),
    Target("tiff-tags", tiff_tags, tuple(bytes((number, 1)) + text for number, text in TAG_TEXTS), TAG_WORDS),
    Target("pdf", pdf, (_pdf_seed(),), PDF_WORDS),
    Target("eprints", eprints, _eprint_seeds(), EPRINT_WORDS),
    Target("index-files", index_files, DAMAGES),
    Target("cluster-answers", cluster_answers, CLUSTER_SEEDS, CLUSTER_WORDS),
)
