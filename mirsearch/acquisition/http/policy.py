"""Decide which addresses may be requested: HTTPS hosts of the services, and private addresses only if configured."""

from __future__ import annotations

import ipaddress
import socket
from collections.abc import Iterable
from urllib.parse import urlsplit

from mirsearch.errors import FetchError, UsageError
from mirsearch.settings import Service

_PORTS = {"https": 443, "http": 80}
_LOCAL_NAMES = ("localhost", ".localhost", ".local", ".internal", ".localdomain", ".home.arpa")

_SPECIAL_IPV4 = tuple(
    ipaddress.IPv4Network(network)
    for network in (
        "0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12", "192.0.0.0/24",
        "192.0.2.0/24", "192.88.99.0/24", "192.168.0.0/16", "198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24",
        "224.0.0.0/4", "240.0.0.0/4",
    )
)  # fmt: skip
"""Private, shared, local, documentation, benchmark, relay, multicast and reserved ranges (IANA, RFC 6890)."""
_GLOBAL_IPV6 = ipaddress.IPv6Network("2000::/3")
"""All that IANA has given out as global unicast. What is outside is no host of the internet, by any name."""
_SPECIAL_IPV6 = tuple(
    ipaddress.IPv6Network(network) for network in ("2001::/23", "2001:db8::/32", "2002::/16", "3ffe::/16", "3fff::/20")
)
"""Special ranges inside: protocols (Teredo, ORCHID, benchmarks), documentation, 6to4 (an IPv4 address), old 6bone."""
_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")
"""How networks without IPv4 reach it: the last 32 bits are the IPv4 address (RFC 6052)."""

HostAddress = tuple[str, str, int]
"""Scheme, host in lower case, port."""


def host_address(url: str) -> HostAddress:
    """Return scheme, host and port of a URL. Raises FetchError if it is no plain http(s) address."""
    try:
        parts = urlsplit(url)
        host, port = (parts.hostname or "").lower().rstrip("."), parts.port
    except ValueError:
        parts, host, port = urlsplit(""), "", None
    if parts.scheme not in _PORTS or not host or parts.username is not None or parts.password is not None:
        raise _refusal(url, host, "not a plain http(s) address")
    if any(ord(character) < 33 or character == "\\" for character in url):
        raise _refusal(url, host, "an address with spaces or control characters")
    return parts.scheme, host, port or _PORTS[parts.scheme]


def is_public_address(address: str) -> bool:
    """Return whether an IP address is one of the public internet: of no special range, whatever Python counts to it."""
    try:
        ip = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return False
    if isinstance(ip, ipaddress.IPv6Address):
        embedded = ip.ipv4_mapped or (ipaddress.IPv4Address(int(ip) & 0xFFFFFFFF) if ip in _NAT64 else None)
        if embedded is None:
            return ip in _GLOBAL_IPV6 and ip.is_global and not any(ip in special for special in _SPECIAL_IPV6)
        ip = embedded
    return ip.is_global and not any(ip in special for special in _SPECIAL_IPV4)


class UrlPolicy:
    """The addresses that may be requested: those below the services' base URLs, and HTTPS hosts of their redirects."""

    def __init__(self, services: Iterable[Service]) -> None:
        self._configured: set[HostAddress] = set()
        self._hosts: set[str] = set()
        for service in services:
            try:
                address = host_address(service.base)
            except FetchError as error:
                raise UsageError(f"{service.variable}: {error.message}", "give an https:// address") from error
            if service.is_custom:
                self._configured.add(address)
            else:
                self._hosts.update((address[1], *service.redirects))

    def check(self, url: str) -> str:
        """Return the host of an allowed URL. Raises FetchError (refused) for any other."""
        address = host_address(url)
        scheme, host, port = address
        if address in self._configured:
            return host
        if scheme != "https":
            raise _refusal(url, host, "not HTTPS")
        if _is_ip_address(host) and not is_public_address(host):
            raise _refusal(url, host, "a private or local address")
        if host == _LOCAL_NAMES[0] or host.endswith(_LOCAL_NAMES[1:]):
            raise _refusal(url, host, "a local name")
        if host not in self._hosts or port != _PORTS["https"]:
            raise _refusal(url, host, "not a host of the services in use")
        return host

    def check_peer(self, host: str, port: int, peer: str) -> None:
        """Refuse to connect to `peer`, an IP address, if it is not public but the host's name leads there."""
        host = host.lower().strip("[]").rstrip(".")
        if any(address[1:] == (host, port) for address in self._configured) or is_public_address(peer):
            return
        raise _refusal(f"{host}:{port}", host, f"its name leads to {peer}, which is not a public address")


def _is_ip_address(host: str) -> bool:
    """Return whether a host is an IP address in any form that a resolver accepts, such as `127.1` or `0x7f000001`."""
    try:
        socket.inet_aton(host)
    except OSError:
        return ":" in host
    return True


def _refusal(url: str, host: str, reason: str) -> FetchError:
    shown_url = url if len(url) <= 200 else url[:199] + "…"
    return FetchError(f"mirsearch does not request {shown_url!r}: {reason}", "", host=host, cause="refused")
