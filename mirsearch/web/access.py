"""Who may ask the server: names of hosts, origins of requests, tokens, and the proxy in front."""

from __future__ import annotations

import hashlib
import hmac
import ipaddress
import os
import socket
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from urllib.parse import urlsplit

from mirsearch.errors import UsageError

LOOPBACK_NAMES = ("localhost", "127.0.0.1", "::1")
EVERY_ADDRESS = ("", "0.0.0.0", "::")  # noqa: S104  (it is compared with what the operator gave)
SESSION_COOKIE = "mirsearch_session"
_MIN_TOKEN_CHARS = 16
_MAX_TOKEN_FILE_BYTES = 64 << 10
_KEPT_HOSTS = 64
"""Most Host headers whose names are kept: those who ask have few."""
_SESSION = b"mirsearch session 1"
_FORWARDED = frozenset(("x-forwarded-for", "forwarded", "x-real-ip", "via"))
"""Headers of a request that a proxy on this machine passed on: it comes from somewhere else."""
_SAFE_METHODS = frozenset(("GET", "HEAD", "OPTIONS"))

Network = ipaddress.IPv4Network | ipaddress.IPv6Network


@dataclass(frozen=True, slots=True)
class Access:
    """The rules. `hosts` are the names by which the server may be called, in lower case.

    `any_address`: numeric addresses are such names, too, because the server listens on all of them. `tokens` open the
    server if there are any. `auth_header` is one that a proxy of `proxies` sets for a person who has logged in.
    """

    hosts: frozenset[str]
    any_address: bool = False
    tokens: tuple[str, ...] = ()
    auth_header: str | None = None
    proxies: tuple[Network, ...] = ()

    @property
    def is_open(self) -> bool:
        """Return whether everybody who reaches the server may ask it."""
        return not self.tokens and self.auth_header is None

    def knows_host(self, host: str | None) -> bool:
        """Return whether a Host header names this server. A page of another site can't send such a name."""
        name = host_name(host)
        return name is not None and (name in self.hosts or (self.any_address and _is_address(name)))

    def trusts(self, peer: str | None) -> bool:
        """Return whether the other end of a connection is a trusted proxy."""
        if not self.proxies:
            return False
        try:
            address = ipaddress.ip_address(peer or "")
        except ValueError:
            return False
        return any(address in network for network in self.proxies)

    def client(self, peer: str | None, headers: Mapping[str, str]) -> str:
        """Return the address of the client: the last that a trusted proxy has added, else the other end itself."""
        if self.trusts(peer):
            forwarded = headers.get("x-forwarded-for", "").rpartition(",")[2].strip()
            if _is_address(forwarded):
                return forwarded
        return peer or "unknown"

    def scheme(self, scheme: str, peer: str | None, headers: Mapping[str, str]) -> str:
        """Return http or https: what a trusted proxy says, else how the connection was made."""
        told = headers.get("x-forwarded-proto", "").lower() if self.trusts(peer) else ""
        return told if told in ("http", "https") else scheme

    def admits(self, peer: str | None, headers: Mapping[str, str], cookies: Mapping[str, str]) -> bool:
        """Return whether a request may be answered: by its token, its session, or a trusted proxy's header."""
        if self.is_open:
            return True
        if self.auth_header is not None and self.trusts(peer) and headers.get(self.auth_header.lower(), "").strip():
            return True
        return self._has_token(headers, cookies)

    def admits_operator(self, peer: str | None, headers: Mapping[str, str], cookies: Mapping[str, str]) -> bool:
        """Return whether a request may see what is for who runs the server: from this machine, or with a token."""
        is_direct = is_loopback(peer or "") and _FORWARDED.isdisjoint(headers)
        return is_direct or self._has_token(headers, cookies)

    def _has_token(self, headers: Mapping[str, str], cookies: Mapping[str, str]) -> bool:
        kind, _, token = headers.get("authorization", "").partition(" ")
        if kind.lower() == "bearer" and self.knows_token(token.strip()):
            return True
        session = cookies.get(SESSION_COOKIE, "")
        return any(_equal(session, session_of(known)) for known in self.tokens)

    def knows_token(self, token: str) -> bool:
        """Return whether this is one of the tokens, in a time that does not depend on how much of it is right."""
        return sum(_equal(token, known) for known in self.tokens) > 0


def is_same_origin(method: str, scheme: str, headers: Mapping[str, str], has_cookie: bool) -> bool:
    """Return whether a request that may change something comes from the server's own pages, or from no page.

    Browsers send Origin or Sec-Fetch-Site with each such request. Programs send neither, and no cookie.
    """
    if method in _SAFE_METHODS:
        return True
    site, origin = headers.get("sec-fetch-site"), headers.get("origin")
    if site is not None and site not in ("same-origin", "none"):
        return False
    if origin is not None and not (origin == "null" and site == "same-origin"):
        return origin.lower() == f"{scheme}://{headers.get('host', '').lower()}"
    return site is not None or not has_cookie


def session_of(token: str) -> str:
    """Return what a browser keeps instead of the token."""
    return hmac.new(token.encode(), _SESSION, hashlib.sha256).hexdigest()


@lru_cache(maxsize=_KEPT_HOSTS)
def host_name(host: str | None) -> str | None:
    """Return the name in a Host header in lower case, without the port and brackets; None if it is no such header."""
    if not host or any(char in host for char in "/\\@?# \t"):
        return None
    try:
        parts = urlsplit(f"//{host}")
        _ = parts.port
    except ValueError:
        return None
    return (parts.hostname or "").rstrip(".") or None


def make_access(
    host: str,
    names: Sequence[str] = (),
    token_file: Path | None = None,
    auth_header: str | None = None,
    proxies: Sequence[str] = (),
) -> Access:
    """Return the rules for a server that listens on `host`. UsageError if others could reach it without a token."""
    tokens = () if token_file is None else read_tokens(token_file)
    networks = tuple(_parse_network(proxy) for proxy in proxies)
    if auth_header is not None and not networks:
        raise UsageError(
            "--auth-header is believed only from a proxy", "add --trusted-proxy with the address of the proxy"
        )
    if not is_loopback(host) and not tokens and auth_header is None:
        raise UsageError(
            f"--host {host}: everybody who reaches this machine could ask the server",
            "add --token-file FILE with a token of 16 characters or more, or --auth-header NAME with --trusted-proxy",
        )
    any_address = host in EVERY_ADDRESS
    own = (socket.gethostname(), socket.getfqdn()) if any_address else (host,)
    hosts = frozenset(name.lower().strip("[]").rstrip(".") for name in (*LOOPBACK_NAMES, *own, *names))
    return Access(hosts, any_address, tokens, auth_header, networks)


def read_tokens(path: Path) -> tuple[str, ...]:
    """Return the tokens of a file, one a line; lines with # are left out. UsageError if others may read the file."""
    try:
        if os.name == "posix" and path.stat().st_mode & 0o077:
            raise UsageError(f"--token-file {path}: others may read it", f"chmod 600 {path}")
        with path.open("rb") as file:
            text = file.read(_MAX_TOKEN_FILE_BYTES).decode()
    except (OSError, ValueError) as error:
        cause = getattr(error, "strerror", None) or "it is no text"
        raise UsageError(f"--token-file {path} can't be read: {cause}", "check the path") from error
    tokens = tuple(line.strip() for line in text.splitlines() if line.strip() and not line.startswith("#"))
    if not tokens or any(len(token) < _MIN_TOKEN_CHARS or not token.isascii() for token in tokens):
        raise UsageError(
            f"--token-file {path}: a token is a line of {_MIN_TOKEN_CHARS} or more letters and digits",
            f"make one: python3 -c 'import secrets; print(secrets.token_urlsafe())' > {path}",
        )
    return tokens


def is_loopback(host: str) -> bool:
    """Return whether only programs on this machine can reach an address."""
    if host.lower() == "localhost":
        return True
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


def header_values(raw: Iterable[tuple[bytes, bytes]]) -> dict[str, str]:
    """Return the headers of a request by their names in lower case. Several values are joined by commas."""
    headers: dict[str, str] = {}
    for name, value in raw:
        key, text = name.decode("latin-1").lower(), value.decode("latin-1")
        headers[key] = f"{headers[key]}, {text}" if key in headers else text
    return headers


def _parse_network(text: str) -> Network:
    try:
        return ipaddress.ip_network(text.strip(), strict=False)
    except ValueError as error:
        raise UsageError(
            f"--trusted-proxy {text!r} is not an address", "give one such as 127.0.0.1 or 10.0.0.0/8"
        ) from error


def _is_address(text: str) -> bool:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True


def _equal(one: str, other: str) -> bool:
    return hmac.compare_digest(one.encode(), other.encode())
