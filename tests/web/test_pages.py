"""The pages for people: what they show, and that every state is an address."""

from __future__ import annotations

import html
import io
import json
import re
from html.parser import HTMLParser
from urllib.parse import parse_qs, urlsplit

import numpy as np
import pytest
from PIL import Image

pytest.importorskip("fastapi", reason="the extra web is not installed")

from starlette.testclient import TestClient

from mirsearch import settings
from mirsearch.evaluation.judgments import read_judgments
from mirsearch.indexes import open_index
from mirsearch.query import Filters
from mirsearch.web.rendering import web_environment
from tests.support.cli_runner import run
from tests.support.web_site import Served


class Page(HTMLParser):
    """The elements of a page and its text."""

    def __init__(self, document: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.feed(document)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.text += data

    def links(self, *words: str) -> list[str]:
        return [
            a["href"] for tag, a in self.found if tag == "a" and all(word in (a.get("href") or "") for word in words)
        ]


def get(client: TestClient, address: str, status: int = 200) -> Page:
    answer = client.get(address)
    assert answer.status_code == status, answer.text
    return Page(answer.text)


def ask_with_image(client: TestClient, served: Served, **fields: str) -> str:
    """The address to which the form leads after an upload."""
    with served.query.open("rb") as file:
        answer = client.post("/search", data=fields, files={"file": ("mine & yours.png", file, "image/png")})
    assert answer.status_code == 303
    return answer.headers["location"]


def test_the_first_page_tells_what_the_corpus_holds(client: TestClient, served: Served) -> None:
    page = get(client, "/")
    assert f"{len(served.stored)} panels" in page.text
    assert page.links("technique=SEM")
    assert any(tag == "input" and a.get("type") == "file" for tag, a in page.found)


def test_nothing_is_inline_and_nothing_comes_from_elsewhere(client: TestClient, served: Served) -> None:
    for address in ("/", "/search?text=image", "/corpus", f"/figures/{served.stored[0].figure.id}", "/no-such-page"):
        answer = client.get(address)
        assert "unsafe" not in answer.headers["content-security-policy"]
        for tag, attributes in Page(answer.text).found:
            assert not any(name.startswith("on") or name == "style" for name in attributes), (tag, attributes)
            assert tag != "script" or (attributes.get("src") or "").startswith("/static/")
            assert tag != "style"
            for name in ("src", "action", "srcset"):
                assert (attributes.get(name) or "/").startswith("/")
            if tag != "a":
                assert (attributes.get("href") or "/").startswith(("/", "data:,"))


def test_words_find_panels_with_reasons_and_links(client: TestClient) -> None:
    page = get(client, "/search?text=image")
    hits = [a for tag, a in page.found if tag == "li" and "data-rank" in a]
    assert [hit["data-rank"] for hit in hits] == [str(rank) for rank in range(1, len(hits) + 1)]
    assert "Why this rank" in page.text
    assert page.links("/figures/")
    assert page.links("like=", "/search?")


def test_words_are_a_condition_where_they_are_asked_for_so(client: TestClient, served: Served) -> None:
    like = served.stored[0].panel.id
    page = get(client, f"/search?like={like}&text=nowhereword&require=1")
    assert any(tag == "input" and a.get("name") == "require" and "checked" in a for tag, a in page.found)
    assert "no panel has these words" in page.text
    assert "no panel has the word “nowhereword”" in page.text
    assert "no panel has these words" not in get(client, f"/search?like={like}&text=nowhereword").text
    assert "“Words”: AND has no word after it, at character 7" in get(client, "/search?text=image+AND", 400).text


def test_an_uploaded_image_is_an_address(client: TestClient, served: Served) -> None:
    address = ask_with_image(
        client, served, top="4", weight_visual="0.6", weight_scale="0.3", weight_text="0.3", text=""
    )
    assert set(parse_qs(urlsplit(address).query)) == {"image", "top"}
    page = get(client, address)
    assert "mine & yours.png" in page.text
    assert "What was read" in page.text
    assert re.search(r"scale: .* = .* px → .* nm/px \(label", page.text)
    assert [a["class"] for tag, a in page.found if tag == "rect" and a.get("class") == "box bar"]
    pictures = [a["href"] for tag, a in page.found if tag == "image"]
    for picture in pictures:
        assert client.get(str(picture)).headers["content-type"] == "image/jpeg", picture
    assert len([a for tag, a in page.found if "data-rank" in a]) == 4


def test_the_same_scale_is_a_switch(client: TestClient, served: Served) -> None:
    like = next(one.panel for one in served.stored if one.panel.scale is not None and one.panel.kind == "micrograph")
    (address,) = re.findall(r'href="([^"]+)"[^>]*>Same scale', client.get(f"/search?like={like.id}").text)
    ends = re.fullmatch(r"/search\?like=[\w-]+&fov=([\d.]+)nm\.\.([\d.]+)nm", html.unescape(address))
    assert ends, address
    assert [2 * float(ends[1]), float(ends[2]) / 2] == pytest.approx([like.field_of_view_nm] * 2, rel=1e-3)
    narrowed = client.get(html.unescape(address)).text
    assert re.findall(r'href="([^"]+)" class="chosen"[^>]*>Same scale', narrowed) == [f"/search?like={like.id}"]


def test_an_image_like_no_other_is_told(client: TestClient) -> None:
    drawn = np.zeros((80, 80, 3), np.uint8)
    drawn[..., 0], drawn[20:60, 20:60] = np.linspace(0, 255, 80), (0, 255, 0)
    data = io.BytesIO()
    Image.fromarray(drawn).save(data, "PNG")
    answer = client.post("/search", files={"file": ("square.png", data.getvalue(), "image/png")})
    page = get(client, answer.headers["location"])
    assert "the corpus has nothing like it: these are the nearest panels" in page.text


def test_a_length_that_was_not_read_is_asked_for(client: TestClient, served: Served) -> None:
    address = ask_with_image(client, served, crop="0,0,150,100", technique="SEM")
    page = get(client, address)
    (form,) = [a for tag, a in page.found if tag == "form" and a.get("class") == "length"]
    assert form["method"] == "get"
    assert "Width of the image" in page.text
    answer = get(client, f"{address}&field_of_view=3+um")
    assert "3 µm across" in answer.text
    hidden = {a["name"]: a["value"] for tag, a in page.found if tag == "input" and a.get("type") == "hidden"}
    assert hidden["technique"] == "SEM"
    assert hidden["crop"] == "0,0,150,100"


def test_the_answer_of_a_page_is_that_of_the_command_line(client: TestClient, served: Served) -> None:
    address = ask_with_image(client, served, text="image", top="5")
    told = client.get(address.replace("/search", "/search.json")).json()
    of_people = ("--per-article", str(settings.PER_ARTICLE))  # the JSON of the command is otherwise for programs
    words = ("query", served.query, "--text", "image", "--top", "5", "--index", served.location, "--format", "json")
    expected = run(*words, *of_people).json()
    assert [(hit["id"], pytest.approx(hit["score"], abs=1e-6)) for hit in told["hits"]] == [
        (hit["id"], hit["score"]) for hit in expected["hits"]
    ]
    assert told["hits"]
    table = client.get(address.replace("/search", "/search.csv"))
    assert table.headers["content-type"] == "text/csv; charset=utf-8"
    assert len(table.text.splitlines()) == 1 + len(told["hits"])


@pytest.mark.parametrize(
    "query", ["technique=SEM", "technique=SEM&start=4&top=3", "text=image", "text=image&start=3&top=2"]
)
def test_other_forms_of_an_address_hold_the_hits_of_its_page(client: TestClient, query: str) -> None:
    page = get(client, f"/search?{query}")
    pictures = (re.fullmatch(r"/pictures/(.+)\.jpg", str(a["href"])) for tag, a in page.found if tag == "image")
    shown = [picture[1] for picture in pictures if picture]
    last = [int(str(a["data-rank"])) for _, a in page.found if "data-rank" in a][-1]
    told = client.get(f"/search.json?{query}").json()["hits"]
    assert [hit["rank"] for hit in told] == list(range(1, last + 1))
    assert [hit["id"] for hit in told][-len(shown) :] == shown
    assert len(client.get(f"/search.csv?{query}").text.splitlines()) == 1 + last
    for suffix in ("bib", "ris"):
        assert told[0]["article"]["doi"] in client.get(f"/search.{suffix}?{query}").text


@pytest.mark.parametrize(
    ("suffix", "style", "kind"),
    [("bib", "bibtex", "application/x-bibtex"), ("ris", "ris", "application/x-research-info-systems")],
)
def test_the_articles_of_an_answer_are_citations(
    client: TestClient, served: Served, suffix: str, style: str, kind: str
) -> None:
    answer = client.get(f"/search.{suffix}?text=image&top=5")
    assert answer.headers["content-type"] == f"{kind}; charset=utf-8"
    assert f"mirsearch.{suffix}" in answer.headers["content-disposition"]
    words = ("query", "--text", "image", "--top", "5", "--cite", style, "--index", served.location)
    assert answer.text == run(*words).out
    assert get(client, "/search?text=image").links(f"/search.{suffix}?text=image")
    assert client.get(f"/search.{suffix}").status_code == 400


def test_pages_of_hits_follow_each_other(client: TestClient) -> None:
    first = get(client, "/search?text=image&top=2")
    (following,) = first.links("start=3")
    second = get(client, following)
    assert [a["data-rank"] for _, a in second.found if "data-rank" in a] == ["3", "4"]
    assert second.links("/search?text=image&top=2")
    assert "no more hits" in get(client, "/search?text=image&start=479").text
    get(client, "/search?text=image&start=481", 400)


def test_filters_are_links_that_can_be_taken_back(client: TestClient) -> None:
    page = get(client, "/search?text=image")
    (sem,) = page.links("technique=SEM")
    filtered = get(client, sem)
    assert "only SEM" in filtered.text
    chosen = [a["href"] for tag, a in filtered.found if tag == "a" and a.get("class") == "chosen"]
    assert chosen == ["/search?text=image"]
    widths = page.links("fov=")
    assert widths
    assert "fields of view" in get(client, widths[0]).text


def test_filters_count_what_passes_the_other_filters(client: TestClient, served: Served) -> None:
    def counted(address: str) -> dict[str, int]:
        found = re.findall(r">(\w+)</a>\s*<svg.*?</svg>\s*<span class=\"count\">(\d+)<", client.get(address).text)
        return {name: int(count) for name, count in found}

    views = [one.panel.field_of_view_nm for one in served.stored if one.panel.kind == "micrograph"]
    width = next(view for view in views if view is not None)
    everything, narrow = "/search?text=image", f"/search?text=image&fov={width - 1:.1f}nm..{width + 1:.1f}nm"
    index = open_index(served.location)
    filters = Filters(fov_min_nm=float(f"{width - 1:.1f}"), fov_max_nm=float(f"{width + 1:.1f}"), retracted=False)
    passing = [stored.panel.kind for stored in index.select_panels(filters)]
    index.close()
    assert counted(narrow)["micrograph"] == passing.count("micrograph") < counted(everything)["micrograph"]
    assert "pass the other filters" in get(client, narrow).text
    assert "of the whole corpus" in get(client, everything).text
    chosen = get(client, f"{everything}&kind=plot")
    assert chosen.links("kind=plot", "kind=micrograph")  # another kind can still be chosen


def test_filters_alone_list_their_panels(client: TestClient, served: Served) -> None:
    (sem,) = get(client, "/").links("technique=SEM")
    page = get(client, f"{sem}&top=3")
    shown = [a["data-rank"] for _, a in page.found if "data-rank" in a]
    assert shown == ["1", "2", "3"]
    assert "0.000" not in page.text
    following = get(client, next(link for link in page.links("start=4")))
    ids = {link for each in (page, following) for link in each.links("like=")}
    assert len(ids) == 6
    wrong = get(client, "/search?technique=sonar", 400)
    assert "is not known" in wrong.text


def test_a_panel_of_the_corpus_is_asked_with(client: TestClient, served: Served) -> None:
    panel = served.stored[0].panel
    page = get(client, f"/search?like={panel.id}")
    assert panel.id in page.text
    hits = client.get(f"/search.json?like={panel.id}&top=50").json()["hits"]
    assert panel.id not in [hit["id"] for hit in hits]


def test_hits_are_marked_and_marks_are_taken_back(client: TestClient, served: Served) -> None:
    start = f"/search?like={served.stored[0].panel.id}"
    first = get(client, start)
    hits = [link.split("&alike=")[1].partition("#")[0] for link in first.links("&alike=")]
    assert len(hits) == len(first.links("&not_alike=")) == len([a for _, a in first.found if "data-rank" in a])
    (alike,) = first.links(f"&alike={hits[0]}")
    second = get(client, alike)
    (disliked,) = second.links(f"&not_alike={hits[1]}")
    marked = get(client, disliked)
    assert "Marked: from 1 alike, 1 not" in marked.text
    assert "from 1 alike, 1 not" in next(a["aria-label"] or "" for _, a in marked.found if a.get("id") == "answer")
    left = {link.removesuffix("#answer").rpartition("=")[2] for link in marked.links("#answer")}
    assert left
    assert not left & set(hits[:2])
    undone = [a["href"] for tag, a in marked.found if tag == "a" and a.get("class") == "undo"]
    assert len(undone) == 2
    assert "from 1 not alike" in get(client, str(undone[0])).text
    assert "Marked:" not in get(client, start).text
    hidden = {(a["name"], a["value"]) for tag, a in marked.found if tag == "input" and a.get("type") == "hidden"}
    assert {("alike", hits[0]), ("not_alike", hits[1])} <= hidden
    assert start in marked.links("like=")  # all marks are forgotten
    told = client.get(disliked.replace("/search", "/search.json")).json()
    assert (told["query"]["alike"], told["query"]["not_alike"]) == ([hits[0]], [hits[1]])
    words = ("query", "--like", served.stored[0].panel.id, "--alike", hits[0], "--not-alike", hits[1])
    of_people = ("--per-article", str(settings.PER_ARTICLE))
    expected = run(*words, *of_people, "--index", served.location, "--format", "json").json()
    assert [hit["id"] for hit in told["hits"]] == [hit["id"] for hit in expected["hits"]]


def test_marks_are_saved_as_judgments_that_evaluate_takes(client: TestClient, served: Served, tmp_path) -> None:
    asked = served.stored[0].panel.id
    hits = [hit["id"] for hit in client.get(f"/search.json?like={asked}&top=3").json()["hits"]]
    marked = get(client, f"/search?like={asked}&alike={hits[0]}&alike={hits[1]}&not_alike={hits[2]}")
    for suffix, path in (("csv", tmp_path / "judged.csv"), ("qrels", tmp_path / "qrels.txt")):
        (link,) = marked.links(f"/judgments.{suffix}")
        answer = client.get(link)
        assert f'filename="judgments.{suffix}"' in answer.headers["content-disposition"]
        path.write_text(answer.text)
        (query,) = read_judgments(path)
        assert query.like == asked
        assert {panel for panel, grade in query.relevant.items() if grade} == set(hits[:2])
        told = run("evaluate", path, "--index", served.location, "--format", "json").json()
        assert told["per_query"][0]["relevant"] == 2
    assert f"{asked} 0 {hits[2]} 0" in (tmp_path / "qrels.txt").read_text().splitlines()
    unmarked = get(client, f"/search?like={asked}&not_alike={hits[2]}")
    assert not unmarked.links("/judgments")
    assert client.get(f"/judgments.csv?like={asked}").status_code == 400


def test_an_image_is_judged_by_the_name_of_its_file(client: TestClient, served: Served) -> None:
    address = ask_with_image(client, served, text="=gold rods")
    panel = served.stored[0].panel.id
    rows = client.get(address.replace("/search", "/judgments.csv") + f"&alike={panel}").text.splitlines()
    assert rows[0] == "id,image,like,text,relevant,field_of_view"
    assert rows[1].startswith(f"mine_&_yours.png_=gold_rods,mine & yours.png,,'=gold rods,{panel},")


def test_marks_follow_words_and_filters_but_not_another_picture(client: TestClient, served: Served) -> None:
    first, second = (stored.panel.id for stored in served.stored[:2])
    page = get(client, f"/search?text=image&alike={first}&not_alike={second}&technique=SEM")
    assert "ords “image”, from" in page.text
    assert not any("alike=" in link.replace("&like=", "") for link in page.links("&like="))
    address = ask_with_image(client, served, alike=first)
    assert "alike" not in address
    wrong = get(client, f"/search?text=image&alike={first}&not_alike={first}", 400)
    assert "marked as alike and as not alike" in wrong.text


def test_the_switch_same_scale_leaves_half_to_twice_the_width(client: TestClient, served: Served) -> None:
    address = ask_with_image(client, served)
    page = get(client, address)
    links = [link for link in page.links("fov=") if "nm.." in link]
    told = client.get(links[0].replace("/search", "/search.json")).json()
    own = told["query"]["field_of_view_nm"]
    for hit in told["hits"]:
        assert 0.499 * own <= hit["scale"]["field_of_view_nm"] <= 2.001 * own


def test_what_is_wrong_is_told_where_it_was_asked(client: TestClient) -> None:
    for query, words in (
        ("text=a&top=x", "top"),
        ("text=a&year=soon", "“Year” 'soon' is not a year or range"),
        ("text=a&field_of_view=wide", "Width of the image"),
        ("like=nothing", "nothing in the index has the id"),
        ("image=" + "0" * 32, "no longer kept"),
        ("image=../../etc/passwd", "no image of a search"),
        ("text=a&weight=looks", "is not TERM=NUMBER"),
    ):
        answer = client.get(f"/search?{query}")
        assert 400 <= answer.status_code < 500, query
        assert words in Page(answer.text).text, (query, Page(answer.text).text)
        assert "--" not in Page(answer.text).text


def test_nothing_like_it_is_said(client: TestClient) -> None:
    assert "Nothing like it is in this corpus" in get(client, "/search?text=zeppelin").text


def test_a_figure_is_shown_whole_with_its_panels(client: TestClient, served: Served) -> None:
    stored = served.stored[0]
    page = get(client, f"/figures/{stored.figure.id}")
    anchors = [a["id"] for tag, a in page.found if tag == "li" and a.get("class") == "panel"]
    own = [other for other in served.stored if other.figure.id == stored.figure.id]
    assert len(anchors) == len(own)
    assert set(page.links("#panel-")) == {f"#{anchor}" for anchor in anchors}
    assert "To cite:" in page.text
    picture = next(a["href"] for tag, a in page.found if tag == "image")
    assert client.get(str(picture)).headers["content-type"] == "image/jpeg"
    get(client, "/figures/0123456789abcdef", 404)


def test_the_corpus_page_counts(client: TestClient, served: Served) -> None:
    page = get(client, "/corpus")
    assert "Inputs that failed" not in page.text
    for title, of_all in (("Where scales come from", True), ("How sure scales are", False)):
        section = page.text.partition(title)[2].partition("Extractor")[0].partition("How sure scales are")[0]
        counts = [int(number) for number in re.findall(r"^\s*(\d+)\s*$", section, re.MULTILINE)]
        assert sum(counts) == sum(of_all or stored.panel.scale is not None for stored in served.stored)
    assert {link.removeprefix("/figures/") for link in page.links("/figures/")} == {s.figure.id for s in served.stored}
    surest = page.links("scale.confidence")[0]
    assert "panels that pass the filters" in get(client, surest).text


def test_every_template_escapes_every_value() -> None:
    environment = web_environment()
    assert environment.autoescape is True
    for name in environment.list_templates():
        source = environment.loader.get_source(environment, name)[0] if environment.loader else ""
        assert not re.search(r"\|\s*(safe|tojson|xmlattr)|autoescape|\bMarkup\b", source), name
        assert not re.search(r"=\s*\{\{", source), f"{name}: an attribute without quotes"
        assert not re.search(r"\s(on\w+|style)=", source), f"{name}: the policy would refuse this attribute"


def test_hostile_words_stay_words(client: TestClient) -> None:
    answer = client.get("/search", params={"text": "<script>alert(1)</script> image\u202e\x00"})
    assert answer.status_code == 200
    assert "<script>alert" not in answer.text
    assert "\u202e" not in answer.text


def test_no_page_shows_a_path_of_the_machine(client: TestClient, served: Served) -> None:
    address = ask_with_image(client, served, panel="z")
    places = (str(served.folder), "mirsearch-queries")
    for path in (
        "/", address, "/search?text=image", "/search.json?text=image", "/search.csv?text=image", "/corpus",
        f"/figures/{served.stored[0].figure.id}", f"/api/v1/panels/{served.stored[0].panel.id}",
        f"/api/v1/figures/{served.stored[0].figure.id}", "/search?like=nothing", "/api/v1/panels/nothing",
    ):  # fmt: skip
        text = client.get(path).text
        assert not any(place in text for place in places), path
    assert json.loads(client.get("/api/v1/facets").text)["techniques"]
