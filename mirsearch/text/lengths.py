"""Parses lengths in labels of scale bars and in user input, and formats lengths."""

from __future__ import annotations

import math
import re
import unicodedata
from dataclasses import dataclass, replace

from mirsearch.errors import UsageError

NM_PER_UNIT = {"pm": 1e-3, "Å": 0.1, "nm": 1.0, "µm": 1e3, "mm": 1e6, "cm": 1e7, "m": 1e9}
"""Nanometers per unit, for all known units."""

SHORTEST_BAR_NM = 0.01
LONGEST_BAR_NM = 1e8
"""Bounds in nm on the length of a scale bar in a micrograph: 10 pm to 10 cm."""

_MISPRINT_WEIGHT = 0.7
"""Plausibility of `µM` and other units that are printed wrong but have a clear meaning."""

_REPAIR_WEIGHT = 0.6
"""Plausibility of a reading after the repair of one typical OCR confusion."""

_LOST_RING_WEIGHT = 0.5
"""Plausibility of `5 A` as 5 Å. It may also be a current."""

_AMPERES_WEIGHT = 0.3
"""Plausibility of `0.2 A` as 0.2 Å. No scale bar is so short."""

_MAX_CHARS = 400

_UNIT_WORDS = {
    r"(?:microns?|micromet(?:er|re)s?)": "µm",
    r"(?:nanomet(?:er|re)s?)": "nm",
    r"(?:millimet(?:er|re)s?)": "mm",
    r"(?:centimet(?:er|re)s?)": "cm",
    r"(?:picomet(?:er|re)s?)": "pm",
    r"(?:angstr[oö]ms?|ångstr[oö]ms?)": "Å",
}

_UNITS: tuple[tuple[str, str, float], ...] = (
    *((words, unit, 1.0) for words, unit in _UNIT_WORDS.items()),
    (r"(?:μ ?m|um)", "µm", 1.0),
    (r"(?:μ ?M|uM|UM|Um|μ(?! ?m))", "µm", _MISPRINT_WEIGHT),
    (r"nm", "nm", 1.0),
    (r"(?:NM|Nm|nM)", "nm", _MISPRINT_WEIGHT),
    (r"mm", "mm", 1.0),
    (r"(?:MM|Mm)", "mm", _MISPRINT_WEIGHT),
    (r"(?:cm|CM|Cm)", "cm", 1.0),
    (r"pm", "pm", 1.0),
    (r"Å", "Å", 1.0),
    (r"A", "Å", _LOST_RING_WEIGHT),
    (r"m", "m", 1.0),
)
"""Pattern, unit and plausibility weight, in the order in which they are tried."""

_CONFUSED_UNITS: tuple[tuple[str, str], ...] = (
    (r"(?:rim|nml|nmi|nmj|nm\]|nmm|nnm|hm|nn|nrn|mn|rm|nim|ńm|ňm|n m|пm|ηm|hrn|nmn|inm|mm|nm[A-Za-z])", "nm"),
    (
        r"(?:μμm|μml|μmi|μr|"
        r"urn|μrn|ym|цm|jm|jim|lm|lum|pum|μum|uum|μn|un|uμm|μmm|umm|wm|vm|μ rn|u m|Jm|μw|gm|am|fm|pm|m|[uμ]m[A-Za-z]|"
        r"Mm|Am|4m|ųm|μπ|ум|мм|pμm)",
        "µm",
    ),
)
"""Typical OCR confusions of `nm` and `µm`. They are tried only if no unit matches."""

_DIGIT_LOOKALIKES = str.maketrans("lIi|!OoDQSsZzB", "11111000055228")

_NUMBER = r"(?:\d{1,3}(?:[ ,]\d{3})+(?!\d)|\d*[.,]\d+|\d+\.?)"
_MISREAD_NUMBER = r"[\dlIi|!OoDQSsZzB]+(?:[.,][\dlIi|!OoDQSsZzB]+)?"
_LABEL_PREFIX = r"(?:(?:scale)? ?-?(?:bars?)? ?[:=,]? ?)"
_EDGE_CHARS = " \t.,;:'`\"‘’“”_~=*|\\()[]{}<>«»^°¯—–-"
_RECIPROCAL = re.compile(
    r"[/⁄∕]|\b1 ?l ?[nμu]m|(?:nm|μm|um|Å|A|mm)\s*+\^?+\s*+[({]?+\s*+-\s*+[1l]|\d\s++1\s*+(?:nm|μm|Å)\s*+$|\bper\b",
    re.IGNORECASE,
)  # fmt: skip
_CAPS = "丁卜上工十一THF|⊢⊣トー"
_BETWEEN_END_CAPS = re.compile(
    rf"(?:(?:[{_CAPS}][{_CAPS}-]{{0,2}})? ?(?=\d)|-{{1,2}} ?(?=.*[{_CAPS}-]$))(\d[^T]*?) ?[{_CAPS}-]{{0,3}}",
)
"""A label between the two end caps of its bar, such as `|- 500 nm -|`, as OCR reads them."""

_BETWEEN_BOTH_END_CAPS = re.compile(rf"[{_CAPS}][{_CAPS}-]{{0,2}} ?(\d[^T]*?) ?[{_CAPS}LJ\]-]{{1,3}}")
"""The same, if OCR reads both end caps as letters: `T 500 nm L`."""

_LOST_EXPONENT = re.compile(r"(?:nm|μm|um|Å) ?\^? ?-[1lI'’´`\"]?$")
"""`nm⁻¹` whose 1 OCR did not read."""

_MINUS_SIGNS = str.maketrans("−–—‐‑﹣", "------")


@dataclass(frozen=True, slots=True)
class Length:
    """A length from a text: nm, its plausibility as the length of a scale bar (0 to 1), and the text.

    `repaired` is True if a typical OCR confusion was corrected. The image may show something else.
    """

    nm: float
    plausibility: float
    text: str
    repaired: bool = False


def normalize(text: str) -> str:
    """Return a label in normal form, see :func:`normalize_all`. Text that is too long for a label is cut off."""
    return normalize_all(text[:_MAX_CHARS])


def normalize_all(text: str) -> str:
    """Return a text in normal form: NFKC (one µ, one Å, plain digits), single spaces, no control characters."""
    raised = re.sub(r"[⁻⁺]?[⁰¹²³⁴-⁹]+", lambda match: "^" + match.group(), text)
    form = unicodedata.normalize("NFKC", raised.replace("µ", "μ"))
    printable = "".join(" " if unicodedata.category(char)[0] in "ZC" else char for char in form)
    return " ".join(printable.replace("Å", "Å").split())


def parse_length(text: str, *, repair: bool = True) -> Length | None:
    """Parse the label of a scale bar. Returns None for any other text (1/nm, a time, an angle, a magnification, …).

    With `repair`, typical confusions of OCR are corrected. Text that nobody had to read from pixels has none.
    """
    clean = normalize(text).translate(_MINUS_SIGNS)
    between_caps = _BETWEEN_BOTH_END_CAPS.fullmatch(clean) or _BETWEEN_END_CAPS.fullmatch(clean)
    if re.match(r"[\d.]", clean) and _LOST_EXPONENT.search(clean):
        return None
    if between_caps is not None:
        clean = between_caps.group(1)
    if not clean or _RECIPROCAL.search(clean) or re.match(r"[^\w]*-\d", clean):
        return None
    trimmed = clean.strip(_EDGE_CHARS + "+")
    body = re.sub(rf"^{_LABEL_PREFIX}(?=[\d.lIi|O])", "", trimmed, flags=re.IGNORECASE).strip(_EDGE_CHARS)
    if clean.lstrip(" ([{'\"").startswith(".") and body[:1].isdigit():
        body = "." + body
    candidates = [*_readings(body, text), *(_repaired_readings(body, text) if repair else ())]
    return max(candidates, key=lambda candidate: candidate.plausibility, default=None)


def find_lengths(text: str) -> list[tuple[Length, int, int]]:
    """Find lengths in a longer line, such as that of a databar: (length, start, end) in the normalized text.

    Numbers that a word before them declares to be something else (WD, d =, field width, depth) are left out.
    """
    clean = normalize(text).translate(_MINUS_SIGNS)
    lengths = []
    for match in _LENGTH_IN_LINE.finditer(clean):
        before, after = clean[: match.start()], clean[match.end() :]
        if (
            (_OTHER_QUANTITY.search(before) and not (before in ("D ", "d ") and "μ" in match.group()))  # (d) 5 μm
            or _NAMED_QUANTITY.search(before)
            or re.match(r"\s*[\^/⁄∕x×*]|\s*-\s*1|[A-Za-z0-9]", after)
        ):
            continue
        if re.search(r"[/⁄∕]\s*$|\d\s*[x×*]\s*$", before) or re.match(r"\d+ 1 ?[nμ]m", clean[match.start() :]):
            continue
        length = parse_length(match.group())
        if length is not None:
            lengths.append((length, match.start(), match.end()))
    return lengths


_LENGTH_IN_LINE = re.compile(rf"(?<![\w.,/^+-]){_NUMBER} ?(?:μ ?m|um|nm|mm|cm|pm|Å|μM|A(?![A-Za-z]))(?![A-Za-z0-9])")
_NAMED_QUANTITY = re.compile(r"(?:^|[ ,;(])(?!(?:bars?|scale) ?=)[^ ,;(=]+ ?= ?$", re.IGNORECASE)
_OTHER_QUANTITY = re.compile(
    r"(?:\bW\.? ?D\.?|\bd(?:\(?\d{2,4}\)?)?|\bHFW|\bVFW|\bHFOV|\bFOV|\bwidth|\bdepth|"
    r"\b[xyz] ?[:=]|\bAp(?:erture)?|"
    r"\bsize|"
    r"\bspot|\bthickness|\bdistance|\bstep|\bpixel size|λ|\bwavelength|\bEx|\bEm)"
    r"\s*+(?:is|of)?+\s*+[:=]?+\s*+[~≈]?+\s*+$",
    re.IGNORECASE,
)


def _readings(body: str, text: str) -> list[Length]:
    """Return the readings of `NUMBER UNIT` without repair."""
    lengths = []
    for pattern, unit, weight in _UNITS:
        match = re.fullmatch(rf"({_NUMBER}) ?{pattern}", body)
        if match is None:
            continue
        value, confidence = _parse_number(match.group(1))
        confidence *= _AMPERES_WEIGHT if pattern == "A" and value < 1 else weight
        length = _make_length(value, unit, confidence, text)
        if length is not None:
            lengths.append(length)
        break
    return lengths


def _repaired_readings(body: str, text: str) -> list[Length]:
    """Return the readings after one repair of digits or unit, if the value is then usual for a scale bar."""
    values = []
    digits = re.fullmatch(rf"({_MISREAD_NUMBER}) ?(μ ?m|um|nm|mm|μM)", body)
    if digits is not None and re.search(r"\d|^[lI|i] ", body) and not re.fullmatch(_NUMBER, digits.group(1)):
        value, confidence = _parse_number(digits.group(1).translate(_DIGIT_LOOKALIKES))
        unit = {"n": "nm", "m": "mm"}.get(digits.group(2)[0], "µm")
        values.append((value, unit, confidence))
    for pattern, unit in _CONFUSED_UNITS:
        match = re.fullmatch(rf"({_NUMBER}) ?{pattern}", body)
        if match is not None:
            value, confidence = _parse_number(match.group(1))
            if _is_believable_unit(value, body):
                continue
            values.append((value, unit, confidence))
    lengths = [_make_length(value, unit, _REPAIR_WEIGHT * confidence, text) for value, unit, confidence in values]
    usual_lengths = [
        length for length in lengths if length is not None and roundness(length.nm) >= _MIN_REPAIRED_ROUNDNESS
    ]
    return [replace(length, repaired=True) for length in usual_lengths]


def _is_believable_unit(value: float, body: str) -> bool:
    """Return whether a unit that may be misread (mm, pm) is believable with this value."""
    if body.endswith("mm") and not body.endswith(("μmm", "umm")):
        return value <= 20
    if body.endswith("pm") and not body.endswith("μpm"):
        return value >= 20
    return False


def _parse_number(text: str) -> tuple[float, float]:
    """Return the value of a printed number and the confidence of the reading.

    Handles decimal points and commas, thousands separators, and a lost decimal point.
    """
    grouped = re.fullmatch(r"([1-9]\d{0,2})((?:[ ,]\d{3})+)", text)
    if grouped is not None:
        return float(re.sub(r"[ ,]", "", text)), 0.9
    plain = text.replace(",", ".").rstrip(".")
    if re.fullmatch(r"0[1-9]\d?", plain):
        return float(f"0.{plain[1:]}"), _REPAIR_WEIGHT
    try:
        return float(plain), 0.8 if plain.startswith(".") else 1.0
    except ValueError:
        return 0.0, 0.0


_MIN_REPAIRED_ROUNDNESS = 0.8
"""Smallest :func:`roundness` of a repaired length."""


def roundness(nm: float) -> float:
    """Return how usual a value is for a scale bar, 0 to 1: highest for 1, 2, 5 × 10^n, then 2.5, 3, 4, then others."""
    if not (math.isfinite(nm) and nm > 0):
        return 0.0
    mantissa = float(f"{nm:.5e}".split("e")[0])
    if any(math.isclose(mantissa, round_mantissa) for round_mantissa in (1, 2, 5)):
        return 1.0
    if any(math.isclose(mantissa, round_mantissa) for round_mantissa in (2.5, 3, 4)):
        return 0.95
    if any(math.isclose(mantissa, round_mantissa) for round_mantissa in (1.5, 6, 8)):
        return 0.85
    if any(math.isclose(mantissa, round_mantissa) for round_mantissa in (7, 9, 1.2, 7.5)):
        return 0.6
    two_digits = math.isclose(mantissa * 10, round(mantissa * 10))
    return 0.3 if two_digits else 0.1


def _make_length(value: float, unit: str, weight: float, text: str) -> Length | None:
    nm = value * NM_PER_UNIT[unit]
    if not SHORTEST_BAR_NM <= nm <= LONGEST_BAR_NM:
        return None
    rarity = 0.5 if (unit == "pm" and value < 20) or (unit == "mm" and value > 20) or unit in {"m", "cm"} else 1.0
    return Length(nm=float(f"{nm:.9g}"), plausibility=roundness(nm) * weight * rarity, text=" ".join(text.split()))


_USER_UNITS = {
    "pm": "pm", "å": "Å", "angstrom": "Å", "a": "Å", "nm": "nm", "μm": "µm", "um": "µm", "micron": "µm",
    "microns": "µm", "mm": "mm", "cm": "cm", "m": "m",
}  # fmt: skip


def parse_user_length(text: str) -> float:
    """Return the nanometers of a length typed by a user: `500 nm`, `2um`, `0,5 µm`, `1e-6 m`. Raises UsageError."""
    clean = normalize(text)
    match = re.fullmatch(r"\+?((?:\d+(?:[.,]\d*)?|[.,]\d+)(?:[eE][+-]?\d{1,3})?) ?([A-Za-zμÅå]+)", clean)
    unit = _USER_UNITS.get(match.group(2).lower()) if match else None
    value = float(match.group(1).replace(",", ".")) if match else 0.0
    if unit is None or not (math.isfinite(value) and value > 0):
        raise UsageError(f"{text!r} is not a length", "write a number and a unit, such as '500 nm', '2 um' or '0.1 mm'")
    return value * NM_PER_UNIT[unit]


def format_length(nm: float) -> str:
    """Format a length in nm with a fitting unit and up to four digits: `500 nm`, `2 µm`, `0.2 nm`, `1.5 mm`."""
    if not (math.isfinite(nm) and nm > 0):
        return "?"
    for unit in ("m", "mm", "µm", "nm"):
        value = nm / NM_PER_UNIT[unit]
        if float(f"{value:.4g}") >= 1 or (unit == "nm" and value >= 0.1):
            return f"{_format_number(value)} {unit}"
    return f"{_format_number(nm / NM_PER_UNIT['pm'])} pm"


def _format_number(value: float) -> str:
    """Format a number with up to four significant digits, without an exponent."""
    rounded = float(f"{value:.4g}")
    return f"{rounded:.0f}" if rounded >= 1000 else f"{rounded:.6g}"
