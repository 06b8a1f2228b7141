"""Write LaTeX as one line of text, as a reader would."""

from __future__ import annotations

import logging
import re
from collections.abc import Mapping

from mirsearch.sources.latex.macros import Macro, expand_macros
from mirsearch.sources.latex.parser import make_writer, parse_nodes
from mirsearch.sources.latex.scanner import drop_unpaired_braces

_OPTIONS = r"(?:\[[^\]]{0,1000}+\]\s*+)"
"""Optional arguments. The bound keeps brackets that never close from being searched to the end again and again."""
_HIDDEN_COMMAND = re.compile(
    rf"~?+\\(?:cite[a-z]*+|label|vspace|hspace|bibliographystyle)\*?+\s*+{_OPTIONS}*+\{{[^{{}}]*+\}}"
)
_QUANTITY = re.compile(rf"\\(?:num|SI|qty|si|unit)\s*+{_OPTIONS}?+\{{([^{{}}]*+)\}}(?:\s*+\{{([^{{}}]*+)\}})?+")
_MICRO = re.compile(r"\\(?:(?:up|text|u)?mu|micro)(?![A-Za-z])\s*+(?=[mlsgLAVFWN](?![A-Za-z]))")
r"""A micro sign before a unit, as in `\\mathrm{\\mu m}`: LaTeX prints no space between them."""
_REFERENCE = re.compile(r"\\(?:auto|C|c|eq)?ref\s*+\{([^{}]*+)\}")
_MARKUP = re.compile(r"\\[A-Za-z]++\*?+|[{}$]")
_COMMAND = re.compile(r"\\([A-Za-z]++)\s*+")
_SPACE_BEFORE_MARK = re.compile(r"(?<!\s)\s++([,.;:)])")


def plain_text(latex: str, macros: Mapping[str, Macro] | None = None, numbers: Mapping[str, str] | None = None) -> str:
    """Return LaTeX as one line of text: µ, Å, indices and signs as characters, without citations and labels.

    `numbers` are what references to names stand for; other references are left out.
    """
    logging.getLogger("pylatexenc").setLevel(logging.CRITICAL)  # it warns of each damaged command
    latex = expand_macros(latex, macros or {})
    latex = _MICRO.sub("µ", _HIDDEN_COMMAND.sub("", latex))
    latex = _QUANTITY.sub(_format_quantity, latex)
    latex = drop_unpaired_braces(_REFERENCE.sub(lambda match: (numbers or {}).get(match[1].strip(), ""), latex))
    try:
        text = make_writer().nodelist_to_text(parse_nodes(latex))
    except (RecursionError, ValueError, IndexError, KeyError, TypeError, AttributeError):
        text = _MARKUP.sub(" ", latex)  # if the parser fails, the bare words are still useful
    return _SPACE_BEFORE_MARK.sub(r"\1", " ".join(str(text).split()))


_UNITS = {"micro": "µ", "nano": "n", "milli": "m", "pico": "p", "kilo": "k", "centi": "c", "meter": "m", "metre": "m",
          "micrometer": "µm", "micrometre": "µm", "nanometer": "nm", "nanometre": "nm", "um": "µm",
          "nm": "nm", "mm": "mm", "angstrom": "Å", "degreeCelsius": "°C", "celsius": "°C", "electronvolt": "eV",
          "volt": "V", "second": "s", "per": "/"}  # fmt: skip


def _format_quantity(match: re.Match[str]) -> str:
    r"""Write `\SI{20}{\micro\meter}` as `20 µm`."""
    unit = _COMMAND.sub(lambda command: _UNITS.get(command[1], command[1]), match[2] or "")
    number = _COMMAND.sub(lambda command: _UNITS.get(command[1], command[1]), match[1])
    return f"{number} {unit}".strip()
