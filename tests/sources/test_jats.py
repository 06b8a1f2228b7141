"""JATS articles: their data, figures and captions, the images beside them, and XML that is refused."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from mirsearch.errors import SourceError
from mirsearch.settings import Limits
from mirsearch.sources.base import FoundFigure, SourceFailure, SourceRequest
from mirsearch.sources.jats.figures import JatsFigure
from mirsearch.sources.jats.match_images import href_file_name, leaves_folder, parse_figure_number
from mirsearch.sources.jats.parse import parse_jats, read_jats
from mirsearch.sources.jats.source import JatsSource

NAMESPACES = (
    'xmlns:xlink="http://www.w3.org/1999/xlink" xmlns:mml="http://www.w3.org/1998/Math/MathML" '
    'xmlns:ali="http://www.niso.org/schemas/ali/1.0/"'
)
META = """<front><journal-meta><journal-title-group><journal-title>J. Rods</journal-title></journal-title-group>
</journal-meta>
<article-meta><article-id pub-id-type="pmc">PMC12345</article-id>
<article-id pub-id-type="doi">10.1000/ROD.1</article-id>
<title-group><article-title>Growth of TiO<sub>2</sub> rods</article-title></title-group>
<contrib-group>
<contrib contrib-type="author"><name><surname>Bell</surname><given-names>Ada</given-names></name></contrib>
<contrib contrib-type="editor"><name><surname>No</surname><given-names>Ed</given-names></name></contrib>
</contrib-group>
<pub-date pub-type="pmc-release"><year>2016</year></pub-date><pub-date pub-type="epub"><year>2019</year></pub-date>
<pub-date pub-type="collection"><year>2020</year></pub-date>
<permissions><license license-type="open-access"><license-p>Free under <ext-link
xlink:href="http://creativecommons.org/licenses/by/4.0/">this</ext-link>.</license-p></license></permissions>
</article-meta></front>"""


def article(body: str, meta: str = META, doctype: str = "", tail: str = "") -> bytes:
    return f"{doctype}<article {NAMESPACES}>{meta}<body>{body}</body>{tail}</article>".encode()


def fig(number: int, caption: str = "Rods.", href: str | None = None, kind: str = "Figure", inner: str = "") -> str:
    graphic = f'<graphic xlink:href="{href}"/>' if href else ""
    text = f"<caption><p>{caption}</p></caption>" if caption else ""
    return f'<fig id="f{number}"><label>{kind} {number}</label>{text}{graphic}{inner}</fig>'


def figures(body: str, **more: str) -> list[JatsFigure]:
    (found,) = parse_jats(article(body, **more), "a.xml")
    return list(found.figures)


def captions(body: str) -> list[str]:
    return [figure.caption for figure in figures(body)]


def draw(folder: Path, *names: str) -> None:
    for number, name in enumerate(names):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        Image.new("L", (4 + number % 200, 4), number % 250).save(folder / name)


def write(path: Path, data: bytes) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    return path


def find(*paths: Path) -> tuple[list[FoundFigure], list[SourceFailure]]:
    found = list(JatsSource().find_figures(SourceRequest(paths)))
    return [item for item in found if isinstance(item, FoundFigure)], [
        item for item in found if isinstance(item, SourceFailure)
    ]


def labels(found: list[FoundFigure]) -> dict[str, str | None]:
    return {figure.path.name: figure.label for figure in found}


def test_article_data() -> None:
    (found,) = parse_jats(article(fig(1)), "a.xml")
    data = found.article
    assert data is not None
    assert data.id == "doi:10.1000/rod.1"
    assert (data.title, data.pmcid, data.journal, data.year) == ("Growth of TiO2 rods", "PMC12345", "J. Rods", 2019)
    assert (data.license, data.authors, data.url) == ("CC BY 4.0", ("Ada Bell",), "https://doi.org/10.1000/rod.1")
    assert not data.retracted


@pytest.mark.parametrize(
    ("license_xml", "name"),
    [('<license xlink:href="https://creativecommons.org/licenses/by-nc/4.0/"/>', "CC BY-NC 4.0"),
     ("<license><ali:license_ref>http://creativecommons.org/licenses/by/3.0/</ali:license_ref></license>", "CC BY 3.0"),
     ("<license><license-p>Under the Creative Commons Attribution License 4.0.</license-p></license>", "CC BY 4.0"),
     ('<license license-type="creativeCommonsBy"/>', "creativeCommonsBy"),
     ('<license license-type="open-access"/>', None),
     ("<license><license-p>All rights reserved.</license-p></license>", "All rights reserved."), ("", None)],
)  # fmt: skip
def test_licenses_as_publishers_write_them(license_xml: str, name: str | None) -> None:
    title = "<title-group><article-title>T</article-title></title-group>"
    meta = f"<front><article-meta>{title}<permissions>{license_xml}</permissions></article-meta></front>"
    (found,) = parse_jats(article("", meta), "a.xml")
    assert found.article is not None
    assert found.article.license == name


def test_an_article_that_says_nothing_of_itself_and_a_retracted_one() -> None:
    assert parse_jats(article(fig(1), ""), "a.xml")[0].article is None
    meta = META.replace("Growth", "RETRACTED: Growth")
    assert parse_jats(article("", meta), "a.xml")[0].article.retracted  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("marked", "plain"),
    [("LiMn<sub>2</sub>O<sub>4</sub> at 10<sup>−3</sup> A cm<sup>−2</sup>, Li<sup>+</sup>",
      "LiMn2O4 at 10^−3 A cm−2, Li+"),
     ("as in [<xref rid='b1'>12</xref>], <italic>a</italic>-axis", "as in [12], a-axis"),
     ("<bold>a</bold>\n  two   <bold>b</bold>", "a two b"), ("1 &lt; 2 &amp; &#181;m", "1 < 2 & µm"),
     ("of <inline-formula><alternatives>"
      "<tex-math>\\documentclass{x}\\begin{document}$$\\alpha _1$$\\end{document}</tex-math>"
      "<mml:math><mml:msub><mml:mi>α</mml:mi><mml:mn>1</mml:mn></mml:msub></mml:math>"
      "<inline-graphic xlink:href='e.gif'/>"
      "</alternatives></inline-formula> here", "of α_1 here"),
     ("<inline-formula><tex-math>\\begin{document}$\\beta$\\end{document}</tex-math></inline-formula>", "\\beta"),
     ("<mml:math><mml:mfrac><mml:mi>a</mml:mi><mml:mrow><mml:mi>b</mml:mi><mml:mo>+</mml:mo><mml:mn>1</mml:mn></mml:mrow>"
      "</mml:mfrac></mml:math>", "a/(b+1)"),
     ("seen<fn><p>note</p></fn>.", "seen."), ("a<!-- hidden -->b", "ab")],
)  # fmt: skip
def test_captions_as_clean_text(marked: str, plain: str) -> None:
    assert captions(fig(1, marked)) == [plain]


def test_titles_paragraphs_and_doi_lines() -> None:
    body = (
        "<fig><label>Fig. 1.</label><caption><title>Rods.</title><p>(<bold>a</bold>) One.</p><p>Two.</p>"
        "<p><bold>DOI:</bold> <ext-link>http://dx.doi.org/10.1000/x.1</ext-link></p></caption></fig>"
    )
    (found,) = figures(body)
    assert (found.label, found.caption) == ("Fig. 1", "Rods. (a) One. Two.")


def test_entities_html_knows_are_read_without_a_dtd() -> None:
    doctype = '<!DOCTYPE article PUBLIC "-//NLM//DTD JATS v1.1//EN" "http://127.0.0.1:9/none.dtd">'
    (found,) = figures(fig(1, "2 &micro;m &times; 3 &unknown; end"), doctype=doctype)
    assert found.caption == "2 µm × 3 end"


def test_a_group_in_two_languages_with_its_image_outside() -> None:
    body = (
        '<fig-group><fig xml:lang="pt"><label>Figura 1:</label><caption><title>Barras</title></caption></fig>'
        '<fig xml:lang="en"><label>Figure 1:</label><caption><title>Rods</title></caption></fig>'
        '<alternatives><graphic xlink:href="a.tif"/><graphic xlink:href="b.png"/></alternatives></fig-group>'
    )
    (found,) = figures(body)
    assert (found.label, found.caption, found.images) == ("Figure 1", "Rods", (("a.tif", "b.png"),))


@pytest.mark.parametrize("with_image", ["pt", "en"])
def test_a_group_in_two_languages_with_its_image_in_one(with_image: str) -> None:
    image = '<graphic xlink:href="a.tif"/>'
    body = "".join(
        f'<fig xml:lang="{lang}"><label>{label}</label><caption><p>{text}</p></caption>'
        f"{image if lang == with_image else ''}</fig>"
        for lang, label, text in (("pt", "Figura 1", "Barras"), ("en", "Figure 1", "Rods"))
    )
    (found,) = figures(f"<fig-group>{body}</fig-group>")
    assert (found.label, found.caption, found.images) == ("Figure 1", "Rods", (("a.tif",),))


def test_two_captions_in_one_figure() -> None:
    body = '<fig><caption xml:lang="de"><p>Stäbe</p></caption><caption xml:lang="en"><p>Rods</p></caption></fig>'
    assert captions(body) == ["Rods"]


def test_a_translation_shares_its_figures() -> None:
    tail = (
        '<sub-article article-type="translation" xml:lang="en"><body>'
        + fig(1, "Rods", "x.tif").replace("<fig ", '<fig xml:lang="en" ')
        + "</body></sub-article>"
    )
    assert [each.caption for each in figures(fig(1, "Barras", "x.tif"), tail=tail)] == ["Rods"]


def test_a_group_with_parts_under_one_caption() -> None:
    body = (
        "<fig-group><label>Figure 5</label><caption><p>Rods.</p></caption>"
        '<fig><label>(a)</label><caption><p>Short.</p></caption><graphic xlink:href="5a"/></fig>'
        '<fig><label>(b)</label><graphic xlink:href="5b"/></fig></fig-group>'
    )
    first, second = figures(body)
    assert (first.label, first.caption) == ("Figure 5 (a)", "Rods. Short.")
    assert (second.label, second.caption) == ("Figure 5 (b)", "Rods.")


def test_letters_of_lists_in_captions() -> None:
    items = "<list-item><label>{}</label><p>SEM image of rods</p></list-item><list-item><label>{}</label><p>Plot.</p>"
    lettered = "<title>Rods</title><p><list>" + items + "</list-item></list></p>"
    for first, second, text in (
        ("A", "B, C", "Rods. (A) SEM image of rods. (B, C) Plot."),
        ("(a)", "(b–d)", "Rods. (a) SEM image of rods. (b–d) Plot."),
        ("i.", "ii and iii", "Rods. (i) SEM image of rods. (ii and iii) Plot."),
        ("•", "2.", "Rods SEM image of rods 2. Plot."),
    ):
        assert figures(fig(1).replace("<p>Rods.</p>", lettered.format(first, second)))[0].caption == text
    implied = (
        '<list list-type="alpha-upper"><list-item><p>One.</p></list-item><list-item><p>Two.</p></list-item></list>'
    )
    assert captions(fig(1, implied)) == ["(A) One. (B) Two."]
    terms = "<def-list><def-item><term>A</term><def><p>SEM</p></def></def-item></def-list> Bars: 1 µm"
    assert captions(fig(1, terms)) == ["(A) SEM. Bars: 1 µm"]


def test_groups_in_groups_keep_the_labels_and_captions_of_all_levels() -> None:
    image = '<graphic xlink:href="{}"/>'
    inner = (
        "<fig-group><label>{}</label><caption><p>{}</p></caption>"
        f"<fig><label>(i)</label><caption><p>One.</p></caption>{image}</fig>"
        f"<fig><label>Panel B</label>{image}</fig></fig-group>"
    )
    body = "<fig-group><label>Figure 4</label><caption><p>All.</p></caption>" + (
        inner.format("A", "Rods.", "1", "2") + inner.format("Figure 4 supplement 1", "More.", "3", "4") + "</fig-group>"
    )
    assert [(each.label, each.caption, each.images[0][0]) for each in figures(body)] == [
        ("Figure 4 A (i)", "All. Rods. One.", "1"), ("Figure 4 A Panel B", "All. Rods.", "2"),
        ("Figure 4 supplement 1 (i)", "All. More. One.", "3"), ("Figure 4 supplement 1 Panel B", "All. More.", "4"),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("inner", "label", "caption"),
    [
        ('<graphic xlink:href="a"/>Fig. 3. Rods: SEM; <graphic xlink:href="b"/>- a wire.', "Fig. 3",
         "Rods: SEM; - a wire."),
        ('<graphic xlink:href="a"/><p><bold>Figure 2b.</bold> Rods.</p>', "Figure 2b", "Rods."),
        ('<caption><title>Scheme 4: Rods</title></caption><graphic xlink:href="a"/>', "Scheme 4", "Rods"),
        ('<label>Figure 5</label><caption><p>Rods.</p></caption><graphic xlink:href="a"/><p>Bar: 1 µm.</p>', "Figure 5",
         "Rods. Bar: 1 µm."),
        ('<caption><p>Figure 5.SEM of rods</p></caption><graphic xlink:href="a"/>', "Figure 5", "SEM of rods"),
        ("<alt-text>no</alt-text>Rods.<table-wrap><caption><p>no</p></caption></table-wrap>", None, "Rods."),
    ],
)  # fmt: skip
def test_labels_and_text_wherever_they_stand_in_a_figure(inner: str, label: str | None, caption: str) -> None:
    (found,) = figures(f"<fig>{inner}</fig>")
    assert (found.label, found.caption) == (label, caption)


def test_images_of_tables_and_formulas_are_no_figures(tmp_path: Path) -> None:
    body = (
        fig(1, "Rods.", "g1")
        + '<table-wrap><label>Table 1</label><graphic xlink:href="t1.jpg"/></table-wrap>'
        + '<p>As <inline-graphic xlink:href="sign.gif"/> or <inline-formula><graphic xlink:href="i1"/></inline-formula>'
        + '<disp-formula><graphic xlink:href="e1"/></disp-formula></p>'
        + fig(1, "Sizes.", "fig9", kind="Table")
        + '<fig fig-type="equation"><graphic xlink:href="e2"/></fig><bio><fig><graphic xlink:href="me"/></fig></bio>'
        + '<supplementary-material xlink:href="s1.png"><caption><title>Table S1. Sizes</title></caption>'
        + "</supplementary-material>"
    )
    write(tmp_path / "a.xml", article(body))
    draw(
        tmp_path,
        "g1.png",
        "t1.jpg",
        "sign.gif",
        "i1.gif",
        "e1.gif",
        "e2.png",
        "fig9.png",
        "me.jpg",
        "s1.png",
        "new.png",
    )
    found, failures = find(tmp_path)
    assert labels(found) == {"g1.png": "Figure 1", "new.png": None}
    assert failures == []


BY, BY_NC = "http://creativecommons.org/licenses/by/4.0/", "http://creativecommons.org/licenses/by-nc/3.0/"


def in_words(words: str) -> str:
    """Return a license with an address of CC BY and these words."""
    return f"<license xlink:href='{BY}'><license-p>{words}</license-p></license>"


@pytest.mark.parametrize(
    ("permissions", "name"),
    [
        ("<copyright-statement>© 2020 Bell. This is an open access article under the CC BY-NC-ND license."
         "</copyright-statement>", "CC BY-NC-ND"),
        (f"<copyright-statement>© Bell, see <ext-link xlink:href='{BY}'>here</ext-link></copyright-statement>",
         "CC BY 4.0"),
        (f"<license xlink:href='{BY}'/><license xlink:href='{BY_NC}'/>", "CC BY-NC 3.0"),
        (in_words("Creative Commons Attribution Non-Commercial License"), "CC BY-NC"),
        (in_words("It is free for non-commercial use and no modifications are made."), "CC BY-NC-ND"),
        (in_words("For commercial and non-commercial use; data are CC0 1.0."), "CC BY 4.0"),
        (in_words("© Bell, CC BY. All rights reserved."), "All rights reserved"),
        (f"<copyright-statement>© 2020 Bell. All rights reserved.</copyright-statement><license xlink:href='{BY}'/>",
         "CC BY 4.0"),
        (in_words("All rights reserved."), "All rights reserved."),
        (f"<license xlink:href='{BY}'/><copyright-statement>Bell, CC BY-SA 4.0</copyright-statement>", "CC BY-SA 4.0"),
        ("<copyright-statement>© 2020 Bell</copyright-statement>", None),
    ],
)  # fmt: skip
def test_the_strictest_of_several_licenses_counts(permissions: str, name: str | None) -> None:
    title = "<title-group><article-title>T</article-title></title-group>"
    for meta in (f"<permissions>{permissions}</permissions>", permissions):
        data = article("", f"<front><article-meta>{title}{meta}</article-meta></front>")
        (found,) = parse_jats(data, "a.xml")
        assert found.article is not None
        assert found.article.license == name


def test_lettered_figures_before_the_one_with_the_caption() -> None:
    body = (
        '<fig><label>(a)</label><graphic xlink:href="x"/></fig>' + fig(5, "(a) One and (b) two", "y") + fig(6, "z", "z")
    )
    assert [(each.label, each.caption) for each in figures(body)] == [
        ("Figure 5 (a)", "(a) One and (b) two"), ("Figure 5", "(a) One and (b) two"), ("Figure 6", "z"),
    ]  # fmt: skip


def test_several_images_in_a_figure() -> None:
    body = fig(1, inner='<graphic xlink:href="g1.jpg"/><graphic xlink:href="g1.gif"/><graphic xlink:href="g2"/>'
               '<p><inline-formula><inline-graphic xlink:href="e1"/></inline-formula></p>')  # fmt: skip
    assert figures(body)[0].images == (("g1.jpg", "g1.gif"), ("g2",))


def test_floats_and_supplements_and_graphical_abstracts() -> None:
    tail = f"<floats-group>{fig(2, 'Floating', 'f2')}</floats-group>"
    body = (
        fig(1, "In text", "f1")
        + '<supplementary-material id="s1"><label>Figure S1</label><caption><p>More</p></caption>'
        '<media xlink:href="s1.tif" mimetype="image"/></supplementary-material>'
        '<supplementary-material><media xlink:href="s2.pdf"/></supplementary-material>'
    )
    found = figures(body, tail=tail)
    assert [(each.label, each.optional) for each in found] == [
        ("Figure 1", False),
        ("Figure S1", True),
        ("Figure 2", False),
    ]
    abstract_xml = '<abstract abstract-type="graphical"><p>Seen. <graphic xlink:href="ga.jpg"/></p></abstract>'
    meta = META.replace("</article-meta>", f"{abstract_xml}</article-meta>")
    (abstract,) = parse_jats(article("", meta), "a.xml")[0].figures
    assert (abstract.label, abstract.caption, abstract.images) == ("Graphical abstract", "Seen.", (("ga.jpg",),))


def test_permissions() -> None:
    rights = "<permissions><copyright-statement>© 2001 E. Other</copyright-statement></permissions>"
    body = (
        fig(1, "Rods. Reproduced with permission from ref. 3. Copyright 2018 Elsevier.", "a")
        + fig(2, "Ours.", "b", inner=rights)
        + fig(3, "Ours too.", "c")
        + f"<fig><caption><p>Inside.</p>{rights}</caption></fig>"
    )
    first, second, third, fourth = figures(body)
    assert first.permission_note is not None
    assert first.permission_note.startswith("Reproduced with permission from ref. 3")
    assert "Copyright 2018 Elsevier" in first.permission_note
    assert second.permission_note == "© 2001 E. Other"
    assert second.caption == "Ours."
    assert third.permission_note is None
    assert (fourth.permission_note, fourth.caption) == ("© 2001 E. Other", "Inside.")


def test_images_by_name(tmp_path: Path) -> None:
    names = {
        "rods-g001": "rods-g001.jpg", "Second.tif": "second.PNG",
        "info:doi/10.1371/journal.pone.01.g003": "pone.01.g003.png",
        "https://files.example.org/a/b/fourth.jpg?x=1": "images/fourth.jpg", "sub/fifth.png": "figures/fifth.png",
    }  # fmt: skip
    write(tmp_path / "a.nxml", article("".join(fig(n, f"c{n}", href) for n, href in enumerate(names, 1))))
    draw(tmp_path, *names.values())
    found, failures = find(tmp_path)
    assert failures == []
    assert labels(found) == {Path(name).name: f"Figure {n}" for n, name in enumerate(names.values(), 1)}
    assert all(figure.article and figure.article.doi == "10.1000/rod.1" for figure in found)
    assert [figure.caption for figure in found] == ["c1", "c2", "c3", "c4", "c5"]
    assert found[0].origin.source == "jats"
    assert labels(find(tmp_path / "a.nxml")[0]) == labels(found)


def test_images_by_number(tmp_path: Path) -> None:
    body = (
        fig(1, "one", "x-g001")
        + fig(2, "two", "x-g002")
        + fig(3, "three", "x-g003")
        + fig(2, "route", "s", "Scheme")
        + fig(12, "12")
    )
    write(tmp_path / "full.xml", article(body))
    draw(
        tmp_path,
        "PMC1_Fig1.jpg",
        "PMC1_fig-02.png",
        "fig 3a.png",
        "fig 3b.png",
        "PMC1_Sch2.jpg",
        "Fig12.tif",
        "logo.png",
    )
    found, failures = find(tmp_path)
    assert failures == []
    assert labels(found) == {"PMC1_Fig1.jpg": "Figure 1", "PMC1_fig-02.png": "Figure 2", "fig 3a.png": "Figure 3",
                             "fig 3b.png": "Figure 3", "PMC1_Sch2.jpg": "Scheme 2", "Fig12.tif": "Figure 12",
                             "logo.png": None}  # fmt: skip
    plain = next(figure for figure in found if figure.path.name == "logo.png")
    assert plain.caption == ""
    assert plain.article is not None


def test_small_copies_of_an_image_are_left_out(tmp_path: Path) -> None:
    write(tmp_path / "a.xml", article(fig(1, "one", "g1.gif") + fig(2, "two", "x")))
    draw(tmp_path, "g1.gif", "g1.jpg", "fig2.gif", "fig2.png", "other.jpg", "other.gif")
    found, failures = find(tmp_path)
    assert failures == []
    assert labels(found) == {"g1.jpg": "Figure 1", "fig2.png": "Figure 2", "other.jpg": None}


def test_a_number_that_two_files_bear_is_no_answer(tmp_path: Path) -> None:
    write(tmp_path / "a.xml", article(fig(1, "one", "x")))
    draw(tmp_path, "old_fig1.png", "new_fig1.png")
    found, (failure,) = find(tmp_path)
    assert labels(found) == {"new_fig1.png": None, "old_fig1.png": None}
    assert "Figure 1" in failure.reason


def test_missing_images_are_one_line_an_article(tmp_path: Path) -> None:
    write(tmp_path / "a.xml", article("".join(fig(n, "c", f"g{n}") for n in range(1, 5))))
    draw(tmp_path, "g2.png")
    found, (failure,) = find(tmp_path)
    assert labels(found) == {"g2.png": "Figure 2"}
    assert "no image for 3 of 4 figures (Figure 1, Figure 3, Figure 4)" in failure.reason
    assert failure.is_note
    (tmp_path / "g2.png").unlink()
    found, (failure,) = find(tmp_path)
    assert found == []
    assert not failure.is_note


@pytest.mark.parametrize(
    "href", ["../secret", "/etc/secret.png", "..%2Fsecret.png", "a/../../secret", "file:///x/secret.png"]
)
def test_names_that_climb_out_are_refused(tmp_path: Path, href: str) -> None:
    draw(tmp_path, "secret.png")
    write(tmp_path / "in" / "a.xml", article(fig(1, "one", href)))
    found, failures = find(tmp_path / "in")
    assert found == []
    assert any("lead out of the folder are refused" in failure.reason for failure in failures)


def test_several_articles_in_one_folder(tmp_path: Path) -> None:
    for number in (1, 2):
        meta = META.replace("ROD.1", f"rod.{number}").replace("PMC12345", f"PMC100{number}")
        write(tmp_path / f"PMC100{number}.xml", article(fig(1, f"of {number}", "x"), meta))
    draw(tmp_path, "PMC1001_Fig1.png", "PMC1002_Fig1.png", "PMC1002_extra.png", "stray.png")
    found, failures = find(tmp_path)
    assert failures == []
    data_by_name = {
        figure.path.name: (figure.caption, figure.article.doi if figure.article else None) for figure in found
    }
    assert data_by_name == {"PMC1001_Fig1.png": ("of 1", "10.1000/rod.1"),
                            "PMC1002_Fig1.png": ("of 2", "10.1000/rod.2"),
                            "PMC1002_extra.png": ("", "10.1000/rod.2"), "stray.png": ("", None)}  # fmt: skip
    alone, _ = find(tmp_path / "PMC1002.xml")
    assert labels(alone) == {"PMC1002_Fig1.png": "Figure 1"}


def test_the_same_article_twice_is_read_once(tmp_path: Path) -> None:
    for name in ("a.xml", "b.nxml"):
        write(tmp_path / name, article(fig(1, "one", "g1")))
    draw(tmp_path, "g1.png")
    found, (failure,) = find(tmp_path)
    assert len(found) == 1
    assert failure.is_note
    assert "already read from another file" in failure.reason


BOMB = b"""<!DOCTYPE article [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;&a;&a;">
<!ENTITY c "&b;&b;&b;&b;&b;&b;&b;&b;&b;&b;"><!ENTITY d "&c;&c;&c;&c;&c;&c;&c;&c;&c;&c;">]>
<article><front/><body><p>&d;&d;</p></body></article>"""
OUTSIDE = b"""<!DOCTYPE article [<!ENTITY x SYSTEM "SECRET">]>
<article><front/><body><fig><caption><p>&x;</p></caption></fig></body></article>"""


@pytest.mark.parametrize(
    ("data", "message"),
    [(BOMB, "declares XML entities"), (OUTSIDE, "declares XML entities"), (b"", "empty file"), (b"  \n", "empty file"),
     (article(fig(1))[:-200], "not well-formed XML: line"), (b"<article><front></article>", "not well-formed XML"),
     (b"no xml at all", "not well-formed XML"),
     (b"<article><info/><para/></article>", "no JATS article (root <article>)"),
     (b"<?xml version='1.0' encoding='nonsense'?><article/>", "not well-formed XML"),
     (b"<a>" * 400 + b"</a>" * 400, "XML")],
    ids=["bomb", "outside", "empty", "blank", "cut", "crossed", "text", "docbook", "encoding", "deep"],
)  # fmt: skip
def test_xml_that_is_refused(tmp_path: Path, data: bytes, message: str) -> None:
    secret = write(tmp_path / "secret.txt", b"top secret")
    path = write(tmp_path / "in" / "bad.nxml", data.replace(b"SECRET", secret.as_uri().encode()))
    with pytest.raises(SourceError) as caught:
        read_jats(path)
    assert message in caught.value.message
    assert "bad.nxml" in caught.value.message
    assert caught.value.remedy
    write(tmp_path / "in" / "good.xml", article(fig(1, "fine", "g1")))
    draw(tmp_path / "in", "g1.png")
    found, failures = find(tmp_path / "in")
    assert [figure.caption for figure in found] == ["fine"]
    assert [failure.location for failure in failures if not failure.is_note] == [str(path)]
    assert all("top secret" not in str(item) for item in (*found, *failures))


def test_xml_too_large(tmp_path: Path) -> None:
    path = write(tmp_path / "a.xml", article(fig(1)))
    with pytest.raises(SourceError, match="more than 100 bytes of XML"):
        read_jats(path, Limits(xml_bytes=100))


def test_other_xml_in_the_folder_is_a_note(tmp_path: Path) -> None:
    write(tmp_path / "scan.xml", b"<microscope><volts>5</volts></microscope>")
    write(tmp_path / "a.xml", article(fig(1, "fine", "g1")))
    draw(tmp_path, "g1.png")
    _, (failure,) = find(tmp_path)
    assert failure.is_note
    assert "no JATS article (root <microscope>)" in failure.reason


def test_recognizes(tmp_path: Path) -> None:
    source = JatsSource()
    doctype = '<?xml version="1.0"?><!DOCTYPE article PUBLIC "-//NLM//DTD JATS v1.1//EN" "x.dtd">\n'
    good = write(tmp_path / "good" / "a.xml", article(fig(1), doctype=doctype))
    wide = write(
        tmp_path / "wide" / "a.xml",
        ('<?xml version="1.0" encoding="utf-16"?>' + article(fig(1)).decode()).encode("utf-16"),
    )
    other = write(tmp_path / "other" / "a.xml", b"<OME><Image/></OME>")
    bomb = write(tmp_path / "other" / "bomb.xml", b'<!DOCTYPE lolz [<!ENTITY lol "lol">]><lolz>&lol;</lolz>')
    for path in (good, wide):
        assert source.recognizes(path)
        assert source.recognizes(path.parent)
    assert not source.recognizes(other)
    assert not source.recognizes(other.parent)
    assert source.recognizes(bomb), "claimed, so that it is refused by name"
    assert find(wide)[1][0].reason.startswith("no image for 1 of 1")


@pytest.mark.parametrize(
    ("text", "number"),
    [("Figure 2", ("fig", "2", "")), ("Fig. 3b", ("fig", "3", "b")), ("PMC1_Fig12.jpg", ("fig", "12", "")),
     ("Scheme 2", ("sch", "2", "")), ("PMC7052225_Sch2", ("sch", "2", "")), ("Figure S3", ("fig", "s3", "")),
     ("materials-13-00560-g007", ("fig", "7", "")), ("gr1", ("fig", "1", "")),
     ("TMDN_A_1911705_F0001_B", ("fig", "1", "")),
     ("Extended Data Fig. 4", ("ext", "4", "")), ("Figure 2—figure supplement 1", ("supp", "2.1", "")),
     ("elife-1-fig2-figsupp1-v2", ("supp", "2.1", "")), ("FigS1", ("fig", "s1", "")),
     ("PMC1_figS02", ("fig", "s2", "")),
     ("Supplementary Figure 3", ("fig", "s3", "")), ("Appendix 1—figure 2", ("app", "2", "")),
     ("elife-1-app1-fig2", ("app", "2", "")), ("elife05502fs002", None),
     ("config2", None), ("photo", None)],
)  # fmt: skip
def test_numbers_in_labels_and_names(text: str, number: tuple[str, str, str] | None) -> None:
    assert parse_figure_number(text.removesuffix(".jpg")) == number


def test_parts_of_addresses() -> None:
    assert href_file_name("https://h.org/a/b%20c.jpg?x=/y#z") == "b c.jpg"
    assert href_file_name("a\\b.png") == "b.png"
    assert href_file_name("http://[bad/a.png") == "a.png"
    assert not leaves_folder("https://h.org/a/../b.png")
    assert leaves_folder("..\\b.png")


PIECES = ["<fig>", "</fig>", "<fig-group>", "</fig-group>", "<label>", "</label>", "(a)", "<caption>", "</caption>",
          "<p>",
          "</p>",
          "<graphic xlink:href='g1'/>", "<graphic xlink:href='../x'/>", "<alternatives>", "</alternatives>", "<sup>",
          "</sup>",
          "x",
          "<mml:math>", "</mml:math>", "<mml:msub>", "</mml:msub>", "&amp;", "&zz;", "<!--", "-->", "<sub-article>",
          "</sub-article>",
          "<inline-formula>", "</inline-formula>", "<supplementary-material>", "</supplementary-material>",
          "\x07", "😀"]  # fmt: skip


def nested(tags: list[str]) -> bytes:
    """An article whose body is these elements, one inside the other."""
    return article("".join(f"<{tag}>t" for tag in tags) + "".join(f"</{tag}>" for tag in reversed(tags)))


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    data=st.one_of(
        st.binary(max_size=200),
        st.lists(st.sampled_from(PIECES), max_size=30).map(lambda parts: article("".join(parts))),
        st.lists(st.sampled_from(["fig", "p", "caption", "label", "graphic", "fig-group", "sup"]), max_size=12)
        .map(nested),
    )
)  # fmt: skip
def test_any_xml_gives_figures_or_failures(tmp_path: Path, data: bytes) -> None:
    folder = tmp_path / "in"
    write(folder / "a.nxml", data)
    if not (folder / "g1.png").exists():
        draw(folder, "g1.png")
    found, failures = find(folder)
    assert found or failures
    for figure in found:
        assert figure.path.parent == folder.resolve()
        assert figure.caption.isprintable()


@pytest.mark.data
def test_real_articles_match_their_truth(shared_data: Path) -> None:
    import json

    checked = 0
    for truth in sorted((shared_data / "articles").glob("*/figures.json")):
        wanted = {each["image"]: each["label"] for each in json.loads(truth.read_text())["figures"] if each["image"]}
        found, failures = find(truth.parent)
        assert labels(found) == wanted
        assert all(failure.is_note for failure in failures)
        assert all(figure.caption and figure.article and figure.article.license for figure in found)
        checked += len(found)
    assert checked > 40


@pytest.mark.data
def test_difficult_articles_are_read(shared_data: Path) -> None:
    counts = {}
    for path in sorted((shared_data / "recorded" / "jats_difficult").glob("*ml")):
        (found,) = read_jats(path)
        counts[path.name.split("_")[-1]] = len(found.figures)
        assert found.article is not None
        assert found.article.title
        assert found.article.doi
        assert all(figure.images for figure in found.figures)
        text = path.read_text(encoding="utf-8")
        assert sum(not figure.caption for figure in found.figures) <= max(
            0, text.count("<fig ") - text.count("<caption>")
        )
        assert all("documentclass" not in figure.caption for figure in found.figures)
    assert counts == {"figura.xml": 40, "LMhWjxn9S8cVjDRDqFw8Zst.xml": 5, "porous-ceramics.xml": 8,
                      "elife05502.xml": 18,
                      "ehp-116-1694.nxml": 3, "pone.0114370.xml": 15, "PMC7417471.nxml": 6, "elife04490.xml": 17,
                      "matsuppl.xml": 4}  # fmt: skip
