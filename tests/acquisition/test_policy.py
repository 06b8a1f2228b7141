"""Which addresses may be requested, and when; without a socket."""

from __future__ import annotations

import random
import threading
import time

import pytest

from mirsearch.acquisition.http.pace import RateLimiter
from mirsearch.acquisition.http.policy import UrlPolicy, is_public_address
from mirsearch.errors import FetchError, UsageError
from mirsearch.settings import ARXIV, EUROPEPMC, PMC


@pytest.fixture
def policy(monkeypatch) -> UrlPolicy:
    for service in (EUROPEPMC, PMC, ARXIV):
        monkeypatch.delenv(service.variable, raising=False)
    return UrlPolicy([EUROPEPMC, PMC])


@pytest.mark.parametrize(
    "url",
    [
        "https://www.ebi.ac.uk/europepmc/webservices/rest/search?query=x",
        "https://pmc-oa-opendata.s3.amazonaws.com/PMC1.1/PMC1.1.xml",
        "https://PMC-OA-opendata.s3.amazonaws.com:443/x",
        "https://pmc-oa-opendata.s3.us-east-1.amazonaws.com/x",
    ],
)
def test_services_may_be_requested(policy, url):
    assert policy.check(url)


@pytest.mark.parametrize(
    "url",
    [
        "http://www.ebi.ac.uk/europepmc/x",
        "https://www.ebi.ac.uk:8443/x",
        "https://user:secret@www.ebi.ac.uk/x",
        "https://www.ebi.ac.uk.evil.example/x",
        "https://evil.example/www.ebi.ac.uk",
        "https://export.arxiv.org/x",
        "http://127.0.0.1/x",
        "https://127.0.0.1/x",
        "https://127.1/x",
        "https://0x7f000001/x",
        "https://2130706433/x",
        "https://[::1]/x",
        "https://[::ffff:10.0.0.1]/x",
        "https://10.0.0.8/x",
        "https://192.168.1.1/x",
        "https://172.16.3.4/x",
        "http://169.254.169.254/latest/meta-data/",
        "https://[fd00:ec2::254]/latest/meta-data/",
        "https://metadata.google.internal/x",
        "https://localhost/x",
        "https://printer.local/x",
        "ftp://www.ebi.ac.uk/x",
        "file:///etc/passwd",
        "gopher://www.ebi.ac.uk/x",
        "https:///x",
        "//www.ebi.ac.uk/x",
        "https://www.ebi.ac.uk\\@evil.example/x",
        "https://www.ebi.ac.uk/x\r\nHost: evil.example",
        "https://[www.ebi.ac.uk/x",
        "https://www.ebi.ac.uk:port/x",
        "",
    ],
)
def test_everything_else_is_refused(policy, url):
    with pytest.raises(FetchError) as caught:
        policy.check(url)
    assert caught.value.cause == "refused"
    assert not caught.value.transient


def test_only_configured_addresses_may_be_requested(monkeypatch):
    monkeypatch.setenv("MIRSEARCH_PMC_URL", "http://127.0.0.1:8123/pmc")
    policy = UrlPolicy([PMC])
    assert policy.check("http://127.0.0.1:8123/pmc/x") == "127.0.0.1"
    for url in ("http://127.0.0.1:8124/pmc", "http://127.0.0.2:8123/pmc", "https://127.0.0.1:8123/pmc",
                "http://localhost:8123/pmc", "https://pmc-oa-opendata.s3.amazonaws.com/x"):  # fmt: skip
        with pytest.raises(FetchError):
            policy.check(url)


@pytest.mark.parametrize("base", ["ftp://mirror.example/x", "mirror.example", "http://user:pw@mirror.example"])
def test_a_base_that_is_none_is_a_wrong_call(monkeypatch, base):
    monkeypatch.setenv("MIRSEARCH_PMC_URL", base)
    with pytest.raises(UsageError, match="MIRSEARCH_PMC_URL"):
        UrlPolicy([PMC])


@pytest.mark.parametrize(
    ("address", "public"),
    [
        ("193.62.193.80", True), ("2001:4860:4860::8888", True), ("127.0.0.2", False), ("10.1.2.3", False),
        ("172.31.0.1", False), ("192.168.0.1", False), ("169.254.169.254", False), ("100.64.0.1", False),
        ("0.0.0.0", False),
        ("224.0.0.1", False), ("255.255.255.255", False), ("::1", False), ("::", False), ("fe80::1%eth0", False),
        ("fd00::1", False), ("::ffff:127.0.0.1", False), ("64:ff9b::7f00:1", False), ("2002:7f00:1::", False),
        ("no", False), ("fec0::1", False), ("64:ff9b:1::8.8.8.8", False), ("64:ff9b::8.8.8.8", True),
        ("64:ff9b::10.0.0.1", False), ("::8.8.8.8", False), ("::127.0.0.1", False), ("::ffff:0:8.8.8.8", False),
        ("::ffff:0:127.0.0.1", False), ("3fff::1", False), ("3fff:fff::1", False), ("3fff:1000::1", True),
        ("3ffe::1", False), ("2001:db8::1", False), ("2001::1", False), ("2001:2::1", False), ("2001:20::1", False),
        ("2001:1ff::1", False), ("2001:200::1", True), ("2002:808:808::1", False), ("2620:0:2d0:200::7", True),
        ("100::1", False), ("5f00::1", False), ("1fff::1", False), ("4000::1", False), ("ff0e::1", False),
        ("fe80::1", False), ("febf::1", False), ("fc00::1", False), ("192.0.0.9", False), ("192.88.99.1", False),
        ("198.18.0.1", False), ("198.19.255.255", False), ("203.0.113.9", False), ("240.0.0.1", False),
        ("239.1.2.3", False), ("100.100.100.200", False), ("::ffff:8.8.8.8", True), ("8.8.8.8%eth0", True),
    ],
)  # fmt: skip
def test_addresses_of_the_internet(address, public):
    assert is_public_address(address) is public


def test_a_name_that_leads_inside_is_refused(policy):
    policy.check_peer("www.ebi.ac.uk", 443, "193.62.193.80")
    for peer in ("127.0.0.1", "10.0.0.1", "169.254.169.254", "::1"):
        with pytest.raises(FetchError, match="not a public address"):
            policy.check_peer("www.ebi.ac.uk", 443, peer)


def test_slots_of_many_threads_are_evenly_apart():
    pace, stop, times = RateLimiter({"a": 50.0}), threading.Event(), []

    def take() -> None:
        for _ in range(5):
            with pace.turn("a", stop) as mine:
                assert mine
            times.append(time.monotonic())

    threads = [threading.Thread(target=take) for _ in range(4)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    assert max(times) - min(times) >= 19 / 50


def test_a_host_is_left_alone_as_long_as_it_asks():
    pace, stop = RateLimiter({"a": 1000.0, "b": 1000.0}), threading.Event()
    pace.pause("a", 0.15)
    started = time.monotonic()
    for host in ("b", "a"):
        with pace.turn(host, stop) as mine:
            assert mine
    assert time.monotonic() - started >= 0.15


def test_waiting_ends_when_it_is_stopped():
    pace, stop = RateLimiter({"a": 0.001}), threading.Event()
    with pace.turn("a", stop) as mine:
        assert mine
    threading.Timer(0.05, stop.set).start()
    with pace.turn("a", stop) as mine:
        assert not mine


def test_no_second_has_more_requests_than_the_rate_however_late_they_arrive():
    pace, stop, chance, arrived = RateLimiter({"a": 10.0}), threading.Event(), random.Random(3), []

    def ask(delays: list[float]) -> None:
        for each in delays:
            with pace.turn("a", stop):
                time.sleep(each)
                arrived.append(time.monotonic())

    threads = [threading.Thread(target=ask, args=([chance.uniform(0.0, 0.4) for _ in range(4)],)) for _ in range(8)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    arrived.sort()
    assert min(later - first for first, later in zip(arrived, arrived[10:], strict=False)) >= 1.0


def test_a_request_that_never_arrives_holds_no_other_up_for_long():
    pace, stop = RateLimiter({"a": 1.0}), threading.Event()
    late = threading.Timer(60.0, stop.set)
    late.start()
    with pace.turn("a", stop), pace.turn("a", stop) as mine:
        assert mine
    late.cancel()


def test_processes_that_share_a_folder_are_no_faster_than_one(tmp_path):
    first, second = RateLimiter({"host": 50.0}, folder=tmp_path), RateLimiter({"host": 50.0}, folder=tmp_path)
    stop, started = threading.Event(), time.monotonic()
    for number in range(20):
        with (first, second)[number % 2].turn("host", stop) as mine:
            assert mine
    assert time.monotonic() - started >= 19 / 50


def test_the_next_process_keeps_a_pause_too(tmp_path):
    RateLimiter({"host": 1000.0}, folder=tmp_path).pause("host", 0.3)
    started = time.monotonic()
    with RateLimiter({"host": 1000.0}, folder=tmp_path).turn("host", threading.Event()) as mine:
        assert mine
    assert time.monotonic() - started >= 0.25


@pytest.mark.parametrize("content", ["", "soon", "inf", "nan", "99999999999"])
def test_an_impossible_time_in_the_file_is_ignored(tmp_path, content):
    (tmp_path / "host.next").write_text(content)
    stop = threading.Event()
    late = threading.Timer(60.0, stop.set)
    late.start()
    with RateLimiter({"host": 1000.0}, folder=tmp_path).turn("host", stop) as mine:
        assert mine
    late.cancel()
