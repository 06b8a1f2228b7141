"""Gather the drawn pieces of a region: plots with their ticks and titles, and drawings of many parts."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

from mirsearch.analysis.panels.boxes import area, bounding_box, distance_between, shared_area
from mirsearch.analysis.panels.piece import Piece, PieceKind
from mirsearch.corpus import Box

_REACH_SHARE = 0.05
"""Greatest distance of a plot's texts from it, as a share of the figure's longer side."""

_MINOR_SHARE = 0.25
"""Area below which a drawing is a part of another, as a share of the largest one's."""

_SPANNED_SHARE = 0.2
"""Share of an image that a drawing would cover with a scrap, above which the scrap belongs to both."""

_BESIDE_SHARE = 0.5
"""Least share of a picture's side that a drawing beside it runs along where each row (column) has its own drawing."""

_SHEET_SIZE, _SHEET_GAP, _SHEET_SIDE = 0.06, 0.25, 0.05
"""Of drawings that stand as the images of a sheet: difference of their sides and places, and greatest gutter, as shares
of a side; least side, as a share of the figure's longer side. Chosen on drawn figures and schematics of real ones."""

_UPRIGHT, _ALIGNED_PX = 1.5, 3
"""Least height of an upright line of letters, as a share of its width, and px within which its pieces are aligned."""

_CLUSTER_GAP, _HEADING_GAP, _CLUSTER_SIDE, _CLUSTER_LINE, _CLUSTER_PIECES = 0.025, 0.015, 0.4, 0.45, 4
"""Of small things beside pictures that make up a drawing: greatest distance from each other, and from a picture if they
are its headings, as shares of the figure's longer side; least sides, as shares of a picture's; longest piece, as a
share of the drawing's side, since lettering is short; least number of pieces."""

_STACKED_GAP = 0.003
"""Greatest distance of plots that share an axis, as a share of the figure's longer side."""


def gather_drawings(pieces: Sequence[Piece], pictures: Sequence[Box], figure_side: int) -> list[Piece]:
    """Return the drawings, each with the scraps that belong to it."""
    tinted = [piece.box for piece in pieces if piece.kind in ("tinted", "cutout")]
    scraps = [piece.box for piece in pieces if piece.kind == "scrap"]
    framed = [piece.box for piece in pieces if piece.kind == "frame"]
    plots = [piece.box for piece in pieces if piece.kind == "plot"]
    drawn = [piece.box for piece in pieces if piece.kind == "drawing"]
    for box in framed:
        (plots if has_tick_labels(box, scraps, figure_side) else drawn).append(box)
    plots = _join_stacked(plots, figure_side)
    largest = max((area(box) for box in (*plots, *drawn)), default=0)
    scraps += [box for box in (*plots, *drawn) if area(box) < _MINOR_SHARE * largest]
    plots, drawn = ([box for box in boxes if area(box) >= _MINOR_SHARE * largest] for boxes in (plots, drawn))
    if not plots and not tinted and _is_sheet(drawn, scraps, figure_side):
        return [Piece(box, "drawing") for box in drawn]
    if pictures and not (plots or drawn or tinted):
        return [Piece(box, "drawing") for box in _small_drawings(scraps, pictures, figure_side)]
    if drawn and not pictures and not tinted:
        return [Piece(bounding_box([*plots, *drawn, *scraps]), "drawing")]
    cores = [*plots, *_join_drawn(drawn, pictures, figure_side)] if drawn else plots
    kinds: list[PieceKind] = ["plot" if n < len(plots) else "drawing" for n in range(len(cores))]
    grown = _add_scraps(cores, scraps, [*pictures, *tinted], figure_side)
    return [*map(Piece, grown, kinds), *(Piece(box, "picture") for box in tinted)]


def _join_drawn(drawn: Sequence[Box], pictures: Sequence[Box], figure_side: int) -> list[Box]:
    """Return the box of all drawn pieces, or those of each row (column) where every piece stands beside a picture."""
    for axis in (1, 0):
        rows: dict[Box, list[Box]] = {}
        for box in drawn:
            beside = [picture for picture in pictures if _stands_beside(box, picture, axis, figure_side)]
            rows.setdefault(max(beside, key=area, default=(0, 0, 0, 0)), []).append(box)
        joined = [bounding_box(boxes) for boxes in rows.values()]
        apart = all(shared_area(one, other) == 0 for n, one in enumerate(joined) for other in joined[:n])
        if len(rows) > 1 and (0, 0, 0, 0) not in rows and apart:
            return joined
    return [bounding_box(drawn)]


def _small_drawings(scraps: Sequence[Box], pictures: Sequence[Box], figure_side: int) -> list[Box]:
    """Return the boxes of small things that stand together beside pictures and make up a plot or a diagram.

    Those nearer to a picture are its headings, or the names of its row.
    """
    reach = _CLUSTER_GAP * figure_side
    clusters: list[list[Box]] = []
    for scrap in scraps:
        if any(distance_between(scrap, picture) <= _HEADING_GAP * figure_side for picture in pictures):
            continue
        near = [each for each in clusters if any(distance_between(scrap, box) <= reach for box in each)]
        clusters = [each for each in clusters if each not in near] + [[scrap, *(box for each in near for box in each)]]
    found = []
    for cluster in clusters:
        box = bounding_box(cluster)
        nearest = min(pictures, key=lambda picture: distance_between(box, picture))
        is_large = all(box[n + 2] - box[n] >= _CLUSTER_SIDE * (nearest[n + 2] - nearest[n]) for n in (0, 1))
        has_line = any(
            piece[n + 2] - piece[n] >= _CLUSTER_LINE * (box[n + 2] - box[n]) for piece in cluster for n in (0, 1)
        )
        is_apart = not any(shared_area(box, picture) for picture in pictures)
        if len(cluster) >= _CLUSTER_PIECES and is_large and has_line and is_apart:
            found.append(box)
    return found


def _is_sheet(drawn: Sequence[Box], scraps: Sequence[Box], figure_side: int) -> bool:
    """Return whether drawings of one size stand in a full grid with thin clean gutters, as renderings of several cells.

    What stands between two of a row, such as an arrow, joins them to one drawing.
    """
    if len(drawn) < 2:
        return False
    steps = []
    for axis in (0, 1):
        lengths = [box[axis + 2] - box[axis] for box in drawn]
        tolerance = max(2.0, _SHEET_SIZE * max(lengths))
        if max(lengths) - min(lengths) > tolerance or min(lengths) < _SHEET_SIDE * figure_side:
            return False
        starts = sorted(box[axis] for box in drawn)
        places = [starts[0], *(later for early, later in pairwise(starts) if later - early > tolerance)]
        gaps = [later - early - min(lengths) for early, later in pairwise(places)]
        if any(gap > _SHEET_GAP * max(lengths) for gap in gaps):
            return False
        steps.append(len(places))
    return steps[0] * steps[1] == len(drawn) and not any(_stands_between(scrap, drawn) for scrap in scraps)


def _stands_between(scrap: Box, drawn: Sequence[Box]) -> bool:
    """Return whether something stands between drawings: not beside, above or below all of them, nor in one."""
    x0, y0, x1, y1 = scrap
    columns = any(box[0] >= x1 for box in drawn) and any(box[2] <= x0 for box in drawn)
    level = any(box[1] <= (y0 + y1) / 2 <= box[3] for box in drawn)
    return columns and level and not any(shared_area(scrap, box) for box in drawn)


def _stands_beside(box: Box, picture: Box, axis: int, figure_side: int) -> bool:
    """Return whether a drawing stands in a picture's row (`axis` 1) or column (0), and in no other."""
    low, high = picture[axis], picture[axis + 2]
    reach = _REACH_SHARE * figure_side
    is_within = low - reach <= box[axis] and box[axis + 2] <= high + reach
    is_clear = box[1 - axis] >= picture[3 - axis] or box[3 - axis] <= picture[1 - axis]
    return is_within and is_clear and box[axis + 2] - box[axis] >= _BESIDE_SHARE * (high - low)


def _add_scraps(cores: Sequence[Box], scraps: Sequence[Box], others: Sequence[Box], figure_side: int) -> list[Box]:
    """Return the cores of drawings, each with the scraps within reach that are nearer to it than to other images."""
    grown = list(cores)
    upright = [box for box in scraps if box[3] - box[1] >= _UPRIGHT * (box[2] - box[0])]
    for scrap in scraps:
        owner = min(range(len(cores)), key=lambda n: distance_between(scrap, cores[n]), default=None)
        if owner is None:
            continue
        if any(min(abs(scrap[0] - box[0]), abs(scrap[2] - box[2])) <= _ALIGNED_PX for box in upright):
            owner = _plot_of_axis_title(scrap, cores, owner, _REACH_SHARE * figure_side)
        gap = distance_between(scrap, cores[owner])
        rival = min((distance_between(scrap, box) for box in others), default=figure_side)
        if gap <= _REACH_SHARE * figure_side and gap <= rival and not _spans(scrap, cores[owner], [*cores, *others]):
            grown[owner] = bounding_box([grown[owner], scrap])
    return grown


def _plot_of_axis_title(title: Box, cores: Sequence[Box], nearest: int, reach: float) -> int:
    """Return the place of the drawing that an upright line of letters belongs to: in a row of plots, the right one."""
    x0, y0, x1, y1 = title
    beside = [n for n, box in enumerate(cores) if box[1] <= (y0 + y1) / 2 <= box[3]]
    right = min((n for n in beside if 0 <= cores[n][0] - x1 <= reach), key=lambda n: cores[n][0], default=None)
    is_between = nearest in beside and cores[nearest][2] <= x0
    return nearest if right is None or not is_between else right


def _spans(scrap: Box, core: Box, images: Sequence[Box]) -> bool:
    """Return whether a scrap reaches over another image than its own, as a title that several images share."""
    together = bounding_box([core, scrap])
    return any(shared_area(together, box) > _SPANNED_SHARE * area(box) for box in images if box != core)


def has_tick_labels(frame: Box, scraps: Sequence[Box], figure_side: int) -> bool:
    """Return whether small texts stand at the left of a frame and below it, as at a plot's axes."""
    x0, y0, x1, y1 = frame
    reach = _REACH_SHARE * figure_side
    left = any(0 <= x0 - box[2] <= reach and y0 - reach <= box[1] and box[3] <= y1 + reach for box in scraps)
    below = any(0 <= box[1] - y1 <= reach and x0 - reach <= box[0] and box[2] <= x1 + reach for box in scraps)
    return left and below


def _join_stacked(plots: Sequence[Box], figure_side: int) -> list[Box]:
    """Return the plots; those that touch share an axis and are one."""
    gap = max(4, round(_STACKED_GAP * figure_side))
    joined: list[Box] = []
    for box in plots:
        near = [other for other in joined if distance_between(box, other) <= gap]
        joined = [other for other in joined if other not in near] + [bounding_box([box, *near])]
    return joined
