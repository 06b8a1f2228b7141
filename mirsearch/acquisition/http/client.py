"""The HTTP client: it keeps to the URL policy and the rate limits, retries transient failures, and caches answers."""

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
from mirsearch.configuration import value_of
from mirsearch.errors import FetchError
from mirsearch.settings import RetryLimits, Service

FOREVER = float("inf")
_REDIRECT_STATUSES = (301, 302, 303, 307, 308)
_MAX_REDIRECTS = 5
_MAX_FAILURES = {"blocked": 5, "busy": 3, "network": 6, "timeout": 6, "unreached": 3, "status": 20}
"""Failures in a row, by cause, after which a host is not asked again in this run."""
_UNKNOWN_HOST_TRIES = 2
"""Tries of a host that has not answered in this run: most likely there is no network."""
_JITTER = 0.5, 1.5
"""Random factor of each pause, so that several clients do not retry in step."""
_MAX_CONNECTIONS = 12
"""Connections to one host at once. urllib3 closes further ones with a warning."""


@dataclass(frozen=True, slots=True)
class Answer:
    """The answer of an address: its bytes (empty if they went into a file), hashes, and time (ISO 8601, UTC)."""

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
    """An address to download, and what its answer must be."""

    url: str
    kind: AnswerKind
    md5: str | None
    into: Path | None
    is_valid: IsValid | None

    def check_bytes(self, host: str, md5: str, part: Path) -> None:
        """Raise FetchError if an answer's bytes are not the promised ones or incomplete. A retry may succeed."""
        name = urlsplit(self.url).path.rpartition("/")[2][:80]
        if self.md5 is not None and md5 != self.md5:
            message = f"{host} sent other bytes than it promised for {name} (md5)"
            raise FetchError(message, host=host, cause="checksum", transient=True)
        if self.is_valid is not None and not self.is_valid(part):
            message = f"{host} sent a damaged {self.kind.name}" + (f" ({name})" if name else "")
            raise FetchError(message, "run it again later", host=host, cause="content", transient=True)


class HttpClient:
    """Asks the hosts of some services. Threads may share it; `stop` ends all requests."""

    def __init__(self, services: Iterable[Service], cache: HttpCache, limits: RetryLimits | None = None) -> None:
        services = list(services)
        self._policy = UrlPolicy(services)
        self._cache, self._limits = cache, limits or settings.retry_limits()
        self._rate_limiter = RateLimiter(_request_rates(services), folder=cache.folder / "pace")
        self._stop = threading.Event()
        self._lock = threading.Lock()
        self._failures: dict[str, tuple[int, FetchError]] = {}
        self._answered_hosts: set[str] = set()
        self.requests: Counter[str] = Counter()
        self.bytes = 0
        self._session = requests.Session()
        self._session.trust_env = False  # ignore .netrc: no password is sent
        adapter = GuardedAdapter(self._policy, self._limits.total or 60.0, _MAX_CONNECTIONS)
        self._session.mount("https://", adapter)
        self._session.mount("http://", adapter)
        self._session.headers.update({"User-Agent": user_agent(), "Accept-Encoding": "gzip"})

    def stop(self) -> None:
        """End all waits, and refuse every further request."""
        self._stop.set()

    def close(self) -> None:
        """Close the connections and the cache."""
        self._session.close()
        self._cache.close()

    def fetch(
        self,
        url: str,
        kind: AnswerKind,
        *,
        max_age: float = 0.0,
        md5: str | None = None,
        into: Path | None = None,
        tries: int | None = None,
        is_valid: IsValid | None = None,
    ) -> Answer:
        """Return the answer of `url`, from the cache if it is at most `max_age` seconds old. Raises FetchError.

        `md5` (hex) is the expected hash. `into` is a file that receives the bytes instead of the answer's `data`.
        If the MD5 is unknown, `is_valid` checks the answer's file: a damaged answer is requested again, not cached.
        """
        host = self._policy.check(url)
        cached = self._cache.get(url)
        if cached is not None and (
            (md5 is not None and cached.md5 != md5) or (is_valid is not None and not is_valid(cached.path))
        ):
            cached = None
        if cached is not None and time.time() - cached.fetched <= max_age:
            answer = _from_cache(cached, into)
            if answer is not None:
                return answer
        self._check_not_abandoned(host)
        request = _Request(url, kind, md5, into, is_valid)
        return self._fetch_with_retries(request, cached, tries or self._limits.attempts)

    def _fetch_with_retries(self, request: _Request, cached: CachedAnswer | None, tries: int) -> Answer:
        for attempt in range(1, tries + 1):
            try:
                answer = self._fetch_once(request, cached)
            except FetchError as error:
                last_attempt = min(tries, _UNKNOWN_HOST_TRIES) if self._is_unreached_so_far(error) else tries
                if not error.transient or attempt >= last_attempt or self._exceeds_max_wait(error.retry_after):
                    self._count_failure(error)
                    raise
                self._wait_before_retry(error, attempt)
            else:
                host = urlsplit(request.url).hostname or ""
                with self._lock:
                    self._failures.pop(host, None)
                    self._answered_hosts.add(host)
                return answer
        raise AssertionError  # the last try returns or raises

    def _is_unreached_so_far(self, error: FetchError) -> bool:
        """Return whether a host can't be reached and has not answered in this run: most likely there is no network."""
        with self._lock:
            return error.cause == "unreached" and error.host not in self._answered_hosts

    def _exceeds_max_wait(self, wait: float | None) -> bool:
        return wait is not None and wait > self._limits.max_wait

    def _wait_before_retry(self, error: FetchError, attempt: int) -> None:
        """Wait as long as the host asks, else longer after each try, with a random factor."""
        wait = error.retry_after
        if wait is None:
            wait = self._limits.backoff * 2 ** (attempt - 1) * random.uniform(*_JITTER)  # noqa: S311  no secret
        if error.cause == "busy":
            self._rate_limiter.pause(error.host, wait)
        if self._stop.wait(min(wait, self._limits.max_wait)):
            raise _stopped_error(error.host)

    def _check_not_abandoned(self, host: str) -> None:
        with self._lock:
            count, last_error = self._failures.get(host, (0, None))
        if last_error is not None and count >= _MAX_FAILURES.get(last_error.cause, 20):
            message = f"{host} is left alone for this run: {last_error.message}"
            raise FetchError(message, last_error.remedy, host=host, cause="left alone")

    def _count_failure(self, error: FetchError) -> None:
        with self._lock:
            count, last_error = self._failures.get(error.host, (0, None))
            if error.cause in _MAX_FAILURES:
                is_same_cause = last_error is not None and last_error.cause == error.cause
                self._failures[error.host] = (count + 1 if is_same_cause else 1, error)

    def _fetch_once(self, request: _Request, cached: CachedAnswer | None) -> Answer:
        """Send the request once, and follow its redirects. Each address is checked against the policy."""
        url, kind = request.url, request.kind
        deadline = time.monotonic() + (self._limits.total or kind.seconds)
        current_url, visited = url, {url}
        while True:
            host = self._policy.check(current_url)
            with self._send(current_url, host, kind, cached if current_url == url else None) as response:
                if response.status_code in _REDIRECT_STATUSES:
                    current_url = urljoin(current_url, response.headers.get("Location", ""))
                    if current_url in visited or len(visited) > _MAX_REDIRECTS:
                        raise FetchError(f"{host} redirects in a circle", host=host, cause="status")
                    visited.add(current_url)
                    continue
                if response.status_code == 304 and cached is not None:
                    self._cache.mark_current(url)
                    answer = _from_cache(cached, request.into)
                    if answer is None:
                        self._cache.remove(url)
                        raise FetchError(
                            f"the cached answer of {host} has disappeared", host=host, cause="content", transient=True
                        )
                    return answer
                check_status(response, host)
                return self._store_answer(response, request, host, deadline)

    def _send(self, url: str, host: str, kind: AnswerKind, cached: CachedAnswer | None) -> requests.Response:
        headers = {"Accept": kind.accept}
        if kind.is_compressed:
            headers["Accept-Encoding"] = "identity"
        if cached is not None and cached.etag:
            headers["If-None-Match"] = cached.etag
        elif cached is not None and cached.modified:
            headers["If-Modified-Since"] = cached.modified
        try:
            with self._rate_limiter.turn(host, self._stop) as may_send:
                if not may_send:
                    raise _stopped_error(host)
                with self._lock:
                    self.requests[host] += 1
                return self._session.get(
                    url, headers=headers, stream=True, allow_redirects=False, proxies=_proxies(url),
                    timeout=(self._limits.connect, self._limits.read), verify=_certificate_bundle(),
                )  # fmt: skip
        except (requests.RequestException, urllib3.exceptions.HTTPError, OSError) as error:
            raise connection_error(error, host, url) from error

    def _store_answer(self, response: requests.Response, request: _Request, host: str, deadline: float) -> Answer:
        url, into = request.url, request.into
        with self._cache.new_part() as part:
            body = read_body(response, part, request.kind, host, deadline)
            with self._lock:
                self.bytes += body.size
            request.check_bytes(host, body.md5, part)
            if into is not None:
                put_file(part, into)
            data = b"" if into is not None else part.read_bytes()
            now = time.time()
            etag, modified = response.headers.get("ETag"), response.headers.get("Last-Modified")
            stored = CachedAnswer(url, part, body.sha256, body.md5, body.size, etag, modified, now)
            self._cache.put(part, stored, host)
        return Answer(url, data, body.sha256, body.md5, body.size, _iso_time(now), cached=False)


def user_agent() -> str:
    """Return the User-Agent: name, version and contact."""
    contact = "".join(
        character for character in value_of("MIRSEARCH_CONTACT") if 32 < ord(character) < 127 and character not in "()"
    )
    return f"mirsearch/{__version__} ({contact or 'no contact given'})"


def _request_rates(services: Iterable[Service]) -> dict[str, float]:
    """Return the requests per second by host. If services share a host, the slowest rate counts."""
    rates: dict[str, float] = {}
    for service in services:
        own_host = urlsplit(service.base).hostname or ""
        for host in (own_host, *service.redirects):
            rates[host] = min(rates.get(host, FOREVER), service.requests_per_second)
    return rates


def _from_cache(cached: CachedAnswer, into: Path | None) -> Answer | None:
    """Return a cached answer; None if its file has disappeared."""
    try:
        if into is not None:
            put_file(cached.path, into)
        data = b"" if into is not None else cached.path.read_bytes()
    except OSError:
        return None
    return Answer(cached.url, data, cached.sha256, cached.md5, cached.size, _iso_time(cached.fetched), cached=True)


def _iso_time(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _proxies(url: str) -> dict[str, str]:
    return dict(requests.utils.get_environ_proxies(url, no_proxy=None))


def _certificate_bundle() -> str | bool:
    return os.environ.get("REQUESTS_CA_BUNDLE") or os.environ.get("CURL_CA_BUNDLE") or True


def _stopped_error(host: str) -> FetchError:
    return FetchError("stopped", host=host, cause="stopped")
