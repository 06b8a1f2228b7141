"""Answers for the tests of the report: drawn pictures, scores by the real formula, hostile texts."""

from __future__ import annotations

import dataclasses
import io
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from PIL import Image

from mirsearch.corpus import Article, Figure, LoneBar, Origin, Panel, ScaleReading, figure_id
from mirsearch.imaging.images import content_hash
from mirsearch.query import Pixels, ScoredPanel, StoredPanel
from mirsearch.ranking import Formula, combine, scale_term, visual_term
from mirsearch.search.answer import Answer, Hit, QueryView

HOSTILE = (
    "<script>window.pwned=1</script> \"double\" 'single' & <img src=x onerror=alert(1)> "
    "\u202egnp.exe\u202c \x1b[31mred\x07 [bold red]markup[/] \x00nul\ud800 carbon nanotubes </style></script>"
)
TITLES = ("Growth of carbon nanotubes on nickel–copper catalysts", "Pores", "Silver nanowires [bold]")
QUERY_FOV = 1000.0


def texture(seed: int, width: int, height: int) -> Pixels:
    """Return a gray picture of overlapping disks, as RGB."""
    random = np.random.default_rng(seed)
    picture = np.full((height, width), 90, np.uint8)
    for _ in range(width * height // 900):
        center = (int(random.integers(0, width)), int(random.integers(0, height)))
        cv2.circle(picture, center, int(random.integers(6, 20)), int(random.integers(90, 240)), -1, cv2.LINE_AA)
    return np.dstack([picture] * 3)


def jpeg(pixels: Pixels, side: int = 160) -> bytes:
    """Return the picture as a small JPEG."""
    image, out = Image.fromarray(pixels), io.BytesIO()
    image.thumbnail((side, side))
    image.save(out, "JPEG")
    return out.getvalue()


def article(at: int) -> Article:
    """Return an article. The second has no license and is retracted; the third has the address of a license."""
    return Article(
        id=f"doi:10.1000/x{at}", title=TITLES[at % 3], doi=f"10.1000/x{at}", journal="J. Made Up", year=2015 + at,
        license=("CC BY-NC 3.0", None, "https://creativecommons.org/licenses/by/4.0/")[at % 3],
        url="javascript:alert(1)" if at == 0 else None, authors=("Jiang W.", "Chan M."), retracted=at % 3 == 1,
    )  # fmt: skip


def stored(at: int, folder: Path | None, caption: str) -> tuple[StoredPanel, bytes]:
    """Return a stored panel with its small picture. Every fourth has no scale; the sixth has no article."""
    width, height = ((400, 300), (256, 256), (480, 200), (200, 360))[at % 4]
    pixels = texture(at, width, height)
    location, figure = "gone.png", f"{at:02d}00112233445566"
    if folder is not None:
        location = str(folder / f"figure{at}.png")
        Image.fromarray(pixels).save(location)
        figure = figure_id(content_hash(location))
    scale = None
    if at % 4 != 3:
        nm_per_px = QUERY_FOV / width * (1 + 0.4 * at)
        bar = (width - 70, height - 20, width - 20, height - 14)
        scale = ScaleReading(nm_per_px, 50 * nm_per_px, 50.0, bar, f"{50 * nm_per_px:.0f} nm", "label", 0.9)
    shown = Figure(
        figure, width, height, label=f"Figure {at + 1}", caption=caption,
        article=None if at == 5 else article(at), origins=(Origin("folder", location),),
    )  # fmt: skip
    panel = Panel(
        (0, 0, width, height), label="ab"[at % 2], kind="micrograph", kind_confidence=0.9,
        technique=("TEM", None)[at % 2], technique_confidence=(0.8, 0.0)[at % 2], caption=caption, text="200 nm",
        scale=scale, id=f"{figure}-{'ab'[at % 2]}", figure_id=figure,
    )  # fmt: skip
    return StoredPanel(panel, shown), jpeg(pixels)


def make_answer(
    count: int = 6, text: str | None = "carbon nanotube", image: bool = True, scale: bool = True,
    folder: Path | None = None, caption: str = "TEM of Carbon nanotubes.", formula: Formula | None = None,
) -> Answer:  # fmt: skip
    """Return an answer of `count` hits ranked by the real formula."""
    formula = formula or Formula()
    scored = []
    for at in range(count):
        panel, small = stored(at, folder, HOSTILE if at == 0 else caption)
        distance, view = 0.05 + 0.08 * at, panel.panel.field_of_view_nm
        visual = float(visual_term(distance)) if image else None
        match = float(scale_term(QUERY_FOV, np.log10([view]), formula.sigma)[0]) if scale and view else None
        words = 0.7 - 0.1 * at if text else None
        total = combine(
            formula,
            None if visual is None else np.array([visual]),
            np.array([np.nan if match is None else match]) if scale else None,
            None if words is None else np.array([words]),
        )[0]
        terms = ScoredPanel(panel.panel.id, float(total), distance if image else None, visual, match, words)
        scored.append((float(total), terms, panel, small))
    scored.sort(key=lambda row: -row[0])
    hits = tuple(Hit(rank, terms, panel, small) for rank, (_, terms, panel, small) in enumerate(scored, start=1))
    pixels = texture(99, 320, 240)
    view = QueryView(
        image="/somewhere/query <b>.png" if image else None, box=(0, 0, 320, 240) if image else None, text=text,
        scale=ScaleReading(QUERY_FOV / 320) if scale and image else None,
        field_of_view_nm=QUERY_FOV if scale else None, pixels=pixels if image else None,
    )  # fmt: skip
    return Answer(view, hits, True, 1234, 5.6, formula, ("a note [bold]with markup[/] \x1b[2J",))


def parts_answer() -> Answer:
    """Return an answer whose hits are parts: with a sure scale, a doubtful one, a bar alone, and an inset."""
    answer = make_answer(count=4)
    bar = (10, 10, 49, 14)
    changes: list[dict[str, Any]] = [
        {"heading": "DAPI <i>", "scale": ScaleReading(5.0, 500.0, 100.0, bar, "500 nm", "shared", 0.8)},
        {"scale": None, "doubtful_scale": ScaleReading(5.0, 500.0, 100.0, bar, "500 nm", "label", 0.31)},
        {"scale": None, "bar": LoneBar(bar, 38.8)},
        {"inset_of": "b1", "technique": "Cryo-TEM", "technique_confidence": 0.42},
    ]
    hits = []
    for at, (hit, change) in enumerate(zip(answer.hits, changes, strict=True), start=1):
        panel = dataclasses.replace(hit.stored.panel, label="b", part=at, group=(0, 0, 400, 300), **change)
        figure = dataclasses.replace(hit.stored.figure, width=1000, height=800)
        shown = dataclasses.replace(hit, stored=dataclasses.replace(hit.stored, panel=panel, figure=figure))
        others = tuple((other.scored, other.stored) for other in answer.hits[1:]) if at == 1 else ()
        hits.append(dataclasses.replace(shown, parts=others))
    return dataclasses.replace(answer, hits=tuple(hits))
