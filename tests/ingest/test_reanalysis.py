"""Reading again what sources gave, and indexes that earlier versions index_records."""

from __future__ import annotations

import json
import sqlite3
import uuid
from contextlib import closing
from pathlib import Path

import pytest

from mirsearch.corpus import Figure, Origin, figure_id
from mirsearch.imaging.images import content_hash
from mirsearch.indexes.embedded.database import checksums
from mirsearch.indexes.embedded.database.access import DATABASE
from mirsearch.readers.originals import find_original
from tests.cli.test_end_to_end import BACKENDS, new_location
from tests.sources.test_exsclaim import NAME, entry, save
from tests.support.cli_runner import run


def rows_of(index: object) -> list[dict]:
    return [json.loads(line) for line in run("export", "--vectors", "--index", index).out.splitlines()]


def take_given(tmp_path: Path, index: object) -> None:
    """A figure whose panels its source gave, into an index."""
    save(tmp_path / "found", {NAME: entry()})
    run("ingest", tmp_path / "found" / "exsclaim.json", "--index", index)


@pytest.fixture
def given(tmp_path: Path) -> Path:
    """An embedded index with a figure whose panels its source gave."""
    take_given(tmp_path, tmp_path / "index")
    return tmp_path / "index"


@pytest.mark.parametrize("backend", BACKENDS)
def test_panels_that_a_source_gave_stay_as_given(
    backend: str, request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, tmp_path: Path
) -> None:
    given = new_location(backend, request, tmp_path_factory)
    take_given(tmp_path, given)
    before = rows_of(given)
    assert [row["label"] for row in before] == ["a", "b"]
    assert before[0]["scale"]["nm_per_px"] == 5
    done = run("reanalyze", "--all", "--force", "--index", given, "--format", "json").json()
    assert (done["figures"]["reanalyzed"], done["panels"]["embedded"]) == (1, 0)
    assert rows_of(given) == before


def test_panels_given_to_an_index_that_did_not_note_so_are_left_alone(given: Path) -> None:
    before = rows_of(given)
    with closing(sqlite3.connect(given / DATABASE)) as connection, connection:
        checksums.register(connection)
        connection.execute("UPDATE figures SET analysis = NULL, given = NULL")
        checksums.seal_figures(connection, [key for (key,) in connection.execute("SELECT key FROM figures")])
    result = run("reanalyze", "--all", "--index", given, code=1)
    assert before[0]["figure"] in result.err
    assert "ingest it again" in result.err
    assert rows_of(given) == before


def test_the_newest_place_that_still_holds_the_figure_is_taken(tmp_path: Path) -> None:
    places = [tmp_path / name for name in ("a.png", "b.png", "c.png")]
    for place in places:
        place.write_bytes(b"the figure")
    origins = (Origin("url", "https://example.org/a.png"), *(Origin("folder", str(place)) for place in places))
    figure = Figure(figure_id(content_hash(places[0])), 1, 1, origins=origins)
    assert find_original(figure) == (str(places[2]), "same")
    places[2].write_bytes(b"another")
    assert find_original(figure) == (str(places[1]), "same")
    places[1].unlink()
    places[0].unlink()
    assert find_original(figure) == (None, "changed")
    places[2].unlink()
    assert find_original(figure) == (None, "missing")


def test_an_index_of_an_earlier_mapping_takes_corrections(es_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    from mirsearch.indexes import open_index
    from mirsearch.indexes.elasticsearch import admin, mapping
    from mirsearch.ingest.correcting import correct_panel
    from mirsearch.query import Filters, SearchRequest
    from mirsearch.search.scale_options import ScaleOptions
    from tests.support import index_records

    location = f"{es_url}/earlier-{uuid.uuid4().hex[:12]}"
    present = mapping.component_templates

    def earlier(dims: int, version: tuple[int, int]) -> dict:
        templates = present(dims, version)
        fields = templates["mirsearch-panels"]["template"]["mappings"]["properties"]
        for name in ("analysis", "given", "corrections", "corrected", "doubtful_scale", "lone_bar"):
            del fields[name]
        for name in ("part", "group", "heading", "inset_of"):
            del fields["panel"]["properties"][name]
        for name in ("doubtful", "doubtful_field_of_view_nm", "doubtful_log10_field_of_view", "lone_bar"):
            del fields["scale"]["properties"][name]
        return templates

    try:
        with monkeypatch.context() as patch:
            patch.setattr(mapping, "component_templates", earlier)
            admin.create_index(location, index_records.IDENTITY)
        admin.create_index(location, index_records.IDENTITY)  # the templates, which others share, as they are now
        record = index_records.record(1)
        with open_index(location) as index:
            everything = Filters(doubtful=True)  # a search knows no field that the mapping lacks
            assert index.search(SearchRequest(record.vectors[0], 1e3, filters=everything)).panels == []
            assert list(index.select_panels(Filters(has_scale=True, fov_min_nm=1.0, doubtful=True))) == []
            assert (index.stats()["with_doubtful_scale"], index.stats()["with_lone_bar"]) == (0, 0)
            with index.writer() as writer:
                writer.put(record)
            shown = correct_panel(index, record.panels[0].id, {"label": "q"}, ScaleOptions(nm_per_px=8.0))
            assert shown.corrected_fields == ("label", "scale")
            assert [each.corrected_fields for each in index.figure_panels(record.figure.id)] == [("label", "scale"), ()]
    finally:
        admin.drop_index(location)
