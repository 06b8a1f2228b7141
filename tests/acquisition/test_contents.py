"""Whatever a page, an article or a figure contains, it fails alone, and no figure gets another's picture."""

from __future__ import annotations

import errno
import gzip
import hashlib
import io
import json
import tarfile

import pytest

from mirsearch.acquisition.acquire import Acquisition
from mirsearch.acquisition.ledger import Ledger
from mirsearch.acquisition.ledger_states import FigureState
from mirsearch.acquisition.services.base import (
    ArticlePlan,
    FetchedFigure,
    Hit,
    KeywordQuery,
    PlannedFigure,
    SearchPage,
    Terms,
)
from mirsearch.acquisition.services.europepmc import parse_page
from mirsearch.acquisition.services.pmc_bucket import parse_listing
from mirsearch.acquisition.steps import figure_path, foreign_error, stored_file
from mirsearch.errors import MirsearchError, SourceError
from mirsearch.sources.base import FoundFigure, SourceFailure
from mirsearch.sources.latex.eprints import Eprint

NAMES = ["fig/a.png", "fig_a.png", "a b.png", "a+b.png", "é1.png", "ü1.png", "图1.png", "表1.png", "x" * 200, "y" * 200]


def state_of(position: int, name: str, data: bytes) -> FigureState:
    fetched = FetchedFigure(hashlib.sha256(data).hexdigest(), len(data), "2026-01-01T00:00:00Z")
    return FigureState("arXiv:1", position, PlannedFigure(name, f"https://a.org/e/1v1#{name}"), "done", fetched)


def test_no_two_figures_of_an_article_share_a_file(tmp_path):
    paths = {figure_path(tmp_path, state_of(number, name, b"")) for number, name in enumerate(NAMES)}
    assert len({str(path).lower() for path in paths}) == len(NAMES)


def test_a_file_is_used_only_if_it_holds_the_figures_bytes(tmp_path):
    first, second = state_of(0, "fig/a.png", b"first!"), state_of(1, "fig_a.png", b"second")
    old = tmp_path / "figures" / "1v1" / "fig_a.png"  # the name that mirsearch 0.2 gave to both
    old.parent.mkdir(parents=True)
    old.write_bytes(b"second")
    assert (stored_file(tmp_path, first), stored_file(tmp_path, second)) == (None, old)
    figure_path(tmp_path, first).write_bytes(b"first!")
    assert stored_file(tmp_path, first) == figure_path(tmp_path, first)
    figure_path(tmp_path, first).write_bytes(b"others")
    assert stored_file(tmp_path, first) is None


@pytest.mark.parametrize(
    "data",
    [
        b'{"a":' + b"[" * 500_000 + b"]" * 500_000 + b"}",
        b'{"hitCount": 1' + b"0" * 30 + b', "resultList": {"result": []}}',
        b'{"hitCount": 1' + b"0" * 5_000 + b"}",
    ],
)
def test_a_page_that_no_database_can_hold_is_refused(data):
    with pytest.raises(SourceError, match="search at Europe PMC failed"):
        parse_page(data, "*")


def test_halves_of_characters_are_replaced():
    record = {"pmcid": "PMC1", "title": "\ud800", "dateOfRevision": "\ud800"}
    page = parse_page(
        json.dumps({"hitCount": 1, "nextCursorMark": "\ud800", "resultList": {"result": [record]}}).encode(), ""
    )
    assert (page.cursor, page.hits[0].revision) == ("?", "?")


def test_a_size_of_5000_digits_is_no_size():
    listing = f"<ListBucketResult><Contents><Key>k</Key><Size>{'9' * 5_000}</Size></Contents></ListBucketResult>"
    assert parse_listing(listing.encode()) == ([("k", 0)], None)


@pytest.mark.parametrize(
    ("size", "kind"),
    [(b"\x80\0\0\0\x7f" + b"\xff" * 7, b"0"), (b"\x80\0\0\0\0\0\x01\0\0\0\0\0", b"L"), (b"\x80\x04" + b"\0" * 10, b"0"),
     (b"\x80\0\0\0\x40" + b"\0" * 7, b"x"), (b"37777777777\0", b"L")],
)  # fmt: skip
def test_an_odd_header_of_tar_is_a_damaged_eprint(tmp_path, size, kind):
    data = io.BytesIO()
    with tarfile.open(fileobj=data, mode="w", format=tarfile.USTAR_FORMAT) as archive:
        member = tarfile.TarInfo("m.tex")
        member.size = 5
        archive.addfile(member, io.BytesIO(b"hello"))
    head = bytearray(data.getvalue())
    head[124:136], head[156:157], head[148:156] = size, kind, b"        "
    head[148:156] = b"%06o\0 " % sum(head[:512])
    (tmp_path / "e").write_bytes(gzip.compress(bytes(head)))
    with pytest.raises(SourceError, match="damaged e-print"):
        Eprint(tmp_path / "e", "arXiv:1").scan()


def test_a_full_disk_is_no_failure_of_a_figure():
    with pytest.raises(OSError, match="full"):
        foreign_error("a figure", OSError(errno.ENOSPC, "full"))


class OddService:
    """A service whose second article and second figure raise what nobody expects, and whose pages never end."""

    name = origin = "odd"
    hosts = ()

    def search(self, query, cursor):
        start = int(cursor or 0)
        return SearchPage(tuple(Hit(f"A{number}") for number in range(start, start + 100)), 3, str(start + 100))

    def plan_article(self, hit, accepts_terms):
        if hit.id == "A1":
            raise RecursionError("too deep")
        figures = tuple(PlannedFigure(f"{n}.png", f"https://o.org/{hit.id}/{n}.png") for n in range(2))
        return ArticlePlan(Terms(("cc-by",)), None, figures if hit.id == "A0" else ())

    def fetch_figure(self, figure, into):
        if figure.name == "1.png":
            raise OverflowError("10^30")
        into.parent.mkdir(parents=True, exist_ok=True)
        into.write_bytes(b"x")
        return FetchedFigure(hashlib.sha256(b"x").hexdigest(), 1, "2026-01-01T00:00:00Z")


def test_an_unexpected_error_is_the_failure_of_its_article_or_figure_and_pages_end(tmp_path):
    ledger = Ledger(tmp_path / "ledger.sqlite")
    acquisition = Acquisition(OddService(), KeywordQuery(("x",), micrographs=False), ledger, tmp_path)
    items = list(acquisition.items())
    assert len([item for item in items if isinstance(item, FoundFigure)]) == 1
    failed = {item.location for item in items if isinstance(item, SourceFailure)}
    assert failed == {"https://o.org/A0/1.png", "A1", "odd"}
    assert {failure.item for failure in ledger.failures()} == {"A0/1.png", "A1"}
    assert "without an end" in acquisition.halt_reason


class EndlessService(OddService):
    """A service that claims very many articles, and lists one a page whose figures are not available."""

    pages = 0

    def search(self, query, cursor):
        self.pages += 1
        return SearchPage((Hit(f"A{self.pages}", closed="not open access"),), 2**53, str(self.pages))


def test_a_search_that_claims_very_many_articles_and_gives_none_is_stopped(tmp_path):
    service = EndlessService()
    acquisition = Acquisition(service, KeywordQuery(("x",)), Ledger(tmp_path / "ledger.sqlite"), tmp_path)
    assert [type(item) for item in acquisition.items()] == [SourceFailure]
    assert "without an end" in acquisition.halt_reason
    assert service.pages == 200


def test_too_little_memory_is_told_as_such():
    assert "memory is short" in str(foreign_error("A1", MemoryError()))


def test_a_damaged_row_of_the_ledger_is_told_with_its_remedy(tmp_path):
    ledger = Ledger(tmp_path / "ledger.sqlite")
    ledger.begin_query("k", "odd", KeywordQuery(("x",)))
    ledger.add_page("k", [Hit("A1")], None, 1)
    ledger.save_plan(Hit("A1"), ArticlePlan(Terms(), None, (PlannedFigure("a.png", "https://o.org/a.png"),)))
    for table, read in (("hits", lambda: ledger.hits("k")), ("queries", ledger.queries),
                        ("articles", lambda: ledger.article_state("A1")),
                        ("figures", lambda: ledger.figure_states("A1"))):  # fmt: skip
        assert read()
        for damage in ("{", "[]", '{"id": 1}', "[" * 100_000, '{"x": NaN}'):
            ledger._db.execute(f"UPDATE {table} SET told = ?", (damage,))
            with pytest.raises(MirsearchError, match=r"ledger .* is damaged") as caught:
                read()
            assert "move" in caught.value.remedy


def test_figures_that_another_run_planned_anew_meanwhile_have_no_provenance(tmp_path, monkeypatch):
    ledger = Ledger(tmp_path / "ledger.sqlite")
    figure = PlannedFigure("a.png", "https://o.org/a.png")
    ledger.save_plan(Hit("A1"), ArticlePlan(Terms(), None, (figure,)))
    ledger.save_figure(FigureState("A1", 0, figure, "done", FetchedFigure("ab" * 32, 1, "2026-01-01T00:00:00Z")))
    assert [state.figure for state, _ in ledger.provenance("abab")] == [figure]
    monkeypatch.setattr(ledger, "figure_states", lambda article: [])
    assert ledger.provenance("abab") == []


def test_a_page_gives_no_more_hits_than_were_asked_for():
    hits = [{"pmcid": f"PMC{number}", "isOpenAccess": "Y"} for number in range(1000, 101_000)]
    page = parse_page(json.dumps({"hitCount": 3, "resultList": {"result": hits}}).encode(), "*")
    assert [hit.id for hit in page.hits] == [f"PMC{number}" for number in range(1000, 1100)]
