"""Tests that need the extra `torch` are skipped, by name, where it is missing; in CI it must be there."""

from __future__ import annotations

import os
from typing import Any

import pytest


def torch_or_skip(*others: str) -> Any:
    """The torch module (and other packages of the extra), or a skipped test; an error where they are required."""
    for name in ("torch", *others):
        if os.environ.get("MIRSEARCH_REQUIRE_TORCH"):
            __import__(name)
        else:
            pytest.importorskip(name, reason="needs pip install 'mirsearch[torch]'")
    return __import__("torch")
