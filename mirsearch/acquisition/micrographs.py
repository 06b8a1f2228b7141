"""Whether a caption speaks of micrographs, before a byte of the image is fetched."""

from __future__ import annotations

import re

from mirsearch.analysis.kinds.words import kind_votes, technique_votes

_NOT_MICROGRAPHS = frozenset(("diffraction", "EBSD"))
_SCALE_WORDS = re.compile(
    r"\bscale[\s-]*bars?\b|\bbars?\s*[:=,]?\s*\d|\bmagnifications?\b|\boriginal magnification|[×x]\s?\d{2,}k?\b", re.I
)
_MICROSCOPY_WORDS = re.compile(r"\bmicrographs?\b|\bmicroscop(?:y|ic|e)\b|\bnanographs?\b|\bmorpholog", re.I)


def is_likely_micrograph(caption: str) -> bool:
    """Whether at least one panel of a figure is likely a micrograph, by its caption's words; False without words.

    A technique, a scale bar, or microscopy by name say so; "image" does where nothing speaks of plots or drawings.
    """
    techniques = set(technique_votes(caption)) - _NOT_MICROGRAPHS
    if techniques or _SCALE_WORDS.search(caption) or _MICROSCOPY_WORDS.search(caption):
        return True
    kinds = kind_votes(caption)
    other_kinds = max(kinds.get("plot", 0.0), kinds.get("schematic", 0.0), kinds.get("photo", 0.0))
    return kinds.get("micrograph", 0.0) > other_kinds
