"""Panels, hits and figures as a Python program sees them."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from typing import Any

from mirsearch.corpus import Article, Box, Figure, Panel, ScaleReading
from mirsearch.facade.values import Words
from mirsearch.indexes.base import Index
from mirsearch.indexes.comparison import known_technique
from mirsearch.query import Pixels, ScoredPanel, StoredPanel
from mirsearch.report.wording import figure_name, format_length
from mirsearch.search.answer import Hit, Match, hit_json, stored_json


class CorpusPanel:
    """A panel of a corpus, with its figure and article. Lengths are in nm, boxes in px of the image file."""

    def __init__(self, index: Index, stored: StoredPanel) -> None:
        self._index = index
        self.stored = stored

    @property
    def panel(self) -> Panel:
        """Return the panel with all its fields."""
        return self.stored.panel

    @property
    def figure(self) -> Figure:
        """Return the figure that the panel is a part of."""
        return self.stored.figure

    @property
    def article(self) -> Article | None:
        """Return the article of the figure, None if none is known."""
        return self.stored.figure.article

    @property
    def id(self) -> str:
        """Return the id, which `query(like=…)` takes."""
        return self.panel.id

    @property
    def name(self) -> str:
        """Return what a person calls the panel: "Fig. 3b"."""
        return figure_name(self.figure, self.panel)

    @property
    def label(self) -> str | None:
        """Return the letter of the panel."""
        return self.panel.label

    @property
    def box(self) -> Box:
        """Return where the panel is in its figure: x0, y0, x1, y1."""
        return self.panel.box

    @property
    def kind(self) -> str:
        """Return what the panel shows: micrograph, plot, …"""
        return self.panel.kind

    @property
    def technique(self) -> str | None:
        """Return how a micrograph was made: SEM, TEM, …; None if it is not known."""
        return known_technique(self.panel)

    @property
    def caption(self) -> str:
        """Return the part of the caption about this panel, else the whole caption."""
        return self.panel.caption or self.figure.caption

    @property
    def scale(self) -> ScaleReading | None:
        """Return the scale reading, None if there is none."""
        return self.panel.scale

    @property
    def field_of_view_nm(self) -> float | None:
        """Return the width of the panel in nm, None without a scale."""
        return self.panel.field_of_view_nm

    @property
    def license(self) -> str | None:
        """Return the license of the article, as it is given there."""
        return self.article.license if self.article else None

    @property
    def thumbnail(self) -> bytes | None:
        """Return the small picture of the index, as JPEG."""
        return self._index.thumbnail(self.id)

    def pixels(self) -> Pixels | None:
        """Return the panel, RGB uint8 (height, width, 3), cut from its file. None if that is gone or has changed."""
        from mirsearch.readers.originals import OriginalImages

        return OriginalImages().crop(self.figure, self.box)[0]

    def to_dict(self) -> dict[str, Any]:
        """Return all fields in plain types, as `mirsearch show --format json` prints them."""
        return stored_json(self.stored)

    def _describe(self) -> str:
        view = self.field_of_view_nm
        told = (self.name, self.technique or self.kind, "" if view is None else f"{format_length(view)} across")
        return ", ".join(filter(None, told))

    def __repr__(self) -> str:
        return f"<{self.id}: {self._describe()}>"

    def _repr_html_(self) -> str:
        from mirsearch.facade.pictures import panels_html

        return panels_html([(self.stored, self.thumbnail)])


class FoundPanel(CorpusPanel):
    """A hit: a panel with its rank (from 1) and its score."""

    def __init__(self, index: Index, hit: Hit) -> None:
        super().__init__(index, hit.stored)
        self.hit = hit

    @property
    def rank(self) -> int:
        """Return the place in the answer, from 1."""
        return self.hit.rank

    @property
    def score(self) -> float:
        """Return the score, from 0 to 1."""
        return self.hit.scored.score

    @property
    def terms(self) -> ScoredPanel:
        """Return the terms of the score: `visual`, `scale`, `text`, and `visual_distance`. None: one side lacks it."""
        return self.hit.scored

    @property
    def match(self) -> Match | None:
        """Return how likely it shows the same kind of thing: `word` and `probability`. None where it is not judged."""
        return self.hit.match

    @property
    def thumbnail(self) -> bytes | None:
        """Return the small picture of the index, as JPEG."""
        return self.hit.thumbnail

    def to_dict(self) -> dict[str, Any]:
        """Return the hit in plain types, as `mirsearch query --format json` prints it."""
        return hit_json(self.hit)

    def __repr__(self) -> str:
        return f"<{self.rank}. {self.score:.3f} {self.id}: {self._describe()}>"


class CorpusFigure:
    """A figure of a corpus, with its panels in reading order."""

    def __init__(self, index: Index, figure: Figure) -> None:
        self._index = index
        self.figure = figure

    @property
    def id(self) -> str:
        """Return the id."""
        return self.figure.id

    @property
    def label(self) -> str | None:
        """Return what the figure is called: "Figure 2"."""
        return self.figure.label

    @property
    def caption(self) -> str:
        """Return the whole caption."""
        return self.figure.caption

    @property
    def article(self) -> Article | None:
        """Return the article, None if none is known."""
        return self.figure.article

    @cached_property
    def panels(self) -> Sequence[CorpusPanel]:
        """Return all panels of the figure."""
        return tuple(CorpusPanel(self._index, stored) for stored in self._index.figure_panels(self.id))

    def pixels(self) -> Pixels | None:
        """Return the figure, RGB uint8 (height, width, 3), from its file. None if that is gone or has changed."""
        from mirsearch.readers.originals import original_pixels

        return original_pixels(self.figure)

    def to_dict(self) -> dict[str, Any]:
        """Return all fields in plain types, as `mirsearch list --figures --format json` prints them."""
        from mirsearch.search.listing import ListedFigure, listed_json

        ids = tuple(panel.id for panel in self.panels)
        with_scale = sum(panel.scale is not None for panel in self.panels)
        return listed_json(ListedFigure(self.figure, ids, with_scale))

    def __repr__(self) -> str:
        return f"<{self.id}: {self.label or 'figure'}, {self.figure.width} × {self.figure.height} px>"

    def _repr_html_(self) -> str:
        from mirsearch.facade.pictures import figure_html
        from mirsearch.report.overlay import draw_overlay

        pixels = self.pixels()
        drawing = None if pixels is None else draw_overlay(pixels, [panel.panel for panel in self.panels])
        return figure_html(self.figure, drawing, [(panel.stored, panel.thumbnail) for panel in self.panels])


def panel_names(marked: Words | CorpusPanel | Sequence[CorpusPanel]) -> tuple[str, ...]:
    """Return the names of marked panels."""
    panels = [marked] if isinstance(marked, str | CorpusPanel) else (marked or ())
    return tuple(panel.id if isinstance(panel, CorpusPanel) else panel for panel in panels)
