"""Acquisition from the loopback server, without analysis: which figures come, and which requests are sent."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from mirsearch.acquisition.acquire import Acquisition
from mirsearch.acquisition.http.cache import HttpCache
from mirsearch.acquisition.http.client import HttpClient
from mirsearch.acquisition.ledger import MAX_ATTEMPTS, Ledger
from mirsearch.acquisition.report import AcquisitionReport
from mirsearch.acquisition.services.base import KeywordQuery
from mirsearch.acquisition.services.europepmc import EuropePmc
from mirsearch.acquisition.services.pmc import Pmc
from mirsearch.corpus import figure_id
from mirsearch.indexes.base import KnownFigure
from mirsearch.settings import EUROPEPMC, PMC
from mirsearch.sources.base import FoundFigure, Retraction, SourceFailure
from tests.support.serving import PLOT, SEM, ServedArticle, ServedFigure, Server, WorldWriter, random_png, run_server

NANO = KeywordQuery(("nano",))


def articles() -> list[ServedArticle]:
    """Return 48 articles: 40 that should come, and one for each reason for a rejection."""
    served_articles = []
    for number in range(101, 141):
        figures = [
            ServedFigure(f"{SEM} Sample {number}.", "Figure 1", "gr1.png", random_png(number), href="gr1"),
            ServedFigure(PLOT, "Figure 2", "gr2.png", random_png(number + 1000)),
            ServedFigure(f"TEM image of rods of sample {number}. Reproduced with permission from Ref. 3.", "Figure 3",
                         "gr3.png", random_png(number + 2000), href="gr3.tif"),
        ]  # fmt: skip
        served_articles.append(ServedArticle(number, figures[: 1 + number % 3]))
    served_articles[0].versions = (2, 10, 9)
    served_articles[1].license, served_articles[1].hit_license, served_articles[1].jats_license = (
        None,
        None,
        "http://creativecommons.org/publicdomain/zero/1.0/",
    )
    served_articles[2].holder = "Elsevier & Co"

    def one(number: int) -> list[ServedFigure]:
        return [ServedFigure(data=random_png(number))]

    served_articles += [
        ServedArticle(201, one(201), open_access=False),
        ServedArticle(202, one(202), hit_license="cc by-nc-nd"),
        ServedArticle(203, one(203), hit_license=None, license="CC BY-NC", jats_license=None),
        ServedArticle(204, one(204), hit_license=None, license=None, jats_license=None),
        ServedArticle(
            205,
            one(205),
            hit_license=None,
            license=None,
            jats_license="https://creativecommons.org/licenses/by-nd/4.0/",
        ),
        ServedArticle(206, one(206), retracted=True),
        ServedArticle(207, one(207), in_bucket=False),
        ServedArticle(208, [ServedFigure("SEM image of a screw.", data=random_png(208))], words="macro"),
    ]
    return served_articles


@pytest.fixture(scope="module")
def world() -> list[ServedArticle]:
    return articles()


@pytest.fixture(scope="module")
def server(tmp_path_factory, world):
    writer = WorldWriter(tmp_path_factory.mktemp("world"))
    for art in world:
        writer.add(art)
    writer.world["hits"].append({"id": "9", "source": "PPR", "title": "A preprint on nano", "isOpenAccess": "Y",
                                 "journalInfo": {"journal": {"title": "P"}}, "abstractText": "nano"})  # fmt: skip
    with run_server(writer.write(page_limit=10)) as running:
        yield running


@dataclass
class Place:
    """The folder of one user's runs, and what the index is assumed to know."""

    folder: Path
    known: dict[str, KnownFigure]

    def run(self, query: KeywordQuery = NANO, service: type = EuropePmc, finish: bool = True, has_origin=None):
        """Run once, and return the items and the acquisition. Its figures are known from then on."""
        ledger = Ledger(self.folder / "ledger.sqlite")
        client = HttpClient([EUROPEPMC, PMC], HttpCache(self.folder / "cache", 100 << 20))
        try:
            acquisition = Acquisition(service(client), query, ledger, self.folder, self._known, has_origin)
            items = [each for each in acquisition.items() if not isinstance(each, Retraction)]
            if finish:
                acquisition.mark_complete()
        finally:
            client.close()
            ledger.close()
        for item in items:
            if isinstance(item, FoundFigure):
                self.add(item)
        return items, acquisition

    def add(self, item: FoundFigure) -> None:
        identity = figure_id(hashlib.sha256(item.path.read_bytes()).hexdigest())
        before = self.known.get(identity)
        origins = (*(before.origins if before else ()), item.origin)
        self.known[identity] = KnownFigure(identity, item.caption, item.article and item.article.id, origins)

    def _known(self, ids):
        return {each: self.known[each] for each in ids if each in self.known}


@pytest.fixture
def place(server: Server, tmp_path, monkeypatch) -> Place:
    server.faults()
    for name, value in server.environment.items():
        monkeypatch.setenv(name, value)
    return Place(tmp_path, {})


def wanted(world: list[ServedArticle]) -> dict[str, tuple[ServedArticle, ServedFigure]]:
    """Return the expected figures by the hash of their bytes."""
    found = {}
    for art in world:
        if art.number < 200:
            for fig in art.figures:
                if fig.caption != PLOT:
                    found[hashlib.sha256(fig.data).hexdigest()] = (art, fig)
    return found


def figures(items) -> list[FoundFigure]:
    return [each for each in items if isinstance(each, FoundFigure)]


def test_all_wanted_figures_come_and_nothing_else(place, server, world):
    items, acquisition = place.run()
    expected = wanted(world)
    assert not [each for each in items if isinstance(each, SourceFailure)]
    assert len(items) == len(expected) > 50
    for item in figures(items):
        art, fig = expected.pop(hashlib.sha256(item.path.read_bytes()).hexdigest())
        assert (item.caption, item.label) == (fig.caption, fig.label)
        assert item.origin.source == "pmc"
        assert item.origin.location == f"{server.url}/pmc/{art.pmcid}.{max(art.versions)}/{fig.name}"
        assert item.origin.retrieved.startswith("20")
        assert item.other_origins[0].location == str(item.path)
        assert ("permission" in (item.permission_note or "")) == ("permission" in fig.caption)
        article = item.article
        assert (article.id, article.doi, article.pmcid) == (f"doi:{art.doi}", art.doi, art.pmcid)
        assert article.title == f"Study {art.number} of nano wires"
        assert (article.journal, article.year, article.authors) == ("Served Letters", 2024, ("Ada Larch",))
        assert article.license == ("CC0 1.0" if art.number == 102 else "CC BY 4.0")
        assert not article.retracted
    assert not expected
    report = acquisition.report
    assert (report.total_hits, report.hits_seen, report.articles_taken) == (47, 47, 40)
    assert report.skipped_articles == {
        "not in PMC": 1, "license cc-by-nc-nd": 1, "license cc-by-nc": 1, "license cc-by-nd": 1, "no license told": 1,
        "retracted": 1, "not in the PMC open-access bucket": 1,
    }  # fmt: skip
    assert report.skipped_figures.total() == sum(fig.caption == PLOT for art in world for fig in art.figures)


def test_no_unwanted_figure_is_requested(place, server, world):
    place.run()
    requested = [each for each in server.paths() if each.endswith(".png")]
    assert len(requested) == len(set(requested)) == len(wanted(world))
    assert not any(f"/PMC{number}." in each for each in server.paths() if ".xml" in each for number in (202, 203, 206))


def test_every_page_is_requested_once(place, server):
    place.run()
    searches = [each for each in server.paths() if "/search?" in each]
    assert len(searches) == 5
    assert len(set(searches)) == 5
    assert "OPEN_ACCESS%3Ay" in searches[0]


def test_an_unchanged_server_is_only_searched(place, server):
    place.run()
    server.faults()
    items, acquisition = place.run()
    assert items == []
    assert acquisition.report.figures_present == acquisition.report.figures_wanted > 50
    assert all("/search?" in each for each in server.paths())
    assert len(server.paths()) == 5


def test_a_dry_run_fetches_no_figure(place, server, world):
    ledger = Ledger(None)
    client = HttpClient([EUROPEPMC, PMC], HttpCache(place.folder / "cache", 100 << 20))
    service = EuropePmc(client)
    acquisition = Acquisition(service, NANO, ledger, place.folder)
    states = [state for *_, found in acquisition.preview() for state in found]
    sizes = [service.figure_size(each.figure) for each in states]
    assert sum(sizes) == sum(len(fig.data) for _, fig in wanted(world).values())
    assert not [each for each in server.paths() if each.endswith(".png")]
    assert acquisition.report.articles_taken == 40
    client.close()
    ledger.close()


@pytest.mark.parametrize("limit", [1, 7, 25])
def test_limits_are_kept(place, server, limit):
    items, _ = place.run(replace(NANO, max_figures=limit))
    assert len(items) == limit
    assert len([each for each in server.paths() if each.endswith(".png")]) == limit
    _, other = place.run(replace(NANO, max_articles=limit))
    assert other.report.articles_taken == limit


def test_other_terms_bring_more(place):
    place.run()
    items, acquisition = place.run(replace(NANO, licenses=("any",), retracted=True, micrographs=False))
    pmcids = {each.article.pmcid: each.article for each in figures(items)}
    assert {"PMC202", "PMC203", "PMC204", "PMC205", "PMC206"} <= set(pmcids)
    assert pmcids["PMC206"].retracted
    assert pmcids["PMC203"].license == "CC BY-NC"
    assert acquisition.report.skipped_figures.total() == 0


def test_ids_are_taken_as_they_are(place, server):
    items, _ = place.run(KeywordQuery(ids=("PMC103", "PMC999", "PMC10")), Pmc)
    assert {each.article.pmcid for each in figures(items)} == {"PMC103"}
    assert not any("/search" in each for each in server.paths())


def test_an_interrupted_search_continues(place, server):
    server.faults({"match": "cursorMark=Ao", "kind": "500"})
    items, _ = place.run()
    failures = [each for each in items if isinstance(each, SourceFailure)]
    assert len(failures) == 1
    assert "500" in failures[0].reason
    before = len(figures(items))
    server.faults()
    rest, _ = place.run()
    assert len([each for each in server.paths() if "/search?" in each]) == 4
    assert not any("cursorMark=%2A" in each for each in server.paths())
    assert before + len(rest) > 50


def test_failures_are_tried_again_but_not_forever(place, server):
    server.faults({"match": "PMC103.1/gr1.png", "kind": "md5"}, {"match": "PMC104.1/PMC104.1.xml", "kind": "404"},
                  {"match": "PMC104/fullTextXML", "kind": "404"})  # fmt: skip
    for number in range(MAX_ATTEMPTS + 2):
        items, _ = place.run()
        failures = [each for each in items if isinstance(each, SourceFailure) and not each.is_note]
        assert len(failures) == (2 if number < MAX_ATTEMPTS else 0)
        if number == 0:
            assert {each.location.rpartition("/")[2] for each in failures} == {"gr1.png", "PMC104"}
            assert any("md5" in each.reason for each in failures)
    ledger = Ledger(place.folder / "ledger.sqlite")
    listed = {each.item: each for each in ledger.failures()}
    assert set(listed) == {"PMC103/gr1.png", "PMC104"}
    assert listed["PMC103/gr1.png"].cause == "checksum"
    assert ledger.reset_attempts() == 2
    ledger.close()
    server.faults()
    items, _ = place.run()
    assert {each.article.pmcid for each in figures(items)} == {"PMC103", "PMC104"}


def test_europe_pmc_s_text_stands_in_for_a_lost_one(place, server):
    server.faults({"match": "PMC105.1/PMC105.1.xml", "kind": "md5"})
    items, _ = place.run()
    assert "PMC105" in {each.article.pmcid for each in figures(items)}
    assert any("PMC105/fullTextXML" in each for each in server.paths())


def test_a_damaged_stand_in_is_requested_again_and_not_cached(place, server):
    server.faults({"match": "PMC105.1/PMC105.1.xml", "kind": "md5"},
                  {"match": "PMC105/fullTextXML", "kind": "md5", "times": 1})  # fmt: skip
    items, _ = place.run()
    assert "PMC105" in {each.article.pmcid for each in figures(items)}
    assert sum("PMC105/fullTextXML" in each for each in server.paths()) == 2


def test_what_changed_is_taken_anew(place, server, world, tmp_path_factory):
    place.run()
    changed = articles()
    changed[3].hit = {"dateOfRevision": "2026-01-02"}
    changed[3].versions = (1, 2)
    changed[3].figures[0] = replace(changed[3].figures[0], data=random_png(9104), caption=f"{SEM} Corrected.")
    changed.append(ServedArticle(300, [ServedFigure(data=random_png(300))]))
    writer = WorldWriter(tmp_path_factory.mktemp("changed"))
    for art in changed:
        writer.add(art)
    path = writer.write(page_limit=1000)
    before = {each.path: each.path.read_bytes() for each in figures(place.run()[0])}
    server.faults(world=str(path))
    # The listing of an article's versions is a day old at most; here it is to be asked anew.
    for each in (place.folder / "cache").glob("answers.sqlite*"):
        each.unlink()
    items, _ = place.run()
    server.faults(world=str(server_world(world, tmp_path_factory)))
    assert {each.article.pmcid for each in figures(items)} == {"PMC104", "PMC300"}
    assert {each.caption for each in figures(items) if each.article.pmcid == "PMC104"} >= {f"{SEM} Corrected."}
    assert all(path.read_bytes() == data for path, data in before.items())


def server_world(world, tmp_path_factory) -> Path:
    writer = WorldWriter(tmp_path_factory.mktemp("again"))
    for art in world:
        writer.add(art)
    return writer.write(page_limit=10)


@pytest.mark.parametrize("kind", ["cursor", "version-only", "wall", "403"])
def test_failing_searches_end_and_are_reported(place, server, kind):
    server.faults({"match": "/search", "kind": kind})
    items, _ = place.run()
    failures = [each for each in items if isinstance(each, SourceFailure)]
    if kind == "cursor":
        assert len(server.paths()) > 1
        assert len([each for each in server.paths() if "/search?" in each]) == 1
        assert not failures
    else:
        assert len(failures) == 1
        assert figures(items) == []
        word = "search at Europe PMC failed" if kind == "version-only" else "blocks access"
        assert word in failures[0].reason


def test_a_bucket_that_blocks_ends_the_run_soon(place, server):
    server.faults({"match": "^/pmc/", "kind": "wall"})
    items, _ = place.run()
    failures = [each for each in items if isinstance(each, SourceFailure)]
    assert "127.0.0.1 blocks access" in failures[-1].reason
    assert len([each for each in server.paths() if each.startswith("/pmc/")]) < 12
    server.faults()
    items, _ = place.run()
    assert len(figures(items)) > 50


def test_the_ledger_knows_where_content_came_from(place, world):
    place.run()
    ledger = Ledger(place.folder / "ledger.sqlite")
    art = world[2]
    sha256 = hashlib.sha256(art.figures[0].data).hexdigest()
    (state, plan), *others = ledger.provenance(sha256[:16])
    ledger.close()
    assert not others
    assert plan.holder == "Elsevier & Co"
    assert state.fetched.sha256 == sha256
    assert state.figure.md5 == hashlib.md5(art.figures[0].data).hexdigest()


def test_queries_survive_json():
    query = replace(NANO, licenses=("cc0",), since="2020-01-01", max_figures=3)
    assert KeywordQuery.from_json(json.loads(json.dumps(query.as_json()))) == query
    assert query.key("pmc") != query.key("europepmc") != NANO.key("europepmc")


@pytest.mark.data
def test_real_articles_come_as_they_are(shared_data, tmp_path, monkeypatch):
    """Articles as Europe PMC served them, their figures under the names their texts give."""
    writer, truth = WorldWriter(tmp_path / "world"), {}
    for folder in sorted((shared_data / "articles").glob("PMC*")):
        article_data = json.loads((folder / "figures.json").read_text())
        figures_with_images = [each for each in article_data["figures"] if each["image"]]
        figs = [ServedFigure(each["caption"], each["label"], f"{each['graphic']}.jpg",
                             (folder / each["image"]).read_bytes())
                for each in figures_with_images]  # fmt: skip
        writer.add(
            ServedArticle(
                int(folder.name[3:]), figs, xml=(folder / "fulltext.xml").read_text(), hit={"doi": article_data["doi"]}
            )
        )
        truth.update({(folder.name, each["graphic"]): (article_data, each) for each in figures_with_images})
    with run_server(writer.write()) as server:
        for name, value in server.environment.items():
            monkeypatch.setenv(name, value)
        place = Place(tmp_path / "run", {})
        items, acquisition = place.run(replace(NANO, keywords=("about",), micrographs=False))
        chosen, _ = place.run(replace(NANO, keywords=("about",)))
    found = {(each.article.pmcid, each.path.stem.split("-", 2)[2]): each for each in figures(items)}
    assert set(found) == set(truth)
    for key, (article_data, each) in truth.items():
        item = found[key]
        assert item.label == each["label"]
        assert item.caption.split()[:8] == each["caption"].split()[:8]
        assert item.article.doi == article_data["doi"].lower()
        assert item.article.journal == article_data["journal"]
        assert item.article.license.startswith("CC BY")
    assert acquisition.report.skipped_articles.total() == 0
    assert chosen == []  # all there already, and no plot among them is asked for again


def test_nothing_damaged_is_kept_to_fail_the_next_run(place, server, world):
    server.faults({"match": "metadata/PMC103.1.json", "kind": "md5", "times": 4})
    items, _ = place.run()
    assert any(isinstance(each, SourceFailure) and each.location == "PMC103" for each in items)
    server.faults()
    items, _ = place.run()
    assert {each.article.pmcid for each in figures(items)} == {"PMC103"}


def test_captions_are_searched_here_too(place, server, world):
    query = replace(NANO, keywords=('"cut by a wire"',), where="captions")
    items, acquisition = place.run(query)
    searches = [path for path in server.paths() if "/search?" in path]
    assert items == []
    assert len(searches) == 2  # asked of the legends' field, then, as that knew none, of everything
    query = replace(NANO, keywords=("nano*",), where="captions", licenses=("any",))
    items, acquisition = place.run(replace(query, keywords=("nanowires",)))
    assert items
    assert all("nanowire" in each.caption.lower() for each in figures(items))
    assert len(figures(items)) + acquisition.report.skipped_figures["caption without the keyword"] > 0


@pytest.mark.parametrize(
    ("bounds", "expected"), [((None, None), 40), ((6, None), 24), ((None, 10), 10), ((50, 100), 40)]
)
def test_the_figures_to_come_are_guessed_from_those_of_the_articles_so_far(bounds, expected):
    report = AcquisitionReport(*bounds, total_hits=20)
    assert report.expected_figures == 0  # nothing looked at yet
    report.articles_taken, report.skipped_articles, report.figures_wanted = 2, Counter({"retracted": 2}), 8
    assert report.expected_figures == expected


def test_what_another_machine_fetched_is_not_fetched_again(place: Place, server: Server, tmp_path: Path) -> None:
    items, _ = place.run()
    brought = {(item.origin.source, item.origin.location) for item in figures(items)}
    left = brought.pop()
    other = Place(tmp_path / "other", {})
    other.folder.mkdir()
    items, acquisition = other.run(has_origin=lambda source, address: (source, address) in brought)
    assert [(item.origin.source, item.origin.location) for item in figures(items)] == [left]
    assert acquisition.report.figures_fetched == 1
    assert acquisition.report.figures_present == len(brought)
    assert len(list((other.folder / "figures").rglob("*.png"))) == 1
