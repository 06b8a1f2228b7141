"""Addresses of the server's pages and pictures."""

from __future__ import annotations

from urllib.parse import quote

from mirsearch.query import StoredPanel


def panel_address(panel_id: str) -> str:
    """Return the address of a panel's small picture."""
    return f"/pictures/{quote(panel_id, safe='')}.jpg"


def figure_address(stored: StoredPanel) -> str:
    """Return the address of a panel on the page of its figure."""
    return f"/figures/{quote(stored.figure.id, safe='')}#panel-{quote(panel_key(stored), safe='')}"


def panel_key(stored: StoredPanel) -> str:
    """Return what tells a panel from the others of its figure: the end of its id."""
    return stored.panel.id.removeprefix(f"{stored.figure.id}-")
