"""Skips tests that need the extra `torch` where it is missing. In CI it must be installed."""

from __future__ import annotations

import os
from typing import Any

import pytest


def torch_or_skip(*others: str) -> Any:
    """Return the torch module, or skip the test if it or another package is missing; fail where they are required."""
    for name in ("torch", *others):
        if os.environ.get("MIRSEARCH_REQUIRE_TORCH"):
            __import__(name)
        else:
            pytest.importorskip(name, reason="needs pip install 'mirsearch[torch]'")
    return __import__("torch")
