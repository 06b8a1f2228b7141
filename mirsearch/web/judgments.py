"""Marks of a search as judgments for `mirsearch evaluate`: what was asked, and what a person found relevant."""

from __future__ import annotations

import io

from mirsearch.errors import UsageError
from mirsearch.report.csv_output import write_rows
from mirsearch.web.state import PageState
from mirsearch.web.uploads import Upload

_COLUMNS = ("id", "image", "like", "text", "relevant", "field_of_view")


def can_be_judged(state: PageState) -> bool:
    """Return whether a search asks with a picture or words and has panels that are marked as alike."""
    return bool((state.image or state.fields.like or state.fields.text) and state.fields.alike)


def judgments_csv(state: PageState, upload: Upload | None) -> str:
    """Return a csv table of one judged query: the panels that are marked as alike are relevant to it.

    An image has the name of its file: `evaluate` looks for it beside the table. Raises UsageError without such marks.
    """
    _check(state)
    fields = state.fields
    row = {
        "id": _name(state, upload), "image": upload.name if upload else None, "like": fields.like, "text": fields.text,
        "relevant": " ".join(fields.alike), "field_of_view": fields.field_of_view,
    }  # fmt: skip
    written = io.StringIO()
    write_rows([row], _COLUMNS, written)
    return written.getvalue()


def judgments_qrels(state: PageState, upload: Upload | None) -> str:
    """Return TREC qrels: panels that are marked as alike have grade 1, the others that are marked have 0.

    The query's name is the panel that was asked with; another question needs a table for `--queries`.
    """
    _check(state)
    query = _name(state, upload)
    graded = [*((panel, 1) for panel in state.fields.alike), *((panel, 0) for panel in state.fields.not_alike)]
    return "".join(f"{query} 0 {'_'.join(panel.split())} {grade}\n" for panel, grade in graded)


def _check(state: PageState) -> None:
    if not can_be_judged(state):
        raise UsageError("there is nothing to judge", "ask with a picture or words, and mark hits as alike")


def _name(state: PageState, upload: Upload | None) -> str:
    """Return a name of the query without blanks: qrels are separated by blanks."""
    parts = (state.fields.like, upload.name if upload else None, state.fields.text)
    return "_".join(" ".join(part for part in parts if part).split())[:200]
