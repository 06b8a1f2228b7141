"""Fetch one image whose address a user gives."""

from __future__ import annotations

from pathlib import Path

from mirsearch.acquisition.http.cache import open_cache
from mirsearch.acquisition.http.client import HttpClient
from mirsearch.acquisition.http.kinds import IMAGE
from mirsearch.acquisition.http.policy import host_address
from mirsearch.settings import ARXIV, EUROPEPMC, PMC, Service

_REQUESTS_PER_SECOND = 1.0
"""Rate at which a host is asked that a user names."""


def fetch_image(address: str, path: Path) -> None:
    """Write the image at an address to a file, within the HTTP client's policy. Raises FetchError."""
    _, host, _ = host_address(address)
    services = [EUROPEPMC, PMC, ARXIV, Service("", f"https://{host}", _REQUESTS_PER_SECOND)]
    client = HttpClient(services, open_cache())
    try:
        client.fetch(address, IMAGE, into=path)
    finally:
        client.close()
