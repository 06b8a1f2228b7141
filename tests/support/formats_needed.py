"""Skips tests that need the extra `formats` where it is missing. In CI it must be installed."""

from __future__ import annotations

import importlib
import os
from typing import Any

import pytest


def format_or_skip(name: str) -> Any:
    """Return a module of the extra, or skip the test if it is missing; fail where it is required."""
    if os.environ.get("MIRSEARCH_REQUIRE_FORMATS"):
        return importlib.import_module(name)
    return pytest.importorskip(name, reason="needs pip install 'mirsearch[formats]'")
