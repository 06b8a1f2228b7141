"""Patterns that functions build of their own values keep to a time that grows like the text, too."""

from __future__ import annotations

import re

import pytest

from mirsearch.text import lengths
from tests.support.adversarial import (
    MOST_GROWTH,
    apply,
    attacks,
    built_patterns,
    growth,
    hidden_imports,
    inline_patterns,
)

LENGTH = "|".join(rf"({lengths._NUMBER}) ?{pattern}" for pattern, *_ in (*lengths._UNITS, *lengths._CONFUSED_UNITS))
BUILT = {
    "acquisition/services/pmc_bucket.py:PmcBucket._newest_version": ("fullmatch", r"metadata/PMC123\.(\d{1,6})\.json"),
    "configuration/writing.py:_without": ("match", r"""\s*["']?per_article["']?\s*="""),
    "readers/rendering.py:channel_colors": ("search", r"\b(?:dapi|hoechst|405)\b"),
    "sources/latex/structure.py:_structural": ("search", r"\\(?:figure|caption|a\.b)(?![A-Za-z])"),
    "text/lengths.py:_readings": ("fullmatch", LENGTH),
    "text/lengths.py:_repaired_readings": ("fullmatch", LENGTH),
    "text/masking.py:mask": ("search", r"(?<![^\W_])sec\.ret(?![^\W_])"),
    "web/corpus.py:Corpus.hide_paths": ("search", r"\bin /a/b(?![\w/-])"),
}
"""An example of each pattern that is built in a function, and how it is used. Add yours here."""


def test_every_pattern_that_a_function_builds_has_an_example():
    built = built_patterns()
    missing = {place: source for place, source in built.items() if place not in BUILT}
    assert not missing, f"add an example of these to BUILT: {missing}"
    assert not [place for place in BUILT if place not in built], "these are gone: remove them from BUILT"


def test_no_module_hides_its_patterns():
    assert hidden_imports() == []


def test_a_pattern_made_of_constants_is_seen_as_it_is():
    inline = {name.rpartition(":")[0] for name in inline_patterns()}
    assert "text/lengths.py:parse_length" not in built_patterns()  # it is made of a constant of its module
    assert "text/lengths.py" in inline


@pytest.mark.parametrize("place", sorted(BUILT))
def test_the_time_of_a_built_pattern_grows_like_the_text(place):
    method, source = BUILT[place]
    pattern = re.compile(source)
    for attack in attacks(pattern):
        factor, size = growth(lambda text: apply(pattern, frozenset((method,)), text), attack)
        assert factor < MOST_GROWTH, f"{attack} of {size} characters"
