"""Decide by a figure's caption whether it shows micrographs, before its image is downloaded."""

from __future__ import annotations

import re

from mirsearch.analysis.kinds.words import kind_votes, technique_votes

_NOT_MICROGRAPHS = frozenset(("diffraction", "EBSD"))
"""Techniques whose pictures are no micrographs."""
_SCALE_WORDS = re.compile(
    r"\bscale[\s-]*+bars?\b|\bbars?\s*+[:=,]?+\s*+\d"
    r"|\bmagnifications?\b|\boriginal magnification|[×x]\s?\d{2,}k?\b",
    re.I,
)
_MICROSCOPY_WORDS = re.compile(r"\bmicrographs?\b|\bmicroscop(?:y|ic|e)\b|\bnanographs?\b|\bmorpholog", re.I)


def is_likely_micrograph(caption: str) -> bool:
    """Return whether a caption suggests that at least one panel is a micrograph; False for an empty caption.

    A technique, a scale bar or the word microscopy suffices; "image" counts if nothing suggests plots or drawings.
    """
    techniques = set(technique_votes(caption)) - _NOT_MICROGRAPHS
    if techniques or _SCALE_WORDS.search(caption) or _MICROSCOPY_WORDS.search(caption):
        return True
    kinds = kind_votes(caption)
    other_kinds = max(kinds.get("plot", 0.0), kinds.get("schematic", 0.0), kinds.get("photo", 0.0))
    return kinds.get("micrograph", 0.0) > other_kinds
