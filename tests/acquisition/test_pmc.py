"""The PMC bucket's listings and records, recorded and hostile; figures by name; ids from anywhere."""

from __future__ import annotations

import dataclasses
import json

import pytest

from mirsearch.acquisition.http import kinds
from mirsearch.acquisition.http.cache import HttpCache
from mirsearch.acquisition.http.client import HttpClient
from mirsearch.acquisition.services import europepmc, pmc_bucket
from mirsearch.acquisition.services.base import Hit, KeywordQuery, rejection_reason
from mirsearch.acquisition.services.pmc import Pmc, parse_pmc_ids
from mirsearch.acquisition.services.pmc_bucket import find_article, media_by_name, parse_listing, parse_media_address
from mirsearch.errors import SourceError, UsageError
from mirsearch.settings import EUROPEPMC, PMC, RetryLimits
from mirsearch.sources.jats.parse import parse_jats
from tests.support.serving import SEM, ServedArticle, ServedFigure, WorldWriter, jats_xml, random_png, run_server


@pytest.mark.data
def test_recorded_listings_are_read(shared_data):
    for path in sorted((shared_data / "recorded" / "pmc_cloud").glob("list_*.xml")):
        entries, token = parse_listing(path.read_bytes())
        assert entries == []  # these fold everything into prefixes
        assert token is None


def test_listings_with_more_to_come():
    listing = ("<ListBucketResult xmlns='http://s3.amazonaws.com/doc/2006-03-01/'><IsTruncated>true</IsTruncated>"
               "<NextContinuationToken>t/1=</NextContinuationToken><Contents><Key>a&amp;b</Key><Size>7</Size></Contents>"
               "<Contents><Key>c</Key></Contents></ListBucketResult>")  # fmt: skip
    assert parse_listing(listing.encode()) == ([("a&b", 7), ("c", 0)], "t/1=")


@pytest.mark.parametrize(
    "data", [b"", b"<Error><Code>AccessDenied</Code></Error>", b"<html/>", b"<ListBucketResult", b"{}",
             b"<!DOCTYPE x [<!ENTITY e SYSTEM 'file:///etc/passwd'>]><y>&e;</y>"]
)  # fmt: skip
def test_an_answer_that_is_no_listing_is_an_error(data):
    with pytest.raises(SourceError, match="search in the PMC bucket failed"):
        parse_listing(data)


@pytest.mark.data
def test_recorded_records_name_their_media(shared_data):
    folder = shared_data / "recorded" / "pmc_cloud"
    record = json.loads((folder / "metadata_PMC9984800.1.json").read_text())
    media = media_by_name(record, "PMC9984800", 1)
    assert set(media) == {"gr1.jpg", "gr2.jpg", "gr3.jpg"}
    assert media["gr1.jpg"].url.endswith("/PMC9984800.1/gr1.jpg")
    assert media["gr1.jpg"].md5 == "5ed7d5ad01d178a7df3ab020c9cc48ad"
    manuscript = json.loads((folder / "metadata_PMC3040717.1.json").read_text())
    assert media_by_name(manuscript, "PMC3040717", 1) == {}


@pytest.mark.parametrize(
    "address",
    [
        "s3://pmc-oa-opendata/PMC2.1/x.jpg", "s3://other/PMC1.1/x.jpg", "https://evil.example/PMC1.1/x.jpg", "s3://pmc-oa-opendata/PMC1.10/x.jpg",
        "s3://pmc-oa-opendata/PMC1.1/../PMC2.1/x.jpg", "s3://pmc-oa-opendata/PMC1.1//x.jpg", "s3://pmc-oa-opendata/PMC1.1/a\\b",
        "file:///etc/passwd", "s3://pmc-oa-opendata/PMC1.1/\x07.jpg", "", "s3://[x/PMC1.1/x", "s3://pmc-oa-opendata/PMC1.1/",
    ],
)  # fmt: skip
def test_media_lie_beside_the_article_or_nowhere(address):
    assert parse_media_address(address, "PMC1.1/") is None


def test_media_keep_their_md5():
    assert parse_media_address("s3://pmc-oa-opendata/PMC1.1/a b.jpg?md5=" + "A" * 32, "PMC1.1/").md5 == "a" * 32
    assert parse_media_address("s3://pmc-oa-opendata/PMC1.1/a.jpg?md5=xyz", "PMC1.1/").md5 is None


def test_another_article_s_text_is_refused():
    with pytest.raises(SourceError, match="another article"):
        find_article(jats_xml(ServedArticle(1001), "x").encode(), "PMC1002")


@pytest.mark.data
def test_recorded_full_texts_have_licenses_and_holders(shared_data):
    for path in sorted((shared_data / "recorded" / "europepmc" / "fullTextXML").glob("*.xml")):
        found = find_article(path.read_bytes(), path.stem)
        assert found.article.license.startswith("CC BY"), path.name
        assert found.rights_holder, path.name
        assert found.figures, path.name


@pytest.fixture
def world(tmp_path, monkeypatch):
    """Runs a served world: give articles, get a bucket's service."""
    running = []

    def serve(*arts: ServedArticle, change=lambda writer: None):
        writer = WorldWriter(tmp_path / f"world{len(running)}")
        for art in arts:
            writer.add(art)
        change(writer)
        context = run_server(writer.write(list_limit=2))
        server = context.__enter__()
        for name, value in server.environment.items():
            monkeypatch.setenv(name, value)
        client = HttpClient([EUROPEPMC, PMC], HttpCache(tmp_path / f"cache{len(running)}", 50 << 20),
                            RetryLimits(2, 2, 4, 2, 0.01, 1))  # fmt: skip
        running.append((context, client))
        return Pmc(client), server

    yield serve
    for context, client in running:
        client.close()
        context.__exit__(None, None, None)


def plan(service: Pmc, number: int):
    query = KeywordQuery()
    return service.plan_article(Hit(f"PMC{number}"), lambda terms: rejection_reason(terms, query) is None)


def test_the_newest_version_by_number_through_truncated_listings(world):
    service, _ = world(
        ServedArticle(1001, [ServedFigure(data=random_png(1))], versions=(1, 2, 9, 10, 3)),
        ServedArticle(10011),
        ServedArticle(100),
    )
    assert "PMC1001.10/" in plan(service, 1001).figures[0].url
    assert plan(service, 10011).figures == ()


def test_names_find_their_files(world):
    def fig(name: str, href: str) -> ServedFigure:
        return ServedFigure(SEM, "Figure 1", name, random_png(len(name)), href)

    figures = [
        fig("a.jpg", "a"), fig("b.PNG", "B"), fig("journal.pone.1.g001.tif", "info:doi/10.1371/journal.pone.1.g001"),
        fig("c.gif", "c.tif"), fig("d.jpg", "https://elsewhere.example/x/d.jpg"), fig("e f.jpg", "e%20f.jpg"),
    ]  # fmt: skip
    service, _ = world(
        ServedArticle(
            1001,
            [
                *figures,
                ServedFigure(SEM, "Figure 7", "gone.jpg", b""),
                ServedFigure(SEM, "Figure 8", "x", b"", "../a.jpg"),
            ],
        )
    )
    found = plan(service, 1001)
    assert [each.name for each in found.figures] == [each.name for each in figures]
    assert found.lost == (("no image in the PMC bucket", 2),)


def test_a_thumbnail_is_not_taken_for_the_figure(world):
    def change(writer: WorldWriter) -> None:
        record = json.loads((writer.folder / "bucket/metadata/PMC1001.1.json").read_text())
        record["media_urls"] = [f"s3://pmc-oa-opendata/PMC1001.1/a{suffix}" for suffix in (".gif", ".jpg", ".png")]
        writer.key("metadata/PMC1001.1.json", json.dumps(record).encode())

    service, _ = world(
        ServedArticle(1001, [ServedFigure(SEM, name="a.gif", data=random_png(1), href="a")]), change=change
    )
    assert [each.name for each in plan(service, 1001).figures] == ["a.jpg"]


@pytest.mark.parametrize(
    "xml",
    [
        "<!DOCTYPE a [<!ENTITY b 'x'><!ENTITY c '&b;&b;&b;'>]><article><front/><body>&c;</body></article>",
        "<!DOCTYPE a [<!ENTITY e SYSTEM 'file:///etc/passwd'>]><article><front/><body>&e;</body></article>",
        "<article><front>", "<notes/>", jats_xml(ServedArticle(1009), "another"),
    ],
)  # fmt: skip
def test_hostile_texts_are_named_failures(world, xml):
    service, server = world(ServedArticle(1001, [ServedFigure(data=random_png(1))], xml=xml))
    with pytest.raises(SourceError, match="PMC1001"):
        plan(service, 1001)
    assert not any("passwd" in each for each in server.paths())


def test_a_text_that_unpacks_to_too_much_is_a_named_failure(world, monkeypatch):
    small = dataclasses.replace(kinds.ARTICLE, max_bytes=1 << 20)  # as 100 MB are to a text of 200
    for module in (pmc_bucket, europepmc):
        monkeypatch.setattr(module, "ARTICLE", small)
    service, server = world(ServedArticle(1001, [ServedFigure(data=random_png(1))]))
    server.faults({"match": r"\.xml|fullTextXML", "kind": "bomb", "size": 2 << 20})
    with pytest.raises(SourceError, match="more than 1,048,576 bytes of article"):
        plan(service, 1001)


@pytest.mark.parametrize("record", ["[]", "{", '{"pmcid": "PMC1002"}'])
def test_odd_records_are_named(world, record):
    service, _ = world(
        ServedArticle(1001), change=lambda writer: writer.key("metadata/PMC1001.1.json", record.encode())
    )
    with pytest.raises(SourceError, match="PMC1001"):
        plan(service, 1001)


def test_a_record_that_does_not_say_open_access_is_closed(world):
    record = b'{"pmcid": "PMC1001"}'
    service, _ = world(ServedArticle(1001), change=lambda writer: writer.key("metadata/PMC1001.1.json", record))
    assert plan(service, 1001).terms.closed == "not open access"


def test_ids_from_words_and_files(tmp_path):
    listed = tmp_path / "ids.txt"
    listed.write_text("PMC7040616, see pmc7052225\nand PMC7040616 again")
    assert parse_pmc_ids(["PMC123.2", "pmc700", str(listed)]) == ("PMC123", "PMC700", "PMC7040616", "PMC7052225")
    assert parse_pmc_ids([str(listed)]) == ("PMC7040616", "PMC7052225")
    (tmp_path / "none.txt").write_text("nothing here")
    for wrong in (tmp_path / "none.txt", tmp_path / "gone.txt", "7040616", "\0"):
        with pytest.raises(UsageError):
            parse_pmc_ids([str(wrong)])


def test_holders_are_read():
    assert (
        parse_jats(jats_xml(ServedArticle(1001, holder="© Somebody"), "x").encode(), "x")[0].rights_holder
        == "© Somebody"
    )
