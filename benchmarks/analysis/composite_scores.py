"""Score the panels of a figure against its truth: images, letters, kinds, techniques, scale bars."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from benchmarks.analysis.figure_truth import intersection_over_union
from mirsearch.corpus import Box, Panel, ScaleReading

IMAGE_OVERLAP, DRAWING_OVERLAP = 0.75, 0.6
"""Intersection over union above which an image, and a plot, schematic or gel, counts as found."""

DRAWINGS = frozenset(("plot", "schematic", "gel"))

MAX_ERROR = 0.05
"""Greatest relative error of a scale that counts as right."""

SHORT_BAR_ERROR_PX = 1.0
"""Error in px up to which a bar of the right length in nm counts as right: 5 % of a bar under 20 px is less."""

COVERED = 0.5
"""Share of a region that a panel's box must cover to contain it."""

SHARES = (
    ("images found, of true", "found", "images"), ("images found, of made", "found", "made"),
    ("figures whole", "whole", "figures"), ("bars right", "bars_right", "bars"), ("bars wrong", "bars_wrong", "bars"),
    ("bars missed", "bars_missed", "bars"), ("false scales, of made", "false", "made"),
    ("shared scales right", "shared_right", "shared"), ("shared scales wrong", "shared_wrong", "shared"),
    ("letters right, of found", "letters_right", "letters"),
    ("micrograph or not right, of found", "kinds_right", "kinds"),
    ("techniques right, of found", "techniques_right", "techniques"),
    ("insets found", "insets_found", "insets"), ("bars of insets right", "inset_bars_right", "inset_bars"),
    ("bars of insets wrong", "inset_bars_wrong", "inset_bars"),
)  # fmt: skip
"""The shares that are printed: name, count, count of the whole."""


@dataclass
class Score:
    """Counts by name, told readings as (confidence, right), and what failed in words."""

    count: Counter[str] = field(default_factory=Counter)
    readings: list[tuple[float, bool]] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)

    def add(self, other: Score) -> None:
        """Add the counts and readings of another score."""
        self.count.update(other.count)
        self.readings += other.readings

    def fail(self, words: str) -> None:
        """Note a failure."""
        self.failures.append(words)

    def shares(self) -> list[tuple[str, int, int]]:
        """Return the shares: name, part, whole."""
        return [(name, self.count[part], self.count[whole]) for name, part, whole in SHARES if self.count[whole]]

    def counts(self) -> dict[str, int]:
        """Return all counts by name."""
        names = dict.fromkeys(name for _, part, whole in SHARES for name in (whole, part))
        return {name: self.count[name] for name in names}

    def summary(self) -> str:
        """Return the main counts in one line."""
        c = self.count
        return (
            f"found {c['found']}/{c['images']} of {c['made']} made, bars {c['bars_right']}/{c['bars']} right"
            f" {c['bars_wrong']} wrong {c['false']} false, letters {c['letters_right']}/{c['letters']}"
        )


def score_figure(truth: Sequence[dict[str, Any]], made: Sequence[Panel]) -> Score:
    """Return the score of one figure. Insets count apart: they are neither missed nor made too many where found."""
    score = Score()
    mains = [panel for panel in truth if panel.get("inset_of") is None]
    insets = [panel for panel in truth if panel.get("inset_of") is not None]
    pairs = _match(mains, made)
    inset_pairs = _match(insets, [panel for number, panel in enumerate(made) if number not in pairs.values()])
    score.count.update(
        figures=1, images=len(mains), made=len(made) - len(inset_pairs), found=len(pairs),
        whole=len(pairs) == len(mains) == len(made) - len(inset_pairs), insets=len(insets),
        insets_found=len(inset_pairs),
    )  # fmt: skip
    for number, panel in enumerate(mains):
        if number not in pairs:
            score.fail(f"image {panel['letter']} {panel['kind']} {panel['box']} not found")
            continue
        _score_words(panel, made[pairs[number]], score)
    for panel in truth:
        for bar in panel["bars"]:
            _score_bar(panel, bar, made, score)
    _score_shared(mains, made, pairs, score)
    _score_readings(truth, made, score)
    return score


def _match(truth: Sequence[dict[str, Any]], made: Sequence[Panel]) -> dict[int, int]:
    """Return the made panel of each true one that is found, one to one, the best overlaps first."""
    overlaps = sorted(
        (
            (intersection_over_union(_box(panel["box"]), item.box), number, other)
            for number, panel in enumerate(truth)
            for other, item in enumerate(made)
        ),
        reverse=True,
    )
    pairs: dict[int, int] = {}
    for overlap, number, other in overlaps:
        drawn = set(truth[number]["kind"].split("|")) <= DRAWINGS
        if number in pairs or other in pairs.values():
            continue
        if overlap > (DRAWING_OVERLAP if drawn else IMAGE_OVERLAP):
            pairs[number] = other
    return pairs


def _box(edges: Sequence[int]) -> Box:
    return edges[0], edges[1], edges[2], edges[3]


def _letter(text: str | None) -> str:
    """Return a letter for comparison: lower case, without brackets, one sign for primes."""
    return (text or "").lower().strip("().[]").replace("′", "'").replace("’", "'")


def _score_words(panel: dict[str, Any], item: Panel, score: Score) -> None:
    """Score letter, kind and technique of an image that was found."""
    kinds = set(panel["kind"].split("|"))
    name = f"{panel['letter']} {panel['box']}"
    if panel["letter"]:
        score.count["letters"] += 1
        if _letter(item.label) == _letter(panel["letter"]):
            score.count["letters_right"] += 1
        else:
            score.fail(f"letter {name} read {item.label}")
    if len(kinds) == 1:
        score.count["kinds"] += 1
        if (item.kind == "micrograph") == ("micrograph" in kinds):
            score.count["kinds_right"] += 1
        else:
            score.fail(f"kind {name} {panel['kind']} told {item.kind}")
    if panel["technique"] and "micrograph" in kinds:
        score.count["techniques"] += 1
        if item.technique in panel["technique"].split("|"):
            score.count["techniques_right"] += 1
        else:
            score.fail(f"technique {name} {panel['technique']} told {item.technique}")


def _cover(outer: Box, inner: Box) -> float:
    """Return the share of `inner` that `outer` covers."""
    across = min(outer[2], inner[2]) - max(outer[0], inner[0])
    down = min(outer[3], inner[3]) - max(outer[1], inner[1])
    if across <= 0 or down <= 0:
        return 0.0
    return across * down / max(1, (inner[2] - inner[0]) * (inner[3] - inner[1]))


def _smallest_around(made: Sequence[Panel], region: Box) -> Panel | None:
    """Return the smallest panel that covers a region."""
    around = [item for item in made if _cover(item.box, region) > COVERED]
    return min(around, key=lambda item: item.width * item.height, default=None)


def _is_right(scale: ScaleReading, nm_per_px: float, bar: dict[str, Any] | None = None) -> bool:
    """Return whether a scale is right; a short bar may be a px off if its length in nm is right."""
    if abs(scale.nm_per_px / nm_per_px - 1) <= MAX_ERROR:
        return True
    if bar is None or scale.length_nm is None or scale.length_px is None:
        return False
    same_length = abs(scale.length_nm / bar["nm"] - 1) < 1e-6
    return same_length and abs(scale.length_px - bar["px"]) <= SHORT_BAR_ERROR_PX


def _score_bar(panel: dict[str, Any], bar: dict[str, Any], made: Sequence[Panel], score: Score) -> None:
    """Score a bar by the smallest made panel around it; an inset's bar only where the inset was made."""
    if not bar["nm"]:
        return
    inset = panel.get("inset_of") is not None
    prefix = "inset_bars" if inset else "bars"
    score.count[prefix] += 1
    item = _smallest_around(made, _box(bar["region"]))
    if inset and item is not None and intersection_over_union(item.box, _box(panel["box"])) < COVERED:
        item = None
    if item is None or item.scale is None:
        score.count[f"{prefix}_missed"] += 1
        if not inset:
            score.fail(f"bar {panel['letter']} {bar['region']} {bar['nm']:g} nm {bar['px']} px missed")
        return
    right = _is_right(item.scale, bar["nm_per_px"], bar)
    score.count[f"{prefix}_right" if right else f"{prefix}_wrong"] += 1
    if not right:
        score.fail(f"bar {panel['letter']} {bar['region']} {bar['nm_per_px']:.4g} nm/px told {_words(item.scale)}")


def _words(scale: ScaleReading) -> str:
    return (
        f"{scale.nm_per_px:.4g} ({scale.length_nm} nm, {scale.length_px} px, {scale.source},"
        f" {scale.confidence:.2f}, {scale.label_text!r})"
    )


def _score_shared(mains: Sequence[dict[str, Any]], made: Sequence[Panel], pairs: dict[int, int], score: Score) -> None:
    """Score the scales of images without a bar of their own, where the truth says them, or that there is none."""
    for number, other in pairs.items():
        panel, item = mains[number], made[other]
        if panel["bars"] or "nm_per_px" not in panel:
            continue
        score.count["shared"] += panel["nm_per_px"] is not None
        if item.scale is None:
            continue
        right = panel["nm_per_px"] is not None and _is_right(item.scale, panel["nm_per_px"])
        score.count["shared_right" if right else "shared_wrong"] += 1
        if not right:
            score.fail(f"shared scale {panel['letter']} {panel['box']} {panel['nm_per_px']} told {_words(item.scale)}")


def _score_readings(truth: Sequence[dict[str, Any]], made: Sequence[Panel], score: Score) -> None:
    """Collect all told readings with whether they are right; count those that no valued bar of the letter explains."""
    for item in made:
        if item.scale is None:
            continue
        expected = _expected(truth, item)
        right = any(_is_right(item.scale, nm_per_px, bar) for nm_per_px, bar in expected)
        if item.scale.source == "shared" and not expected and not _says_scales(truth):
            continue
        score.readings.append((item.scale.confidence, right))
        if item.scale.source != "shared" and not _letter_has_bar(truth, item):
            score.count["false"] += 1
            score.fail(f"false scale at {item.label} {item.box}: {_words(item.scale)}")


def _says_scales(truth: Sequence[dict[str, Any]]) -> bool:
    """Return whether the truth says the scale, or that there is none, also of images without a bar."""
    return all("nm_per_px" in panel for panel in truth)


def _expected(truth: Sequence[dict[str, Any]], item: Panel) -> list[tuple[float, dict[str, Any] | None]]:
    """Return the true scales of what a made panel shows: bars that it is the nearest panel of, else its image's."""
    inside = [panel for panel in truth if intersection_over_union(item.box, _box(panel["box"])) > COVERED]
    if not inside:
        inside = [panel for panel in truth if _cover(item.box, _box(panel["box"])) > COVERED]
    scales: list[tuple[float, dict[str, Any] | None]] = []
    for panel in inside:
        bars = [bar for bar in panel["bars"] if bar["nm"]]
        scales += [(bar["nm_per_px"], bar) for bar in bars]
        if not bars and panel.get("nm_per_px"):
            scales.append((panel["nm_per_px"], None))
    return scales


def _letter_has_bar(truth: Sequence[dict[str, Any]], item: Panel) -> bool:
    """Return whether a valued bar lies in a made panel or in one of the letters that it shows."""
    if any(bar["nm"] and _cover(item.box, _box(bar["region"])) > COVERED for panel in truth for bar in panel["bars"]):
        return True
    letters = {panel["letter"] or "" for panel in truth if _cover(item.box, _box(panel["box"])) > COVERED}
    return any(bar["nm"] for panel in truth if (panel["letter"] or "") in letters for bar in panel["bars"])
