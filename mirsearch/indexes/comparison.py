"""What both indexes store and compare alike: names, licenses, ids of articles, techniques, fields of view."""

from __future__ import annotations

import math

from mirsearch.corpus import Panel, ScaleReading

MIN_TECHNIQUE_CONFIDENCE = 0.5
"""Least confidence of a technique that counts. Below it, the technique is more likely wrong than right."""


def known_technique(panel: Panel) -> str | None:
    """Return the technique of a panel, or None if it is below MIN_TECHNIQUE_CONFIDENCE. A person's correction has 1."""
    return panel.technique if panel.technique_confidence >= MIN_TECHNIQUE_CONFIDENCE else None


def field_of_view(panel: Panel, reading: ScaleReading | None) -> float | None:
    """Return the width of a panel in nm by a reading, or None if there is none or the width is no length."""
    fov = math.nan if reading is None else float(panel.width * reading.nm_per_px)
    return fov if math.isfinite(fov) and fov > 0 else None


def fold_name(text: str) -> str:
    """Return a name in the form used for comparisons: case-folded, without outer or repeated space."""
    return " ".join(text.casefold().split())


def license_key(text: str | None) -> str | None:
    """Return the form of a license used in filters: its short form, or its words if it has none."""
    from mirsearch.licenses import canonical_license

    return canonical_license(text) or (fold_name(text)[:200] if text else None)


def article_keys(some_id: str) -> tuple[tuple[str, str], str, str]:
    """Return the forms of an article id: ((as given, lower case), DOI, PMC id), DOI and PMC id in lower case, bare."""
    stripped = some_id.strip()
    lower = stripped.lower()
    for prefix in ("https://", "http://", "dx.doi.org/", "doi.org/", "doi:", "pmcid:"):
        lower = lower.removeprefix(prefix).strip()
    return (stripped, stripped.lower()), lower, lower if lower.startswith("pmc") else f"pmc{lower}"
