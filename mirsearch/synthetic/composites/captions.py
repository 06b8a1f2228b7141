"""Writes the captions of composite figures: a part for each letter, and who has which scale bar."""

from __future__ import annotations

from collections.abc import Sequence

from mirsearch.synthetic.captions import format_letters
from mirsearch.synthetic.composites.boards import Tile
from mirsearch.synthetic.fields import Random
from mirsearch.synthetic.scalebars.bars import format_length

Part = tuple[str, str, Sequence[Tile]]
"""A letter as printed ("" without one), its words, its tiles."""


ASIDES = (
    " in medium containing 200 nM ligand", " (n = 12 cells)", ", cut at a thickness of 10 µm", " at 37 °C",
    " after 6 h",    ", boxed regions are magnified", ", maximum projection of 5 µm", " (arrows: vesicles of 100 nm)",
)  # fmt: skip
"""Words behind a part. Some have a length that is no scale bar's."""


def _lengths(tiles: Sequence[Tile]) -> dict[str, float]:
    """Return the lengths in nm that the caption states, by the role of their tiles."""
    return {tile.role: tile.bar.length_nm for tile in tiles if tile.bar is not None and tile.bar.value == "caption"}


def _own_sentence(letter: str, lengths: dict[str, float], rng: Random, inline: bool) -> str:
    """Return what a letter's part says on its bars: "Scale bar = 10 µm (main), 2 µm (inset)"."""
    if len(set(lengths.values())) == 1:
        words = format_length(next(iter(lengths.values())))
        forms = [f"Scale bar, {words}", f"Scale bar = {words}", f"Scale bar: {words}", f"Bar, {words}"]
        if letter and not inline:
            forms.append(f"Scale bar in ({letter}) represents {words}")
        return str(rng.choice(forms))
    if rng.uniform() < 0.6 or not letter:
        listed = ", ".join(f"{format_length(nm)} ({role})" for role, nm in lengths.items())
        return f"{rng.choice(('Scale bar = ', 'Scale bars: ', 'Scale bars, '))}{listed}"
    return "Scale bars: " + ", ".join(f"{format_length(nm)} ({letter}, {role})" for role, nm in lengths.items())


def _common_sentence(parts: Sequence[Part], rng: Random) -> str | None:
    """Return one sentence for all letters behind the last part, or None where there can be none."""
    told = [(letter, _lengths(tiles)) for letter, _, tiles in parts]
    told = [(letter, lengths) for letter, lengths in told if lengths]
    if not told or any(len(set(lengths.values())) > 1 for _, lengths in told):
        return None
    of = [(letter, next(iter(lengths.values()))) for letter, lengths in told]
    every = {nm for _, nm in of}
    others = any(tile.bar is not None and tile.bar.value != "caption" for _, _, tiles in parts for tile in tiles)
    if len(every) == 1 and not others and len(of) == len(_with_bars(parts)):
        words = format_length(of[0][1])
        return str(rng.choice((f"Scale bars, {words}.", f"Scale bars: {words}.", f"All scale bars are {words}.")))
    if not all(letter for letter, _ in of):
        return None
    groups: dict[float, list[str]] = {}
    for letter, nm in of:
        groups.setdefault(nm, []).append(letter)
    listed = [(format_length(nm), _list_letters(letters)) for nm, letters in groups.items()]
    form = int(rng.integers(3))
    if form == 0:
        return "Scale bars: " + ", ".join(f"{words} ({letters})" for words, letters in listed) + "."
    if form == 1:
        return "Scale bars: " + "; ".join(f"({letters}) {words}" for words, letters in listed) + "."
    return "Scale bars, " + " and ".join(f"{words} in {letters}" for words, letters in listed) + "."


def _list_letters(letters: Sequence[str]) -> str:
    """Return letters as a caption lists them; those with primes ("a–a'") with commas."""
    return format_letters(letters) if all(len(letter) == 1 for letter in letters) else ", ".join(letters)


def _with_bars(parts: Sequence[Part]) -> list[str]:
    return [letter for letter, _, tiles in parts if any(tile.bar is not None for tile in tiles)]


def write_composite_caption(parts: Sequence[Part], rng: Random) -> str:
    """Write a figure's caption: a sentence for each letter with its scale, or one sentence on scale behind all."""
    common = _common_sentence(parts, rng) if rng.uniform() < 0.5 else None
    marker = str(rng.choice(("({}) {}", "({}) {}", "({}) {}", "{}) {}", "{}, {}")))
    inline = bool(rng.uniform() < 0.35)
    pieces = []
    for number, (letter, words, tiles) in enumerate(parts):
        lengths = _lengths(tiles) if common is None else {}
        inside = inline or number == len(parts) - 1  # a sentence behind the last part would be everybody's
        own = _own_sentence(letter, lengths, rng, inside) if lengths else ""
        body = words + (str(rng.choice(ASIDES)) if rng.uniform() < 0.2 else "")
        if own and inside:
            own = own[0].lower() + own[1:]
            body = f"{body} ({own})"
        elif own:
            body = f"{body}. {own}"
        pieces.append(marker.format(letter, body) if letter else body)
    lead = str(rng.choice(("", "", "Figure 3. Localization of the proteins.", "Fig. 2 Characterization of the cells.")))
    return " ".join(filter(None, (lead, ". ".join(pieces) + ".", common or "")))
