"""The served corpus, where the extras `web` and `mcp` are installed; without them, each test is skipped by name."""

from __future__ import annotations

import contextlib

with contextlib.suppress(ModuleNotFoundError):
    from tests.support.web_site import served, site

__all__ = ["served", "site"]
