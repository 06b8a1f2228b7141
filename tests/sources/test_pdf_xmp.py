"""Title and DOI of a PDF's XMP packet, and sentences of a PDF's text that speak of its figures."""

from __future__ import annotations

import zlib
from pathlib import Path

from mirsearch.sources.pdf.article import identify_article
from mirsearch.sources.pdf.document import find_figures
from mirsearch.sources.pdf.xmp import XmpData, read_xmp
from tests.support.pdf_making import PdfFig, make_pdf, noise_picture

TITLE = "On silver rods that grow at night"
NAMESPACES = (
    'xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#" xmlns:dc="http://purl.org/dc/elements/1.1/" '
    'xmlns:prism="http://prismstandard.org/namespaces/basic/2.0/"'
)


def packet(inner: str, attributes: str = "") -> bytes:
    return (
        f'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF {NAMESPACES}><rdf:Description {attributes}>{inner}'
        "</rdf:Description></rdf:RDF></x:xmpmeta>"
    ).encode()


def title(text: str) -> str:
    other = '<rdf:li xml:lang="de">Andere</rdf:li>'
    return f'<dc:title><rdf:Alt>{other}<rdf:li xml:lang="x-default">{text}</rdf:li></rdf:Alt></dc:title>'


def write(path: Path, *packets: bytes) -> Path:
    path.write_bytes(b"%PDF-1.4\n" + b"\n".join(packets) + b"\n%%EOF")
    return path


def test_title_and_doi_in_plain_and_packed_packets(tmp_path: Path) -> None:
    whole = packet(title(TITLE) + "<prism:doi>10.5555/RODS.1</prism:doi>")
    expected = XmpData((TITLE,), TITLE, "10.5555/rods.1")
    assert read_xmp(write(tmp_path / "a.pdf", whole)) == expected
    packed = (
        b"<</Type/Metadata/Subtype/XML/Filter/FlateDecode/Length 9>>stream\n" + zlib.compress(whole) + b"\nendstream"
    )
    assert read_xmp(write(tmp_path / "b.pdf", packed)) == expected
    short = packet("", 'prism:url="https://doi.org/10.5555/rods.1"')
    assert read_xmp(write(tmp_path / "c.pdf", short, packet(title("Figure 3")))) == XmpData(
        ("Figure 3",), "", "10.5555/rods.1"
    )


def test_packets_that_disagree_or_are_damaged_say_nothing(tmp_path: Path) -> None:
    one, two = (packet(f"<dc:identifier>doi:10.5555/{name}</dc:identifier>") for name in ("a", "b"))
    assert read_xmp(write(tmp_path / "a.pdf", one, two)) == XmpData()
    assert read_xmp(write(tmp_path / "b.pdf", one[:-20])) in (XmpData(), XmpData((), "", "10.5555/a"))
    assert read_xmp(write(tmp_path / "c.pdf", b"<x:xmpmeta" * 1000)) == XmpData()
    assert read_xmp(tmp_path / "none.pdf") == XmpData()


def test_the_packet_s_title_and_doi_are_the_article_s() -> None:
    xmp = XmpData((TITLE, "A picture of some rods"), TITLE, "10.5555/rods.1")
    article = identify_article("", "", [], "Nothing. https://doi.org/10.5555/other.2", set(), "file", xmp)
    assert (article.title, article.doi) == (TITLE, "10.5555/rods.1")
    shown = identify_article("", "", [], f"{TITLE}\nhttps://doi.org/10.5555/x", set(), "file", XmpData((TITLE,)))
    assert (shown.title, shown.doi) == (TITLE, "10.5555/x")
    unsure = identify_article("doi:10.5555/x", "", [], "See 10.5555/x and 10.5555/y", set(), "file", xmp)
    assert unsure.doi == "10.5555/x"


def test_sentences_that_speak_of_a_figure(tmp_path: Path) -> None:
    texts = [
        "The rods were grown on silicon at several temperatures and looked at after each hour. Figure 1a shows that "
        "they grew, as others have found. In Figs. 1 and 2 the flow of gas was held as before, which matters "
        "little here.",
        "Nothing is said of them in this paragraph, which is here to fill the column with words until its very end. It "
        "goes on (Fig. 2) and ends.",
    ]
    figs = [PdfFig(f"Figure {number}", "Rods.", [noise_picture(number)]) for number in (1, 2)]
    content = find_figures(make_pdf(tmp_path / "a.pdf", figs, paragraphs=texts), "a.pdf")
    first, second = (set(figure.mentions) for figure in content.figures)
    both = "In Figs. 1 and 2 the flow of gas was held as before, which matters little here."
    assert first == {"Figure 1a shows that they grew, as others have found.", both}
    assert second == {both, "It goes on (Fig. 2) and ends."}
