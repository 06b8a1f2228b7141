"""Fixtures every test may use."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.support.es_fixtures import es_location, es_url
from tests.support.offline import nobody_asked, offline

__all__ = ["es_location", "es_url", "nobody_asked", "offline"]

REPOSITORY = Path(__file__).resolve().parents[1]
os.environ["MIRSEARCH_CONFIG"] = str(REPOSITORY / "tests" / "no-config.toml")  # never that of who runs the tests
# Several test processes share the cores: threads that wait for each other must sleep, not turn. Otherwise PyTorch takes
# many times as long.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """Folder of real figures with truth; tests that need it are skipped where it is absent."""
    folder = REPOSITORY.parent / "shared" / "data"
    if not folder.is_dir():
        pytest.skip("the real figures of ../shared/data are not here")
    return folder


def pytest_configure() -> None:
    """Fail at once if the tests against Elasticsearch must run, but its client is missing: they would skip."""
    if os.environ.get("MIRSEARCH_REQUIRE_ES") == "1":
        import elasticsearch  # noqa: F401


LONG = {
    "test_killed.py", "test_drawn_figures.py", "test_retrieval_benchmark.py", "test_secure.py", "test_restarts.py",
    "test_docs.py", "test_embedded_kill.py", "test_acquire_killed.py", "test_end_to_end.py", "test_elasticsearch.py",
    "test_week.py", "test_browser_elasticsearch.py", "test_acquire_cli.py", "test_query_inputs.py",
}  # fmt: skip
"""Files that take a minute or more. They start first, so that no worker is left alone with one at the end."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark tests of modules that need the extras `torch` or `formats`, for `make test-torch`; long files first."""
    for item in items:
        module = item.getparent(pytest.Module)
        for extra, needed in (("torch", "torch_or_skip"), ("formats", "format_or_skip")):
            if module is not None and hasattr(module.obj, needed):
                item.add_marker(extra)
    items.sort(key=lambda item: item.path.name not in LONG)
