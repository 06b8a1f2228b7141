"""The client against a server with every kind of fault."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import threading
import time

import pytest

from mirsearch.acquisition.http import kinds
from mirsearch.acquisition.http.cache import HttpCache
from mirsearch.acquisition.http.client import FOREVER, HttpClient
from mirsearch.errors import FetchError
from mirsearch.settings import EUROPEPMC, PMC, RetryLimits
from tests.support.serving import ServedArticle, ServedFigure, Server, WorldWriter, random_png, run_server

SHORT = RetryLimits(connect=5, read=4, total=5, attempts=3, backoff=0.01, max_wait=2)
MEDIA = "/pmc/PMC1.1/gr1.png"
MD5 = hashlib.md5(random_png(1)).hexdigest()


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    writer = WorldWriter(tmp_path_factory.mktemp("world"))
    writer.add(ServedArticle(1, [ServedFigure(data=random_png(1))]))
    with run_server(writer.write()) as running:
        yield running


@pytest.fixture
def client(server: Server, tmp_path, monkeypatch):
    server.faults()
    for name, value in server.environment.items():
        monkeypatch.setenv(name, value)
    new_client = HttpClient([EUROPEPMC, PMC], HttpCache(tmp_path / "cache", 10 << 20), SHORT)
    yield new_client
    new_client.close()


def fails(client: HttpClient, url: str, kind: kinds.AnswerKind = kinds.IMAGE, **more) -> FetchError:
    with pytest.raises(FetchError) as caught:
        client.fetch(url, kind, **more)
    return caught.value


def test_bytes_hashes_and_a_second_name(client, server, tmp_path):
    answer = client.fetch(server.url + MEDIA, kinds.IMAGE, md5=MD5, into=tmp_path / "a" / "gr1.png")
    assert (tmp_path / "a" / "gr1.png").read_bytes() == random_png(1)
    assert answer.md5 == MD5
    assert answer.sha256 == hashlib.sha256(random_png(1)).hexdigest()
    assert not answer.cached
    assert not list((tmp_path / "cache" / "parts").iterdir())


def test_cached_answers_are_not_requested_again(client, server):
    first = client.fetch(server.url + MEDIA, kinds.IMAGE, max_age=FOREVER)
    again = client.fetch(server.url + MEDIA, kinds.IMAGE, max_age=FOREVER)
    assert again.cached
    assert again.data == first.data == random_png(1)
    assert len(server.paths()) == 1


def test_old_answers_are_requested_with_their_tag(client, server):
    client.fetch(server.url + MEDIA, kinds.IMAGE)
    again = client.fetch(server.url + MEDIA, kinds.IMAGE)
    assert again.data == random_png(1)
    assert [each["status"] for each in server.log()] == [200, 304]


def test_a_cached_answer_with_another_md5_is_requested_again(client, server):
    client.fetch(server.url + MEDIA, kinds.IMAGE)
    error = fails(client, server.url + MEDIA, md5="0" * 32, max_age=FOREVER)
    assert error.cause == "checksum"


def test_the_user_agent_names_the_contact(client, server, monkeypatch, tmp_path):
    monkeypatch.setenv("MIRSEARCH_CONTACT", "me@example.org\r\nX-Bad: 1")
    other = HttpClient([PMC], HttpCache(tmp_path / "other", 1 << 20), SHORT)
    other.fetch(server.url + MEDIA, kinds.IMAGE)
    other.close()
    agent = server.log()[0]["agent"]
    assert agent.startswith("mirsearch/")
    assert "me@example.org" in agent


@pytest.mark.parametrize("kind", ["429", "500", "502", "503", "cut-early", "cut", "long", "md5", "empty"])
def test_a_transient_failure_is_tried_again(client, server, kind):
    server.faults({"match": "gr1", "kind": kind, "times": 2})
    assert client.fetch(server.url + MEDIA, kinds.IMAGE, md5=MD5).data == random_png(1)
    assert len(server.paths()) == 3


@pytest.mark.parametrize(
    ("kind", "cause"),
    [("429", "busy"), ("500", "status"), ("503", "busy"), ("cut-early", "network"), ("cut", "network"),
     ("long", "network"), ("md5", "checksum"), ("short", "checksum"), ("empty", "content")],
)  # fmt: skip
def test_a_lasting_failure_names_its_cause(client, server, kind, cause):
    server.faults({"match": "gr1", "kind": kind})
    error = fails(client, server.url + MEDIA, md5=MD5)
    assert error.cause == cause
    assert "127.0.0.1" in error.message
    assert len(server.paths()) == SHORT.attempts


@pytest.mark.parametrize(
    ("kind", "cause"), [("403", "blocked"), ("406", "blocked"), ("404", "gone"), ("wall", "blocked")]
)
def test_a_permanent_failure_is_requested_once(client, server, kind, cause):
    server.faults({"match": "gr1", "kind": kind})
    assert fails(client, server.url + MEDIA).cause == cause
    assert len(server.paths()) == 1


def test_a_host_s_rest_is_kept(client, server):
    server.faults({"match": "gr1", "kind": "429-after", "after": 1, "times": 1})
    started = time.monotonic()
    client.fetch(server.url + MEDIA, kinds.IMAGE)
    assert time.monotonic() - started >= 1


def test_a_rest_that_is_too_long_is_not_waited_for(client, server):
    server.faults({"match": "gr1", "kind": "429-after", "after": 3600})
    error = fails(client, server.url + MEDIA)
    assert error.cause == "busy"
    assert "3600" in error.message
    assert len(server.paths()) == 1


@pytest.mark.parametrize("type_", ["text/html", "image/png", "application/json"])
def test_a_wall_is_seen_whatever_it_is_called(client, server, type_):
    server.faults({"match": ".", "kind": "wall", "type": type_})
    for kind in (kinds.IMAGE, kinds.RECORD, kinds.LISTING, kinds.EPRINT):
        error = fails(client, f"{server.url}{MEDIA}?{kind.name}", kind)
        assert error.cause == "blocked"
        assert "Just a moment" in error.message


@pytest.mark.data
def test_recorded_walls_are_seen(client, server, shared_data):
    for path in sorted((shared_data / "recorded" / "bot_walls").glob("*.html")):
        if "excerpt" in path.name:
            continue
        server.faults({"match": ".", "kind": "body", "file": str(path)})
        error = fails(client, f"{server.url}{MEDIA}?{path.name}", kinds.EPRINT)
        assert error.cause == "blocked", path.name


def test_a_wrong_type_does_no_harm(client, server):
    server.faults({"match": "gr1", "kind": "type"})
    assert client.fetch(server.url + MEDIA, kinds.IMAGE).data == random_png(1)


def test_a_slow_drip_ends(client, server):
    server.faults({"match": "gr1", "kind": "drip"})
    started = time.monotonic()
    assert fails(client, server.url + MEDIA, tries=1).cause == "timeout"
    assert time.monotonic() - started < 45  # the drip would go on for longer


@pytest.mark.parametrize(("met", "requests"), [(False, 2), (True, 3)])
def test_an_unreachable_host_is_named_and_soon_given_up(client, server, met, requests):
    nowhere = "http://127.0.0.1:9/pmc"  # the discard service, which nobody runs
    client._policy._configured.add(("http", "127.0.0.1", 9))
    if met:
        client.fetch(server.url + MEDIA, kinds.IMAGE)
    before = client.requests["127.0.0.1"]
    error = fails(client, f"{nowhere}/PMC1.1/gr1.png")
    assert error.message == "127.0.0.1 can't be reached: Connection refused"
    assert (error.cause, error.remedy[:17]) == ("unreached", "check the network")
    assert client.requests["127.0.0.1"] - before == requests


def test_an_unreachable_base_is_named_by_its_variable(client, monkeypatch):
    monkeypatch.setenv("MIRSEARCH_PMC_URL", "http://127.0.0.1:9/pmc")
    client._policy._configured.add(("http", "127.0.0.1", 9))
    error = fails(client, "http://127.0.0.1:9/pmc/PMC1.1/gr1.png")
    assert error.remedy == "check MIRSEARCH_PMC_URL, which sets this address; then the network"


def test_headers_that_never_end_end(client, server):
    server.faults({"match": "gr1", "kind": "headers"})
    started = time.monotonic()
    assert fails(client, server.url + MEDIA, tries=1).cause in ("network", "timeout")
    assert time.monotonic() - started < 45


def test_endless_bodies_end_at_the_limit(client, server):
    server.faults({"match": "gr1", "kind": "endless"})
    small = dataclasses.replace(kinds.ARTICLE, max_bytes=1 << 20)
    assert fails(client, server.url + MEDIA, small).cause == "too large"


def test_a_bomb_ends_at_the_limit(client, server, tmp_path):
    server.faults({"match": "gr1", "kind": "bomb", "size": 20 << 20})
    small = dataclasses.replace(kinds.ARTICLE, max_bytes=1 << 20)
    assert fails(client, server.url + MEDIA, small).cause == "too large"
    assert not list((tmp_path / "cache" / "parts").iterdir())


def test_what_is_announced_too_large_is_not_read(client, server):
    small = dataclasses.replace(kinds.IMAGE, max_bytes=100)
    assert fails(client, server.url + MEDIA, small).cause == "too large"
    assert client.bytes == 0


def test_redirects_in_a_circle_end(client, server):
    server.faults({"match": "gr1", "kind": "loop"})
    assert "circle" in fails(client, server.url + MEDIA).message


@pytest.mark.parametrize(
    "target", ["http://127.0.0.2:9/x", "http://169.254.169.254/x", "file:///etc/passwd", "//127.0.0.2/x"]
)
def test_redirects_lead_nowhere_else(client, server, target):
    server.faults({"match": "gr1", "kind": "away", "to": target})
    error = fails(client, server.url + MEDIA)
    assert error.cause == "refused"
    assert len(server.paths()) == 1


def test_a_redirect_within_the_service_is_followed(client, server):
    server.faults({"match": "old", "kind": "away", "to": MEDIA})
    assert client.fetch(f"{server.url}/pmc/old", kinds.IMAGE).data == random_png(1)


def test_a_host_that_blocks_is_left_alone(client, server):
    server.faults({"match": ".", "kind": "403"})
    errors = [fails(client, f"{server.url}/pmc/{number}") for number in range(8)]
    assert [each.cause for each in errors] == ["blocked"] * 5 + ["left alone"] * 3
    assert all("blocks access" in each.message for each in errors)
    assert len(server.paths()) == 5


def test_never_more_requests_than_the_limit(server, tmp_path, monkeypatch):
    for name, value in server.environment.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("MIRSEARCH_HTTP_RATE", "25")
    client = HttpClient([PMC], HttpCache(tmp_path / "cache", 1 << 20), SHORT)
    server.faults()
    threads = [threading.Thread(target=client.fetch, args=(f"{server.url}{MEDIA}?{n}", kinds.IMAGE)) for n in range(40)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    client.close()
    times = sorted(each["time"] for each in server.log())
    assert len(times) == 40
    assert times[-1] - times[0] >= 39 / 25


def test_stopping_ends_waiting(client, server, tmp_path):  # `client` lets the server's address be asked
    patient = HttpClient([PMC], HttpCache(tmp_path / "patient", 1 << 20), dataclasses.replace(SHORT, max_wait=120))
    server.faults({"match": "gr1", "kind": "429-after", "after": 120})
    threading.Timer(0.2, patient.stop).start()
    started = time.monotonic()
    assert fails(patient, server.url + MEDIA).cause in ("stopped", "busy")
    assert time.monotonic() - started < 60  # of the 120 s that the server asks for
    patient.close()


# -- the cache ---------------------------------------------------------------------------------------------------------


def put(cache: HttpCache, name: str, data: bytes) -> None:
    from mirsearch.acquisition.http.cache import CachedAnswer

    with cache.new_part() as part:
        part.write_bytes(data)
        stored = CachedAnswer(name, part, hashlib.sha256(data).hexdigest(), "", len(data), None, None, time.time())
        cache.put(part, stored, "host")


def test_the_least_used_goes_when_it_is_full(tmp_path):
    cache = HttpCache(tmp_path, 10_000)
    for number in range(6):
        put(cache, f"u{number}", bytes([number]) * 2_000)
        assert cache.get("u0") is not None
    assert cache.stats()["bytes"] <= 10_000
    assert cache.get("u0") is not None
    assert cache.get("u1") is None
    assert cache.get("u5") is not None
    assert cache.clear() > 0
    assert cache.stats()["bytes"] == 0
    cache.close()


def test_a_damaged_answer_is_none(tmp_path):
    cache = HttpCache(tmp_path, 10_000)
    put(cache, "u", b"whole")
    kept = cache.get("u")
    assert kept is not None
    kept.path.write_bytes(b"other")
    assert cache.get("u") is None
    cache.close()


def test_a_damaged_table_is_made_anew(tmp_path):
    HttpCache(tmp_path, 10_000).close()
    for each in tmp_path.glob("answers.sqlite*"):
        each.unlink()
    (tmp_path / "answers.sqlite").write_bytes(b"no database" * 1000)
    cache = HttpCache(tmp_path, 10_000)
    assert cache.get("u") is None
    cache.close()


def test_gzip_is_undone(client, server):
    data = client.fetch(f"{server.url}/epmc/search?query=nano&resultType=core", kinds.SEARCH).data
    assert json.loads(data)["hitCount"] == 1


RECORD = "/pmc/metadata/PMC1.1.json"


def is_json(path) -> bool:
    try:
        json.loads(path.read_bytes())
    except ValueError:
        return False
    return True


def test_a_damaged_answer_without_a_promised_md5_is_requested_again_and_never_cached(client, server):
    server.faults({"match": "metadata", "kind": "md5", "times": 1})
    record = json.loads(client.fetch(server.url + RECORD, kinds.RECORD, max_age=FOREVER, is_valid=is_json).data)
    assert record["pmcid"] == "PMC1"
    assert len(server.paths()) == 2
    server.faults({"match": "metadata", "kind": "md5"})
    client._cache.remove(server.url + RECORD)
    assert fails(client, server.url + RECORD, kinds.RECORD, max_age=FOREVER, is_valid=is_json).cause == "content"
    assert client._cache.get(server.url + RECORD) is None


def test_a_damaged_cached_answer_is_requested_again(client, server):
    server.faults({"match": "metadata", "kind": "md5", "times": 1})
    client.fetch(server.url + RECORD, kinds.RECORD)  # nobody looked at it
    answer = client.fetch(server.url + RECORD, kinds.RECORD, max_age=FOREVER, is_valid=is_json)
    assert not answer.cached
    assert json.loads(answer.data)["pmcid"] == "PMC1"
