"""Fixtures every test may use."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.es_fixtures import es_location, es_url
from tests.support.offline import nobody_asked, offline

__all__ = ["es_location", "es_url", "nobody_asked", "offline"]

REPOSITORY = Path(__file__).resolve().parents[1]


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """Folder of real figures with truth; tests that need it are skipped where it is absent."""
    folder = REPOSITORY.parent / "shared" / "data"
    if not folder.is_dir():
        pytest.skip("the real figures of ../shared/data are not here")
    return folder
