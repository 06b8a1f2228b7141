"""The page of a panel's picture elsewhere: the panels of other figures that show the same picture."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass

from mirsearch.errors import NotFoundError
from mirsearch.query import StoredPanel
from mirsearch.report.reuse_page import PairView, pair_view
from mirsearch.report.reuse_table import held_off_sentence
from mirsearch.report.wording import clean_text, figure_name
from mirsearch.reuse.query import asked_panel, find_query_reuse
from mirsearch.reuse.shared_pictures import SharedPicture
from mirsearch.web.addresses import SHARP_SIDE, figure_address, panel_address
from mirsearch.web.fields import SearchFields
from mirsearch.web.rendering import render
from mirsearch.web.site import Site
from mirsearch.web.state import PageState


@dataclass(frozen=True, slots=True)
class ElsewhereView:
    """What the page shows. `back` leads to the panel's figure, `like` to panels that only look alike."""

    name: str
    outcome: str
    note: str
    pairs: tuple[PairView, ...]
    back: str
    like: str


def elsewhere_page(site: Site, panel_id: str) -> str:
    """Return the page. NotFoundError for an id that is none, UsageError for a picture with too little to compare."""
    index = site.corpus.index
    asked = next(iter(index.panels([panel_id])), None)
    if asked is None:
        raise NotFoundError(f"no panel {panel_id!r} in the index", "search for it, or for its figure")
    pixels, name, own = asked_panel(index, asked.panel.id)
    found = find_query_reuse(index, pixels, site.corpus.extractor, exclude=own, name=name)
    enlarged = asked.panel.width / pixels.shape[1]  # the small picture is compared where the file is gone
    pairs = tuple(
        pair_view(number, _beside(asked, pair, enlarged), _picture_of, page_of=figure_address)
        for number, pair in enumerate(found.pairs, start=1)
    )
    several = f"is shown {len(pairs)} more times in other figures"
    shown = {0: "is in no other figure", 1: "is shown once more, in another figure"}.get(len(pairs), several)
    view = ElsewhereView(
        clean_text(figure_name(asked.figure, asked.panel), 80),
        f"This picture {shown} of the corpus; the {found.compared} nearest panels were compared with it, also turned, "
        "mirrored, cut and with other contrast.",
        held_off_sentence(found),
        pairs,
        figure_address(asked),
        PageState(SearchFields(like=asked.panel.id)).address(),
    )
    return render("elsewhere.html", view=view)


def _beside(asked: StoredPanel, pair: SharedPicture, enlarged: float) -> SharedPicture:
    region = tuple((enlarged * x, enlarged * y) for x, y in pair.region_a)
    return dataclasses.replace(pair, a=asked, region_a=region)


def _picture_of(stored: StoredPanel) -> tuple[str, str]:
    return panel_address(stored.panel.id, SHARP_SIDE), ""
