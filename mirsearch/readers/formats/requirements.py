"""Says what a reader lacks, without importing the package: that may take long."""

from __future__ import annotations

from importlib.util import find_spec


def missing_formats(*modules: str) -> str | None:
    """Return the line that installs the extra `formats`, if one of these modules is not installed; else None."""
    if all(find_spec(module) is not None for module in modules):
        return None
    return "install it with: pip install 'mirsearch[formats]'"
