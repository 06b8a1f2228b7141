"""The fixtures of the served corpus, where the extra `web` is installed; without it, each test is skipped by name."""

from __future__ import annotations

import contextlib

with contextlib.suppress(ModuleNotFoundError):
    from tests.support.web_site import address, client, served, site

__all__ = ["address", "client", "served", "site"]
