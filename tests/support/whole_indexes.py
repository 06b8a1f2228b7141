"""Indexes with everything that an index can have, and what two of them have in common."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np

from mirsearch.corpus import Origin, ScaleReading, to_json
from mirsearch.corrections import Correction
from mirsearch.indexes.base import Failure, Index
from mirsearch.query import Filters, SearchRequest
from mirsearch.search.answer import stored_json
from tests.support.index_records import IDENTITY, record, vectors

FIGURES = 30


def fill(index: Index, folder: Path, figures: int = FIGURES, first: int = 0) -> None:
    """Write figures with files, corrections, failures and lists. Every fifth has a picture inside the index."""
    own = Path(index.location) / "acquired" / "figures" if "://" not in index.location else None
    with index.writer() as writer:
        for number in range(first, first + figures):
            place = folder / f"{number}.png"
            origins = [Origin("folder", str(place), "2026-01-01T00:00:00Z")]
            if own is not None and number % 5 == 0:
                own.mkdir(parents=True, exist_ok=True)
                (own / f"{number}.png").write_bytes(b"picture %d" % number)
                origins.append(Origin("file", str(own / f"{number}.png")))
            made = record(number, panels=1 + number % 3)
            corrections = (correction(made.panels[0], number),) if number % 4 == 0 else ()
            figure = {"origins": tuple(origins), "mentions": (f"Fig. {number} shows it.",)}
            changes = {"analysis_version": "7", "corrections": corrections, "source_panels": made.panels[:1]}
            writer.put(_replaced(made, figure, changes))
            if number % 10 == 9:
                writer.commit()
        writer.record_failures([Failure(f"/data/bad{first}.png", "read", "no image", "2026-02-03T04:05:06+00:00")])
        writer.write_entries("deleted", {f"gone{first}": {"when": "2026"}})
        writer.keep_corrections(f"{first:016d}", (correction(record(first).panels[0], 1),))


def _replaced(made: Any, figure: dict[str, Any], changes: dict[str, Any]) -> Any:
    import dataclasses

    return dataclasses.replace(made, figure=dataclasses.replace(made.figure, **figure), **changes)


def correction(panel: Any, number: int) -> Correction:
    scale = to_json(ScaleReading(2.5 + number, source="user"))
    return Correction(panel.box, panel.label, {"kind": "map", "scale": scale}, part=panel.part)


def contents(index: Index) -> dict[str, Any]:
    """All that an index has, but vectors; places inside it are relative."""
    with index.snapshot() as snapshot:
        kept = {name: [to_json(each) for each in value] for name, value in snapshot.kept_corrections()}
        entries, failures = snapshot.entries(), [to_json(each) for each in snapshot.failures()]
    panels = [stored_json(stored) for stored in index.select_panels(Filters())]
    notes = index.figure_notes(list(dict.fromkeys(panel["figure"] for panel in panels)))
    told = {
        "panels": panels, "failures": failures, "entries": entries, "kept": kept,
        "notes": {name: [note.analysis_version, [to_json(each) for each in note.source_panels],
                         [to_json(each) for each in note.corrections]] for name, note in sorted(notes.items())},
        "thumbnails": {panel["id"]: (index.thumbnail(panel["id"]) or b"").decode("latin-1") for panel in panels},
    }  # fmt: skip
    from mirsearch.indexes.own_files import own_files

    root = str(own_files(index.location).root)
    root = root if "://" not in index.location else root.removesuffix("/acquired")
    text = (
        json.dumps(told)
        .replace(json.dumps(root)[1:-1] + "/acquired", "INSIDE")
        .replace(json.dumps(root)[1:-1], "INSIDE")
    )
    plain: dict[str, Any] = json.loads(text)
    return plain


def answers(index: Index, text: bool) -> list[tuple[str, float]]:
    """Ids and scores of a few questions."""
    found = []
    for number in range(8):
        words = "gold nanotubes" if text and number % 2 else None
        request = SearchRequest(vectors(number, 1)[0], 1000.0 if number % 3 else None, words, top=8)
        found += [(panel.panel_id, panel.score) for panel in index.search(request).panels]
    return found


def assert_same_answers(one: Index, other: Index, *, text: bool, tolerance: float) -> None:
    first, second = answers(one, text), answers(other, text)
    assert [name for name, _ in first] == [name for name, _ in second]
    assert np.allclose([score for _, score in first], [score for _, score in second], atol=tolerance, rtol=0)


__all__ = ["FIGURES", "IDENTITY", "answers", "assert_same_answers", "contents", "correction", "fill"]
