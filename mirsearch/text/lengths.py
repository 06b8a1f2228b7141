"""A grammar for lengths: what a scale bar's label says, what a user types, and how a length is written."""

from __future__ import annotations

import math
import re
import unicodedata
from dataclasses import dataclass, replace

from mirsearch.errors import UsageError

NM_PER_UNIT = {"pm": 1e-3, "Å": 0.1, "nm": 1.0, "µm": 1e3, "mm": 1e6, "cm": 1e7, "m": 1e9}
"""Nanometers in each unit that is known."""

SHORTEST_BAR_NM = 0.01
LONGEST_BAR_NM = 1e8
"""A scale bar of a micrograph lies between 10 pm and 10 cm."""

_MISPRINT_WEIGHT = 0.7
"""Plausibility of `µM` and other units that are wrong as printed but clear."""

_REPAIR_WEIGHT = 0.6
"""Plausibility of a reading that needed one repair of what OCR is known to confuse."""

_LOST_RING_WEIGHT = 0.5
"""Plausibility of `5 A` as 5 Å: it may be a current as well."""

_AMPERES_WEIGHT = 0.3
"""Plausibility of `0.2 A` as 0.2 Å: no bar is that short."""

_MAX_CHARS = 400

_WORDS = {
    r"(?:microns?|micromet(?:er|re)s?)": "µm",
    r"(?:nanomet(?:er|re)s?)": "nm",
    r"(?:millimet(?:er|re)s?)": "mm",
    r"(?:centimet(?:er|re)s?)": "cm",
    r"(?:picomet(?:er|re)s?)": "pm",
    r"(?:angstr[oö]ms?|ångstr[oö]ms?)": "Å",
}

_UNITS: tuple[tuple[str, str, float], ...] = (
    *((words, unit, 1.0) for words, unit in _WORDS.items()),
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
"""Pattern, unit and weight, in the order they are tried."""

_CONFUSED_UNITS: tuple[tuple[str, str], ...] = (
    (r"(?:rim|nml|nmi|nmj|nm\]|nmm|nnm|hm|nn|nrn|mn|rm|nim|ńm|ňm|n m|пm|ηm|hrn|nmn|inm|mm|nm[A-Za-z])", "nm"),
    (
        r"(?:μμm|μml|μmi|μr|"
        r"urn|μrn|ym|цm|jm|jim|lm|lum|pum|μum|uum|μn|un|uμm|μmm|umm|wm|vm|μ rn|u m|Jm|μw|gm|am|fm|pm|m|[uμ]m[A-Za-z]|"
        r"Mm|Am|4m|ųm|μπ|ум|мм|pμm)",
        "µm",
    ),
)
"""What OCR makes of `nm` and `µm`; tried only where nothing else fits."""

_DIGIT_LOOKALIKES = str.maketrans("lIi|!OoDQSsZzB", "11111000055228")

_NUMBER = r"(?:\d{1,3}(?:[ ,]\d{3})+(?!\d)|\d*[.,]\d+|\d+\.?)"
_LOOSE_NUMBER = r"[\dlIi|!OoDQSsZzB]+(?:[.,][\dlIi|!OoDQSsZzB]+)?"
_LABEL_PREFIX = r"(?:(?:scale)? ?-?(?:bars?)? ?[:=,]? ?)"
_EDGE_CHARS = " \t.,;:'`\"‘’“”_~=*|\\()[]{}<>«»^°¯—–-"
_RECIPROCAL = re.compile(
    r"[/⁄∕]|\b1 ?l ?[nμu]m|(?:nm|μm|um|Å|A|mm)\s*\^?\s*[({]?\s*-\s*[1l]|\d\s+1\s*(?:nm|μm|Å)\s*$|\bper\b",
    re.IGNORECASE,
)  # fmt: skip
_END_CAP_CHARS = "丁卜上工十一THF|⊢⊣トー"
_BETWEEN_END_CAPS = re.compile(
    rf"(?:(?:[{_END_CAP_CHARS}][{_END_CAP_CHARS}-]{{0,2}})? ?(?=\d)|-{{1,2}} ?(?=.*[{_END_CAP_CHARS}-]$))(\d[^T]*?) ?[{_END_CAP_CHARS}-]{{0,3}}",
)
"""A label between the two ends of its bar, `|- 500 nm -|`, as OCR writes them."""

_BETWEEN_BOTH_END_CAPS = re.compile(rf"[{_END_CAP_CHARS}][{_END_CAP_CHARS}-]{{0,2}} ?(\d[^T]*?) ?[{_END_CAP_CHARS}LJ\]-]{{1,3}}")
"""`T 500 nm L`: the ends again, where both are read."""

_LOST_EXPONENT = re.compile(r"(?:nm|μm|um|Å) ?\^? ?-[1lI'’´`\"]?$")
"""`nm⁻¹` with its 1 unread."""

_MINUS_SIGNS = str.maketrans("−–—‐‑﹣", "------")


@dataclass(frozen=True, slots=True)
class Length:
    """A length read from text: nm, how plausible it is as a scale bar's (0 to 1), and the text it came from.

    `repaired` says that what OCR is known to confuse was put right: the pixels may say otherwise.
    """

    nm: float
    plausibility: float
    text: str
    repaired: bool = False


def normalize(text: str) -> str:
    """A label in one form, see :func:`normalize_all`; what is far longer than any label is cut off."""
    return normalize_all(text[:_MAX_CHARS])


def normalize_all(text: str) -> str:
    """The text in one form: NFKC (one µ, one Å, plain digits and spaces), single spaces, control characters gone."""
    raised = re.sub(r"[⁻⁺]?[⁰¹²³⁴-⁹]+", lambda match: "^" + match.group(), text)
    form = unicodedata.normalize("NFKC", raised.replace("µ", "μ"))
    kept = "".join(" " if unicodedata.category(char)[0] in "ZC" else char for char in form)
    return " ".join(kept.replace("Å", "Å").split())


def parse_length(text: str) -> Length | None:
    """The length a label says, or None where the text is anything else (1/nm, a time, an angle, a magnification…)."""
    clean = normalize(text).translate(_MINUS_SIGNS)
    framed = _BETWEEN_BOTH_END_CAPS.fullmatch(clean) or _BETWEEN_END_CAPS.fullmatch(clean)
    if re.match(r"[\d.]", clean) and _LOST_EXPONENT.search(clean):
        return None
    if framed is not None:
        clean = framed.group(1)
    if not clean or _RECIPROCAL.search(clean) or re.match(r"[^\w]*-\d", clean):
        return None
    body = re.sub(rf"^{_LABEL_PREFIX}(?=[\d.lIi|O])", "", clean.strip(_EDGE_CHARS + "+"), flags=re.IGNORECASE).strip(_EDGE_CHARS)
    if clean.lstrip(" ([{'\"").startswith(".") and body[:1].isdigit():
        body = "." + body
    readings = [*_readings(body, text), *_repaired_readings(body, text)]
    return max(readings, key=lambda reading: reading.plausibility, default=None)


def find_lengths(text: str) -> list[tuple[Length, int, int]]:
    """Lengths inside a longer line, such as a databar's: (length, start, end) in the normalized text.

    Numbers that a word declares to be something else (WD, d =, field width, depth) are left out.
    """
    clean = normalize(text).translate(_MINUS_SIGNS)
    found = []
    for match in _LENGTH_IN_LINE.finditer(clean):
        before, after = clean[: match.start()], clean[match.end() :]
        if (
            _OTHER_QUANTITY.search(before)
            or _NAMED_QUANTITY.search(before)
            or re.match(r"\s*[\^/⁄∕x×*]|\s*-\s*1|[A-Za-z0-9]", after)
        ):
            continue
        if re.search(r"[/⁄∕]\s*$|\d\s*[x×*]\s*$", before) or re.match(r"\d+ 1 ?[nμ]m", clean[match.start() :]):
            continue
        reading = parse_length(match.group())
        if reading is not None:
            found.append((reading, match.start(), match.end()))
    return found


_LENGTH_IN_LINE = re.compile(rf"(?<![\w.,/^+-]){_NUMBER} ?(?:μ ?m|um|nm|mm|cm|pm|Å|μM|A(?![A-Za-z]))(?![A-Za-z0-9])")
_NAMED_QUANTITY = re.compile(r"(?:^|[ ,;(])(?!(?:bars?|scale) ?=)[^ ,;(=]+ ?= ?$", re.IGNORECASE)
_OTHER_QUANTITY = re.compile(
    r"(?:\bW\.? ?D\.?|\bd(?:\(?\d{2,4}\)?)?|\bHFW|\bVFW|\bHFOV|\bFOV|\bwidth|\bdepth|"
    r"\b[xyz] ?[:=]|\bAp(?:erture)?|"
    r"\bsize|"
    r"\bspot|\bthickness|\bdistance|\bstep|\bpixel size|λ|\bwavelength|\bEx|\bEm)\s*(?:is|of)?\s*[:=]?\s*[~≈]?\s*$",
    re.IGNORECASE,
)


def _readings(body: str, text: str) -> list[Length]:
    """Readings of `NUMBER UNIT` as it stands."""
    found = []
    for pattern, unit, weight in _UNITS:
        match = re.fullmatch(rf"({_NUMBER}) ?{pattern}", body)
        if match is None:
            continue
        value, sure = _parse_number(match.group(1))
        sure *= _AMPERES_WEIGHT if pattern == "A" and value < 1 else weight
        reading = _make_length(value, unit, sure, text)
        if reading is not None:
            found.append(reading)
        break
    return found


def _repaired_readings(body: str, text: str) -> list[Length]:
    """Readings after one repair of digits or unit, kept only where the value becomes a usual one."""
    found = []
    digits = re.fullmatch(rf"({_LOOSE_NUMBER}) ?(μ ?m|um|nm|mm|μM)", body)
    if digits is not None and re.search(r"\d|^[lI|i] ", body) and not re.fullmatch(_NUMBER, digits.group(1)):
        value, sure = _parse_number(digits.group(1).translate(_DIGIT_LOOKALIKES))
        unit = {"n": "nm", "m": "mm"}.get(digits.group(2)[0], "µm")
        found.append((value, unit, sure))
    for pattern, unit in _CONFUSED_UNITS:
        match = re.fullmatch(rf"({_NUMBER}) ?{pattern}", body)
        if match is not None:
            value, sure = _parse_number(match.group(1))
            if _is_believable_unit(value, body):
                continue
            found.append((value, unit, sure))
    made = [_make_length(value, unit, _REPAIR_WEIGHT * sure, text) for value, unit, sure in found]
    usual = [reading for reading in made if reading is not None and roundness(reading.nm) >= _MIN_REPAIRED_ROUNDNESS]
    return [replace(reading, repaired=True) for reading in usual]


def _is_believable_unit(value: float, body: str) -> bool:
    """Whether a unit that could also be a misreading (mm, pm, m) is believable with this value."""
    if body.endswith("mm") and not body.endswith(("μmm", "umm")):
        return value <= 20
    if body.endswith("pm") and not body.endswith("μpm"):
        return value >= 20
    return False


def _parse_number(text: str) -> tuple[float, float]:
    """Value of a printed number and how sure its reading is: decimal points and commas, thousands, a lost point."""
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


def roundness(nm: float) -> float:
    """How usual a value is for a scale bar, 0 to 1: 1, 2, 5 × 10^n before 2.5, 3, 4… before any other digits."""
    if not (math.isfinite(nm) and nm > 0):
        return 0.0
    mantissa = float(f"{nm:.5e}".split("e")[0])
    if any(math.isclose(mantissa, usual) for usual in (1, 2, 5)):
        return 1.0
    if any(math.isclose(mantissa, usual) for usual in (2.5, 3, 4)):
        return 0.95
    if any(math.isclose(mantissa, usual) for usual in (1.5, 6, 8)):
        return 0.85
    if any(math.isclose(mantissa, usual) for usual in (7, 9, 1.2, 7.5)):
        return 0.6
    two_digits = math.isclose(mantissa * 10, round(mantissa * 10))
    return 0.3 if two_digits else 0.1


def _make_length(value: float, unit: str, weight: float, text: str) -> Length | None:
    nm = value * NM_PER_UNIT[unit]
    if not SHORTEST_BAR_NM <= nm <= LONGEST_BAR_NM:
        return None
    rare = 0.5 if (unit == "pm" and value < 20) or (unit == "mm" and value > 20) or unit in {"m", "cm"} else 1.0
    return Length(nm=float(f"{nm:.9g}"), plausibility=roundness(nm) * weight * rare, text=" ".join(text.split()))


_USER_UNITS = {
    "pm": "pm", "å": "Å", "angstrom": "Å", "a": "Å", "nm": "nm", "μm": "µm", "um": "µm", "micron": "µm",
    "microns": "µm", "mm": "mm", "cm": "cm", "m": "m",
}  # fmt: skip


def parse_user_length(text: str) -> float:
    """Nanometers of a length as a user types it (`500 nm`, `2um`, `0,5 µm`, `1e-6 m`); UsageError where it is none."""
    clean = normalize(text)
    match = re.fullmatch(r"\+?((?:\d+(?:[.,]\d*)?|[.,]\d+)(?:[eE][+-]?\d{1,3})?) ?([A-Za-zμÅå]+)", clean)
    unit = _USER_UNITS.get(match.group(2).lower()) if match else None
    value = float(match.group(1).replace(",", ".")) if match else 0.0
    if unit is None or not (math.isfinite(value) and value > 0):
        raise UsageError(f"{text!r} is not a length", "write a number and a unit, such as '500 nm', '2 um' or '0.1 mm'")
    return value * NM_PER_UNIT[unit]


def format_length(nm: float) -> str:
    """A length in nm as people write it, up to four digits: `500 nm`, `2 µm`, `0.2 nm`, `1.5 mm`."""
    if not (math.isfinite(nm) and nm > 0):
        return "?"
    for unit in ("m", "mm", "µm", "nm"):
        value = nm / NM_PER_UNIT[unit]
        if float(f"{value:.4g}") >= 1 or (unit == "nm" and value >= 0.1):
            return f"{_format_number(value)} {unit}"
    return f"{_format_number(nm / NM_PER_UNIT['pm'])} pm"


def _format_number(value: float) -> str:
    """Up to four significant digits without an exponent."""
    rounded = float(f"{value:.4g}")
    return f"{rounded:.0f}" if rounded >= 1000 else f"{rounded:.6g}"
