"""Addresses of the server's pages and pictures."""

from __future__ import annotations

from urllib.parse import quote

from mirsearch.query import StoredPanel

SHARP_SIDE = 720
"""Longer side in px of a panel's sharp picture."""


def panel_address(panel_id: str, side: int = 0) -> str:
    """Return the address of a panel's small picture, or of one with a longer side in px (SHARP_SIDE)."""
    address = f"/pictures/{quote(panel_id, safe='')}.jpg"
    return f"{address}?side={side}" if side else address


def figure_address(stored: StoredPanel) -> str:
    """Return the address of a panel on the page of its figure."""
    return f"/figures/{quote(stored.figure.id, safe='')}#{quote(panel_anchor(stored), safe='')}"


def panel_anchor(stored: StoredPanel) -> str:
    """Return the name of a panel's place on the page of its figure."""
    return f"panel-{panel_key(stored)}"


def panel_key(stored: StoredPanel) -> str:
    """Return what tells a panel from the others of its figure: the end of its id."""
    return stored.panel.id.removeprefix(f"{stored.figure.id}-")
