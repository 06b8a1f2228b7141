"""Writes captions from templates. The truth tells which words belong to which panel and which length to which bar."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import groupby

from mirsearch.synthetic.fields import Random
from mirsearch.synthetic.scalebars.bars import format_length
from mirsearch.synthetic.specimens.families import Specimen

NOUNS = {
    "SEM": ("SEM image", "Scanning electron micrograph", "SEM micrograph", "FE-SEM image"),
    "TEM": ("TEM image", "Bright-field TEM image", "Transmission electron micrograph"),
    "HRTEM": ("HRTEM image", "High-resolution TEM image"),
    "STEM": ("HAADF-STEM image", "Dark-field STEM image"),
    "Cryo-TEM": ("Cryo-TEM image", "Cryo-EM image"),
    "AFM": ("AFM height image", "AFM topograph"),
    "fluorescence": ("Fluorescence image", "Confocal fluorescence micrograph"),
    "optical": ("Optical micrograph", "H&E-stained section, optical micrograph"),
    "EDX": ("EDX elemental map", "EDS map"),
    "EBSD": ("EBSD orientation map", "Inverse pole figure map"),
    "diffraction": ("SAED pattern", "Selected area electron diffraction pattern"),
}
"""Names that captions use for images of each technique."""

MARKERS = ("(a) ", "(a, b) ", "a) ", "a, ", "after")
"""How letters stand before a panel's words; "after" puts the letters behind the words."""


@dataclass(frozen=True, slots=True)
class Caption:
    """A caption with its truth in the panels' order.

    `parts` are the panels' own words, `panel_texts` all text about each panel.
    """

    text: str
    parts: tuple[str, ...]
    panel_texts: tuple[str, ...]
    marker: str


def describe_image(specimen: Specimen, rng: Random) -> str:
    """Return a caption's words for one image of a specimen."""
    nouns = NOUNS[specimen.technique]
    return f"{nouns[int(rng.integers(len(nouns)))]} of {specimen.subject}"


def _label_rank(label: str) -> int:
    """Return the position of a label in its alphabet. Labels that can be Roman numbers count as Roman numbers."""
    roman = ("i", "ii", "iii", "iv", "v", "vi", "vii", "viii", "ix", "x")
    if label in roman:
        return 1000 + roman.index(label)
    return ord(label) if len(label) == 1 else 100 * ord(label[0]) + int(label[1:])


def _pluralize(words: str) -> str:
    """Return the words for one image in the plural: the noun before "of" gets an s if it has none."""
    noun, separator, rest = words.partition(" of ")
    return f"{noun}s{separator}{rest}" if separator and not noun.endswith("s") else words


def format_letters(letters: Sequence[str], rng: Random | None = None) -> str:
    """Return letters as a caption lists them: three or more consecutive ones as "b–d", others with commas or "and"."""
    codes = [_label_rank(letter) for letter in letters]
    if len(letters) > 2 and codes == list(range(codes[0], codes[0] + len(codes))):
        dash = "-" if rng is not None and rng.uniform() < 0.3 else "–"
        return f"{letters[0]}{dash}{letters[-1]}"
    if len(letters) == 2 and rng is not None and rng.uniform() < 0.4:
        return f"{letters[0]} and {letters[1]}"
    return ", ".join(letters)


def _same_scale_sentences(words: str, _letters: str) -> tuple[str, ...]:
    return (
        f"Scale bars: {words}.",
        f"Scale bar = {words} in all panels.",
        f"All scale bars, {words}.",
        f"Scale bars are {words}.",
    )


def scale_sentence(lengths: Sequence[float | None], labels: Sequence[str], rng: Random) -> str:
    """Return a sentence with the bars' lengths (nm; None: the panel has no such bar), or "" if no panel has one."""
    pairs = [(length, label) for length, label in zip(lengths, labels, strict=True) if length is not None]
    if not pairs:
        return ""
    if len(lengths) == 1:
        words = format_length(pairs[0][0])
        return str(
            rng.choice(
                (f"Scale bar: {words}.", f"Scale bar = {words}.", f"Scale bar, {words}.", f"The scale bar is {words}.")
            )
        )
    if len({length for length, _ in pairs}) == 1 and len(pairs) == len(lengths):
        return str(rng.choice(_same_scale_sentences(format_length(pairs[0][0]), "")))
    groups = [(format_length(length), [label for _, label in group]) for length, group in _group_by_length(pairs)]
    form = int(rng.integers(3))
    listed: Callable[[list[str]], str] = lambda group: format_letters(group, None)  # noqa: E731
    if form == 0:
        return "Scale bars: " + "; ".join(f"({listed(group)}) {words}" for words, group in groups) + "."
    if form == 1:
        return "Scale bars, " + ", ".join(f"{words} ({listed(group)})" for words, group in groups) + "."
    ends = [f"{words} in ({listed(group)})" for words, group in groups]
    joined = ends[0] if len(ends) == 1 else ", ".join(ends[:-1]) + " and " + ends[-1]
    return f"Scale bars are {joined}."


def _group_by_length(pairs: Sequence[tuple[float, str]]) -> list[tuple[float, list[tuple[float, str]]]]:
    """Group pairs by length, in the order of their first letters."""
    order: dict[float, list[tuple[float, str]]] = {}
    for pair in pairs:
        order.setdefault(pair[0], []).append(pair)
    return list(order.items())


def _add_letters(words: str, group: Sequence[str], marker: str, rng: Random) -> str:
    listed = format_letters(group, rng)
    if marker == "after":
        return f"{words} ({listed})"
    if marker == "a) ":
        return f"{listed}) {words}"
    if marker == "a, ":
        return f"{listed}, {words}"
    return f"({listed}) {words}"


def _join_parts(pieces: Sequence[str], rng: Random, marker: str) -> str:
    if marker == "after":
        return (", ".join(pieces[:-1]) + " and " + pieces[-1] if len(pieces) > 1 else pieces[0]) + "."
    return (". " if rng.uniform() < 0.6 or marker == "a, " else "; ").join(pieces) + "."


def write_caption(
    words: Sequence[str], labels: Sequence[str | None], lengths: Sequence[float | None], lead: str, rng: Random
) -> Caption:
    """Write the caption of a figure: `lead`, the panels' `words` with their labels, and the bars' lengths.

    Neighboring panels with the same words share them. `lengths` are in nm, and given only where the caption states
    them. `labels` are as printed, None for a figure of one image.
    """
    if any(label is None for label in labels):
        text = " ".join(part for part in (words[0] + ".", scale_sentence(lengths, [""], rng)) if part)
        return Caption(text, (words[0],), (text,), "none")
    named = [str(label) for label in labels]
    lower = all(label == label.lower() for label in named)
    weights = (0.45, 0.2, 0.15, 0.1, 0.1) if lower else (0.6, 0.2, 0.2, 0.0, 0.0)
    marker = str(rng.choice(MARKERS, p=weights))
    inline = marker.startswith("(") and len(named) > 1 and rng.uniform() < 0.2
    pieces, parts = [], []
    keyed = [(part, length if inline else None) for part, length in zip(words, lengths, strict=True)]
    for (part, length), run in groupby(zip(keyed, named, strict=True), key=lambda pair: pair[0]):
        group = [label for _, label in run]
        phrase = _pluralize(part) if len(group) > 1 else part
        if length is not None:
            phrase = f"{phrase} (scale bar: {format_length(length)})"
        pieces.append(_add_letters(phrase, group, marker, rng))
        parts += [phrase] * len(group)
    tail = "" if inline else scale_sentence(lengths, named, rng)
    body = _join_parts(pieces, rng, marker)
    text = " ".join(filter(None, (lead, body, tail)))
    panel_texts = tuple(" ".join(filter(None, (lead, f"{part}.", tail))) for part in parts)
    return Caption(text, tuple(parts), panel_texts, marker)
