"""The one client: keeps to the policy and the pace, tries again where that may help, keeps what was answered."""

from __future__ import annotations

import os
import random
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import urljoin, urlsplit

import requests
import urllib3

from mirsearch import __version__, settings
from mirsearch.acquisition.http.cache import CachedAnswer, HttpCache, put_file
from mirsearch.acquisition.http.kinds import AnswerKind
from mirsearch.acquisition.http.pace import RateLimiter
from mirsearch.acquisition.http.policy import UrlPolicy
from mirsearch.acquisition.http.reading import read_body
from mirsearch.acquisition.http.status import check_status
from mirsearch.acquisition.http.transport import GuardedAdapter
from mirsearch.acquisition.http.unreached import connection_error
from mirsearch.errors import FetchError
from mirsearch.settings import RetryLimits, Service

FOREVER = float("inf")
_REDIRECT_STATUSES = (301, 302, 303, 307, 308)
_MAX_REDIRECTS = 5
_MAX_FAILURES = {"blocked": 5, "busy": 3, "network": 6, "timeout": 6, "unreached": 3, "status": 20}
"""After so many requests in a row that failed for one cause a host is left alone for the rest of the run."""
_UNKNOWN_HOST_TRIES = 2
_JITTER = 0.5, 1.5
_MAX_CONNECTIONS = 12
"""To one host at once: one that is opened beyond it is not kept, and urllib3 complains."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What an address answered: its bytes (or none where they went into a file), hashes, when (ISO 8601, UTC)."""

    url: str
    data: bytes
    sha256: str
    md5: str
    size: int
    retrieved: str
    cached: bool


IsValid = Callable[[Path], bool]


@dataclass(frozen=True, slots=True)
class _Request:
    """What is asked for, and what the answer must be."""

    url: str
    kind: AnswerKind
    md5: str | None
    into: Path | None
    valid: IsValid | None

    def check(self, host: str, md5: str, part: Path) -> None:
        """FetchError where an answer's bytes are not those promised, or not whole; another try may go better."""
        name = urlsplit(self.url).path.rpartition("/")[2][:80]
        if self.md5 is not None and md5 != self.md5:
            told = f"{host} sent other bytes than it promised for {name} (md5)"
            raise FetchError(told, host=host, cause="checksum", transient=True)
        if self.valid is not None and not self.valid(part):
            told = f"{host} sent a damaged {self.kind.name}" + (f" ({name})" if name else "")
            raise FetchError(told, "run it again later", host=host, cause="content", transient=True)


class HttpClient:
    """Asks the hosts of some services. Threads may share it; `stop` ends what is under way."""

    def __init__(self, services: Iterable[Service], cache: HttpCache, patience: RetryLimits | None = None) -> None:
        services = list(services)
        self._policy = UrlPolicy(services)
        self._cache, self._patience = cache, patience or settings.retry_limits()
        self._pace = RateLimiter(_request_rates(services), folder=cache.folder / "pace")
        self._stop = threading.Event()
        self._lock = threading.Lock()
        self._strikes: dict[str, tuple[int, FetchError]] = {}
        self._met: set[str] = set()
        self.requests: Counter[str] = Counter()
        self.bytes = 0
        self._session = requests.Session()
        self._session.trust_env = False  # no .netrc: nobody's password goes anywhere
        adapter = GuardedAdapter(self._policy, self._patience.total or 60.0, _MAX_CONNECTIONS)
        self._session.mount("https://", adapter)
        self._session.mount("http://", adapter)
        self._session.headers.update({"User-Agent": user_agent(), "Accept-Encoding": "gzip"})

    def stop(self) -> None:
        """End waiting and refuse what is asked from now on."""
        self._stop.set()

    def close(self) -> None:
        """Give back connections and the cache's table."""
        self._session.close()
        self._cache.close()

    def fetch(self, url: str, kind: AnswerKind, *, max_age: float = 0.0, md5: str | None = None, into: Path | None = None,
              tries: int | None = None, valid: IsValid | None = None) -> Answer:  # fmt: skip
        """What `url` answers, from the cache where it is not older than `max_age` seconds. FetchError says why not.

        `md5` (hex) is what the bytes must have; `into` a file that gets them instead of the answer's `data`. Where no
        MD5 is told, `valid` tells whether an answer (in a file) is whole: a damaged one is asked again, and not kept.
        """
        host = self._policy.check(url)
        kept = self._cache.get(url)
        if kept is not None and ((md5 is not None and kept.md5 != md5) or (valid is not None and not valid(kept.path))):
            kept = None
        if kept is not None and time.time() - kept.fetched <= max_age:
            found = _from_cache(kept, into)
            if found is not None:
                return found
        self._given_up(host)
        wanted = _Request(url, kind, md5, into, valid)
        return self._patiently(wanted, kept, tries or self._patience.attempts)

    def _patiently(self, wanted: _Request, kept: CachedAnswer | None, tries: int) -> Answer:
        for number in range(1, tries + 1):
            try:
                answer = self._follow(wanted, kept)
            except FetchError as error:
                last = min(tries, _UNKNOWN_HOST_TRIES) if self._never_met(error) else tries
                if not error.transient or number >= last or self._too_long(error.retry_after):
                    self._strike(error)
                    raise
                self._rest(error, number)
            else:
                host = urlsplit(wanted.url).hostname or ""
                with self._lock:
                    self._strikes.pop(host, None)
                    self._met.add(host)
                return answer
        raise AssertionError  # the last round returns or raises

    def _never_met(self, error: FetchError) -> bool:
        """Whether a host can't be reached that gave no answer in this run: most likely there is no network."""
        with self._lock:
            return error.cause == "unreached" and error.host not in self._met

    def _too_long(self, wait: float | None) -> bool:
        return wait is not None and wait > self._patience.max_wait

    def _rest(self, error: FetchError, number: int) -> None:
        """Wait as long as the host asks, else longer each time, never two clients in step."""
        wait = error.retry_after
        if wait is None:
            wait = self._patience.backoff * 2 ** (number - 1) * random.uniform(*_JITTER)  # noqa: S311  no secret
        if error.cause == "busy":
            self._pace.hold(error.host, wait)
        if self._stop.wait(min(wait, self._patience.max_wait)):
            raise _stopped_error(error.host)

    def _given_up(self, host: str) -> None:
        with self._lock:
            count, last = self._strikes.get(host, (0, None))
        if last is not None and count >= _MAX_FAILURES.get(last.cause, 20):
            why = f"{host} is left alone for this run: {last.message}"
            raise FetchError(why, last.remedy, host=host, cause="left alone")

    def _strike(self, error: FetchError) -> None:
        with self._lock:
            count, last = self._strikes.get(error.host, (0, None))
            if error.cause in _MAX_FAILURES:
                same = last is not None and last.cause == error.cause
                self._strikes[error.host] = (count + 1 if same else 1, error)

    def _follow(self, wanted: _Request, kept: CachedAnswer | None) -> Answer:
        """One try: the request and the redirects it leads through, each held against the policy."""
        url, kind = wanted.url, wanted.kind
        deadline = time.monotonic() + (self._patience.total or kind.seconds)
        at, seen = url, {url}
        while True:
            host = self._policy.check(at)
            with self._ask(at, host, kind, kept if at == url else None) as response:
                if response.status_code in _REDIRECT_STATUSES:
                    at = urljoin(at, response.headers.get("Location", ""))
                    if at in seen or len(seen) > _MAX_REDIRECTS:
                        raise FetchError(f"{host} redirects in a circle", host=host, cause="status")
                    seen.add(at)
                    continue
                if response.status_code == 304 and kept is not None:
                    self._cache.renew(url)
                    found = _from_cache(kept, wanted.into)
                    if found is None:
                        self._cache.drop(url)
                        raise FetchError(f"the kept answer of {host} is gone", host=host, cause="content", transient=True)
                    return found
                check_status(response, host)
                return self._take(response, wanted, host, deadline)

    def _ask(self, url: str, host: str, kind: AnswerKind, kept: CachedAnswer | None) -> requests.Response:
        headers = {"Accept": kind.accept}
        if kind.packed:
            headers["Accept-Encoding"] = "identity"
        if kept is not None and kept.etag:
            headers["If-None-Match"] = kept.etag
        elif kept is not None and kept.modified:
            headers["If-Modified-Since"] = kept.modified
        try:
            with self._pace.turn(host, self._stop) as mine:
                if not mine:
                    raise _stopped_error(host)
                with self._lock:
                    self.requests[host] += 1
                return self._session.get(
                    url, headers=headers, stream=True, allow_redirects=False, proxies=_proxies(url),
                    timeout=(self._patience.connect, self._patience.read), verify=_certificate_bundle(),
                )  # fmt: skip
        except (requests.RequestException, urllib3.exceptions.HTTPError, OSError) as error:
            raise connection_error(error, host, url) from error

    def _take(self, response: requests.Response, wanted: _Request, host: str, deadline: float) -> Answer:
        url, into = wanted.url, wanted.into
        with self._cache.part() as part:
            body = read_body(response, part, wanted.kind, host, deadline)
            with self._lock:
                self.bytes += body.size
            wanted.check(host, body.md5, part)
            if into is not None:
                put_file(part, into)
            data = b"" if into is not None else part.read_bytes()
            now = time.time()
            etag, modified = response.headers.get("ETag"), response.headers.get("Last-Modified")
            stored = CachedAnswer(url, part, body.sha256, body.md5, body.size, etag, modified, now)
            self._cache.put(part, stored, host)
        return Answer(url, data, body.sha256, body.md5, body.size, _iso_time(now), cached=False)


def user_agent() -> str:
    """Name, version and whom to write to."""
    contact = "".join(
        each for each in os.environ.get("MIRSEARCH_CONTACT", "") if 32 < ord(each) < 127 and each not in "()"
    )
    return f"mirsearch/{__version__} ({contact or 'no contact given'})"


def _request_rates(services: Iterable[Service]) -> dict[str, float]:
    """Requests a second by host; where services share one, the slowest counts."""
    rates: dict[str, float] = {}
    for service in services:
        own = urlsplit(service.base).hostname or ""
        for host in (own, *service.redirects):
            rates[host] = min(rates.get(host, FOREVER), service.requests_per_second)
    return rates


def _from_cache(kept: CachedAnswer, into: Path | None) -> Answer | None:
    """A kept answer; None where its file went meanwhile."""
    try:
        if into is not None:
            put_file(kept.path, into)
        data = b"" if into is not None else kept.path.read_bytes()
    except OSError:
        return None
    return Answer(kept.url, data, kept.sha256, kept.md5, kept.size, _iso_time(kept.fetched), cached=True)


def _iso_time(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _proxies(url: str) -> dict[str, str]:
    return dict(requests.utils.get_environ_proxies(url, no_proxy=None))


def _certificate_bundle() -> str | bool:
    return os.environ.get("REQUESTS_CA_BUNDLE") or os.environ.get("CURL_CA_BUNDLE") or True


def _stopped_error(host: str) -> FetchError:
    return FetchError("stopped", host=host, cause="stopped")
