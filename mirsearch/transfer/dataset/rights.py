"""What may be passed on: by the licence of the article, and by notes that a figure is of somebody else."""

from __future__ import annotations

from mirsearch.corpus import Figure
from mirsearch.licenses import canonical_license

SHAREABLE = ("cc0", "public-domain", "cc-by", "cc-by-sa", "cc-by-nc", "cc-by-nc-sa")
"""Licences that allow passing on pictures and parts of them. Those with ND allow no parts."""


def reason_not_to_share(figure: Figure) -> str | None:
    """Return why a figure and its panels may not be passed on, or None if they may."""
    if figure.permission_note:
        return "the caption names another holder of the rights"
    if figure.article is None or not figure.article.license:
        return "no license is known"
    name = canonical_license(figure.article.license)
    if name is None:
        return "its license is none of Creative Commons"
    return None if name in SHAREABLE else f"{name} does not allow passing on parts"


def license_name(figure: Figure) -> str:
    """Return the licence of a figure as it was given; empty if none is known."""
    return (figure.article.license or "") if figure.article else ""
