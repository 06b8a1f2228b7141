"""Read title and DOI from a PDF's XMP packet (ISO 16684), as far as the file keeps it where it can be found.

PDFium does not give the packet, so it is looked for in the file's bytes, plain or packed with Flate.
"""

from __future__ import annotations

import re
import zlib
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from lxml import etree

from mirsearch.sources.articles import clean_text, normalize_doi

_PACKET = re.compile(rb"<x:xmpmeta\b|<rdf:RDF\b")
_PACKET_ENDS = {b"<x:xmpmeta": b"</x:xmpmeta>", b"<rdf:RDF": b"</rdf:RDF>"}
_STREAM = re.compile(rb"/Subtype\s{0,4}/XML\b[^<>]{0,300}?(?:<<[^<>]{0,200}>>[^<>]{0,200}?)?>>\s{0,4}stream\r?\n")
_MAX_BYTES = 64 << 20
"""Bytes at the beginning and at the end of a file that are searched."""
_MAX_PACKET_BYTES = 1 << 20
_MAX_PACKETS = 50
"""Packets that are read: each image in a PDF may have one."""
_RDF = "{http://www.w3.org/1999/02/22-rdf-syntax-ns#}"
_LANG = "{http://www.w3.org/XML/1998/namespace}lang"
_DC = "{http://purl.org/dc/elements/1.1/}"
_DOI_NAMES = ("doi", "identifier", "DOI", "url")
"""Local names of elements and attributes that hold a DOI: prism:doi, pdfx:doi, crossmark:DOI, dc:identifier."""


@dataclass(frozen=True, slots=True)
class XmpData:
    """What a PDF's packets say of the article.

    `titles` are all titles, also those of images. `article_title` is the one in the packet that has the DOI; it and
    `doi` are empty if packets disagree.
    """

    titles: tuple[str, ...] = ()
    article_title: str = ""
    doi: str = ""


def read_xmp(path: Path) -> XmpData:
    """Return the titles and the DOI of a PDF file; nothing if it has no readable packet."""
    titles: dict[str, None] = {}
    titles_by_doi: dict[str, str] = {}
    for packet in _packets(_searched_bytes(path)):
        root = _parse(packet)
        if root is None:
            continue
        title = _title(root)
        titles.update({title: None} if title else {})
        for text in _texts(root, _DOI_NAMES):
            if doi := normalize_doi(text):
                titles_by_doi[doi] = titles_by_doi.get(doi) or title
    doi, title = next(iter(titles_by_doi.items())) if len(titles_by_doi) == 1 else ("", "")
    return XmpData(tuple(titles), title, doi)


def _searched_bytes(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            head = file.read(_MAX_BYTES)
            size = path.stat().st_size
            if size > _MAX_BYTES:
                file.seek(max(_MAX_BYTES, size - _MAX_BYTES))
                head += file.read(_MAX_BYTES)
    except OSError:
        return b""
    return head


def _packets(data: bytes) -> list[bytes]:
    """Return the packets in a file's bytes, and those in its packed streams of XML."""
    packets = _plain_packets(data)
    for match in islice(_STREAM.finditer(data), _MAX_PACKETS):
        stream = data[match.end() : match.end() + _MAX_PACKET_BYTES]
        try:
            packets += _plain_packets(zlib.decompressobj().decompress(stream, _MAX_PACKET_BYTES))
        except zlib.error:
            continue  # it is not packed, and was read as plain bytes
    return packets[:_MAX_PACKETS]


def _plain_packets(data: bytes) -> list[bytes]:
    packets: list[bytes] = []
    position = 0
    for _ in range(_MAX_PACKETS):
        match = _PACKET.search(data, position)
        if match is None:
            break
        mark = _PACKET_ENDS[match[0]]
        end = data.find(mark, match.end(), match.end() + _MAX_PACKET_BYTES)
        position = match.end() if end < 0 else end
        if end >= 0:
            packets.append(data[match.start() : end + len(mark)])
    return packets


def _parse(packet: bytes) -> etree._Element | None:
    parser = etree.XMLParser(
        resolve_entities=False, load_dtd=False, no_network=True, huge_tree=False, recover=True, remove_comments=True
    )
    try:
        return etree.fromstring(packet, parser)
    except (etree.XMLSyntaxError, ValueError):
        return None


def _texts(root: etree._Element, names: tuple[str, ...]) -> list[str]:
    """Return the texts of elements and attributes with these local names."""
    found: list[str] = []
    for element in root.iter(etree.Element):
        if re.split("[}:]", str(element.tag))[-1] in names:
            found.append(" ".join(str(text) for text in element.itertext()))
        found += [str(value) for key, value in element.attrib.items() if re.split("[}:]", str(key))[-1] in names]
    return found


def _title(root: etree._Element) -> str:
    """Return the title in dc:title: the English or default one of several languages."""
    for element in root.iter(f"{_DC}title"):
        items = list(element.iter(f"{_RDF}li"))
        items.sort(key=lambda item: item.get(_LANG, "") not in ("x-default", "en"))
        text = clean_text(" ".join(str(text) for text in (items[0] if items else element).itertext()))
        if text:
            return text
    return ""
