"""Tell which letters of a figure may stand at the wrong images, so that the caption gives their bars a wrong length."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import combinations, takewhile

from mirsearch.analysis.captions.label_order import bare_label
from mirsearch.analysis.captions.scales import PlacedScale
from mirsearch.analysis.captions.split import split_caption
from mirsearch.corpus import Box, Panel

_MIN_SHARED = 0.5
"""Least part of the smaller of two sides that both share, where two letters are in one row or column."""

_MIN_OVERLAP = 0.3
"""Least part of a letter's box that lies in another letter's box, where their images are mixed."""

_MAX_SIZE_RATIO = 1.06
"""Ratio up to which the sides of two images are equal."""

_MAX_LETTER_DISTANCE = 4.0
"""Greatest gap between a letter and the image at which it stands, as a multiple of the letter's longer side."""

_MIN_TOP_LEFT = 0.7
"""Least share of a figure's letters that stand at the upper left of their images, before an image above or left of its
letter is doubted."""


def doubtful_letters(
    panels: Sequence[Panel], caption: str, scales: Sequence[PlacedScale], places: Mapping[str, Box]
) -> dict[int, frozenset[float | None]]:
    """Return the panels that may belong to another letter, each with the lengths of the bars of that letter.

    Their letter comes before or behind one that no panel has, and they are not as large as the image at which it
    stands; or their images lie among those of another letter or in the wrong order: neither in that of rows nor in that
    of columns. Then they may be of any letter that no panel has. `places` are where letters were read, in px of the
    figure: one without a place was inferred. Where several were, each may have changed places with its neighbors. An
    image wholly above or left of its letter may be of any other one, but not if its letter has primes: that of a′ may
    have been read for that of a.
    """
    order = list(dict.fromkeys(bare_label(label) for label in split_caption(caption).labels))
    boxes = _letter_boxes(panels)
    missing = {letter for letter in order if letter not in boxes}
    inferred = {letter for letter in order if letter in boxes and letter not in places}
    if len(inferred) + len(missing) == 1:
        inferred.clear()  # the only one left has the only place left
    beside = _beside(order, boxes, missing | inferred)
    mixed = _mixed_letters(order, boxes, missing)
    lengths = _lengths_by_letter(scales)
    primed = {bare_label(panel.label) for panel in panels if panel.label and panel.label != bare_label(panel.label)}
    doubts = {}
    for number, panel in enumerate(panels):
        letter = "" if panel.label is None else bare_label(panel.label)
        if letter not in boxes or letter not in order:
            continue
        others = set(mixed.get(letter, ()))
        place = places.get(letter)
        is_before = place is not None and letter not in primed and _comes_before_letter(panel.box, place)
        if is_before and _are_at_top_left(panels, places):
            others.update(order)
        elif not _is_like_anchor(panels, panel, place):
            others |= beside.get(letter, set())
        others.discard(letter)
        if others:
            doubts[number] = frozenset(nm for other in others for nm in lengths.get(other, ()))
    return doubts


def _beside(order: Sequence[str], boxes: Mapping[str, Box], unread: set[str]) -> dict[str, set[str]]:
    """Return for each letter with images the letters not read that come right before and behind it, without a gap."""
    found: dict[str, set[str]] = {}
    for number, letter in enumerate(order):
        before = list(takewhile(unread.__contains__, reversed(order[:number])))
        behind = list(takewhile(unread.__contains__, order[number + 1 :]))
        if letter in boxes and (before or behind):
            found[letter] = {*before, *behind}
    return found


def _mixed_letters(order: Sequence[str], boxes: Mapping[str, Box], missing: set[str]) -> dict[str, set[str]]:
    """Return the letters whose images are mixed or in the wrong order, each with the letters that they may have."""
    mixed: dict[str, set[str]] = {}
    for first, second in combinations([letter for letter in order if letter in boxes], 2):
        if _is_mixed(boxes[first], boxes[second]) or _comes_before(boxes[second], boxes[first]):
            mixed.setdefault(first, set()).update(missing, {second})
            mixed.setdefault(second, set()).update(missing, {first})
    return mixed


def _comes_before_letter(box: Box, place: Box) -> bool:
    """Return whether an image lies wholly above or left of a letter."""
    return box[3] <= place[1] or (box[2] <= place[0] and box[1] < place[3])


def _are_at_top_left(panels: Sequence[Panel], places: Mapping[str, Box]) -> bool:
    """Return whether most letters of a figure stand above and left of the middle of an image of theirs."""
    letters = [letter for letter in places if any(bare_label(panel.label or "") == letter for panel in panels)]
    at_top_left = 0
    for letter in letters:
        x0, y0, x1, y1 = _anchor(panels, letter, places[letter]).box
        left, top, right, bottom = places[letter]
        at_top_left += left + right <= x0 + x1 and top + bottom <= y0 + y1
    return at_top_left >= _MIN_TOP_LEFT * len(letters)


def _is_like_anchor(panels: Sequence[Panel], panel: Panel, place: Box | None) -> bool:
    """Return whether a panel is as large as the image of its letter at which the letter stands."""
    if place is None or panel.label is None:
        return False
    anchor = _anchor(panels, bare_label(panel.label), place)
    if max(_distances(anchor.box, place)) > _MAX_LETTER_DISTANCE * max(place[2] - place[0], place[3] - place[1]):
        return False
    sides = (panel.width, anchor.width), (panel.height, anchor.height)
    return all(max(pair) <= _MAX_SIZE_RATIO * min(pair) for pair in sides)


def _anchor(panels: Sequence[Panel], letter: str, place: Box) -> Panel:
    """Return the image of a letter whose upper left corner is nearest to it."""
    own = [panel for panel in panels if bare_label(panel.label or "") == letter and panel.inset_of is None]
    return min(own, key=lambda panel: abs(panel.box[0] - place[0]) + abs(panel.box[1] - place[1]))


def _distances(box: Box, place: Box) -> tuple[int, int]:
    """Return the gaps across and down between an image and a letter; 0 where they overlap."""
    return max(0, place[0] - box[2], box[0] - place[2]), max(0, place[1] - box[3], box[1] - place[3])


def _lengths_by_letter(scales: Sequence[PlacedScale]) -> dict[str, set[float | None]]:
    """Return the lengths in nm that the caption gives for the bars of each letter, but not for those of insets."""
    lengths: dict[str, set[float | None]] = {}
    for scale in scales:
        for letter in scale.letters or () if scale.kind == "bar" and not scale.inset else ():
            lengths.setdefault(bare_label(letter), set()).add(scale.nm)
    return lengths


def _letter_boxes(panels: Sequence[Panel]) -> dict[str, Box]:
    """Return the box around all images of each letter."""
    boxes: dict[str, Box] = {}
    for panel in panels:
        if panel.label is not None and panel.inset_of is None:
            x0, y0, x1, y1 = boxes.get(bare_label(panel.label), panel.box)
            a0, b0, a1, b1 = panel.box
            boxes[bare_label(panel.label)] = (min(x0, a0), min(y0, b0), max(x1, a1), max(y1, b1))
    return boxes


def _shared(one: Box, other: Box, axis: int) -> float:
    """Return the part of the smaller side of two boxes, across (0) or down (1), that both share."""
    shared = min(one[axis + 2], other[axis + 2]) - max(one[axis], other[axis])
    return shared / max(1, min(one[axis + 2] - one[axis], other[axis + 2] - other[axis]))


def _is_mixed(one: Box, other: Box) -> bool:
    """Return whether the boxes of two letters overlap."""
    shares = _shared(one, other, 0), _shared(one, other, 1)
    return min(shares) > 0 and shares[0] * shares[1] >= _MIN_OVERLAP


def _comes_before(one: Box, other: Box) -> bool:
    """Return whether a box comes before another one both by rows and by columns: it is above, left, or both."""
    across, down = _shared(one, other, 0), _shared(one, other, 1)
    is_above, is_left = one[3] <= other[1] or one[1] + one[3] < other[1] + other[3], one[2] <= other[0]
    if across >= _MIN_SHARED:
        return down < _MIN_SHARED and is_above
    if down >= _MIN_SHARED:
        return is_left
    return is_left and one[3] <= other[1]
