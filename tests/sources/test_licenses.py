from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mirsearch.licenses import canonical_license, license_name, strictest_license
from mirsearch.sources.articles import normalize_license


@pytest.mark.parametrize(
    ("text", "short"),
    [
        ("CC BY 4.0", "cc-by"),
        ("cc-by", "cc-by"),
        ("CCBY", "cc-by"),
        ("cc_by_4.0", "cc-by"),
        ("https://creativecommons.org/licenses/by/4.0/", "cc-by"),
        ("http://creativecommons.org/licenses/by-nc-nd/3.0/us/legalcode", "cc-by-nc-nd"),
        ("CC BY‑NC‑ND", "cc-by-nc-nd"),
        ("cc by-nc-sa 4.0", "cc-by-nc-sa"),
        ("CC-BY/NC", "cc-by-nc"),
        ("by-nc 4.0", "cc-by-nc"),
        ("cc-by-nd-nc", "cc-by-nc-nd"),
        ("Creative Commons Attribution License", "cc-by"),
        ("Creative Commons Attribution 4.0 International License", "cc-by"),
        ("Creative Commons Attribution (CC BY) license", "cc-by"),
        ("Creative Commons Attribution-NonCommercial-NoDerivs License", "cc-by-nc-nd"),
        ("Creative Commons Attribution Non-Commercial Share Alike License", "cc-by-nc-sa"),
        (
            "This is an open access article distributed under the terms of the Creative Commons Attribution License, "
            "which permits unrestricted use, also non-commercial, in any medium",
            "cc-by",
        ),
        ("Licensed (http://creativecommons.org/licenses/by-nc/4.0/), attribution required", "cc-by-nc"),
        ("CC0", "cc0"),
        ("CC0 1.0 Universal (CC0 1.0) Public Domain Dedication", "cc0"),
        ("http://creativecommons.org/publicdomain/zero/1.0/", "cc0"),
        ("Public domain", "public-domain"),
        ("http://arxiv.org/licenses/nonexclusive-distrib/1.0/", "arxiv-nonexclusive"),
        ("CC BY 4.0 (http://creativecommons.org/licenses/by-nc/4.0/)", "cc-by-nc"),
        ("Creative Commons Attribution-ShareAlike 4.0 or CC BY-NC-ND 4.0", "cc-by-nc-nd"),
        ("CC BY 4.0; data under CC0 1.0", "cc-by"),
        ("CC BY 4.0, for commercial and non-commercial purposes", "cc-by"),
        ("CC BY 4.0, not for commercial purposes", "cc-by-nc"),
        ("Creative Commons Attribution-NoDerivatives", "cc-by-nd"),
        ("Elsevier user license", None),
        ("© 2019 All rights reserved", None),
        ("by permission", None),
        ("", None),
        (None, None),
    ],
)
def test_licenses_have_one_short_form(text: str | None, short: str | None) -> None:
    assert canonical_license(text) == short
    if short:
        assert canonical_license(short) == short or short == "arxiv-nonexclusive"


def test_a_license_in_conflict_is_normalized_to_the_strictest() -> None:
    assert normalize_license("CC BY 4.0 (http://creativecommons.org/licenses/by-nc/3.0/)") == "CC BY-NC 3.0"
    assert normalize_license("https://creativecommons.org/licenses/by/4.0/") == "CC BY 4.0"
    found = strictest_license(("CC BY-SA 3.0", None, "CC0"))
    assert found is not None
    assert license_name(found) == "CC BY-SA 3.0"
    assert strictest_license(("by permission", "")) is None


@given(st.text())
def test_any_text_is_a_license_or_none(text: str) -> None:
    found = canonical_license(text)
    assert found is None or found.isascii()
