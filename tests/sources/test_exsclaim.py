"""An exsclaim.json of either version: panels, captions and scales are kept; damaged ones are refused by name."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from mirsearch.errors import SourceError
from mirsearch.settings import Limits
from mirsearch.sources.base import FoundFigure, SourceFailure, SourceRequest
from mirsearch.sources.exsclaim.source import ExsclaimSource, read_exsclaim


def corners(x0: float, y0: float, x1: float, y1: float) -> list[dict[str, float]]:
    """A box as version 0.1 writes it: corners, in no order to rely on."""
    return [{"x": x1, "y": y0}, {"x": x0, "y": y0}, {"x": x0, "y": y1}, {"x": x1, "y": y1}]


def box(x0: float, y0: float, x1: float, y1: float) -> dict[str, float]:
    """A box as version 2 writes it."""
    return {"x0": x0, "y0": y0, "x1": x1, "y1": y1}


def entry(version: int = 1, **changes: Any) -> dict[str, Any]:
    """A figure with a micrograph (a) that has a bar, and a graph (b)."""
    shape = corners if version == 1 else box
    bar = {
        "label": {"text": "200.0 nm", "nm": 200.0, "label_confidence": 0.5, "geometry": shape(20, 80, 60, 88)},
        "geometry": shape(20, 90, 60, 94), "confidence": 0.8, "length": 40, "label_line_distance": 3.0,
    }  # fmt: skip
    first = {
        "classification": "microscopy", "confidence": 0.1, "height": 100.2, "width": 99.9,
        **({"classification_confidence": 0.9} if version == 2 else {}), "geometry": shape(0, 0, 100, 100),
        "subfigure_label": {"text": "a", "geometry": shape(0, 0, 9, 9)}, "scale_bars": [bar],
        "caption": ["SEM of rods.", "SEM of rods.", "Bar 200 nm."], "keywords": [], "general": [],
    }  # fmt: skip
    second = {**first, "classification": "graph", "geometry": shape(100, 0, 210, 100), "scale_bars": [],
              "subfigure_label": {"text": "(b)", "geometry": shape(0, 0, 9, 9)},
              "caption": [{"text": "Counts."}]}  # fmt: skip
    return {
        "title": "On rods | Nature Communications", "article_url": "https://www.nature.com/articles/s41467-018-1",
        "article_name": "s41467-018-1", "full_caption": "Rods. (a) SEM. (b) Counts. Reproduced with permission from X.",
        "figure_name": "s41467-018-1_fig2.png", "figure_path": "run/figures/s41467-018-1_fig2.png", "open": True,
        "image_url": "https://example.org/x.png", "license": "http://creativecommons.org/licenses/by/4.0/",
        "caption_delimiter": "alpha", "master_images": [first, second], "unassigned": {}, **changes,
    }  # fmt: skip


NAME = "s41467-018-1_fig2.png"


def save(folder: Path, content: Any, where: str = "", name: str = "exsclaim.json") -> Path:
    (folder / where).mkdir(parents=True, exist_ok=True)
    Image.new("L", (200, 100)).save(folder / where / NAME)
    (folder / name).write_text(content if isinstance(content, str) else json.dumps(content))
    return folder / name


def find(*paths: Path) -> tuple[list[FoundFigure], list[SourceFailure]]:
    found = list(ExsclaimSource().find_figures(SourceRequest(paths)))
    return [each for each in found if isinstance(each, FoundFigure)], [
        each for each in found if isinstance(each, SourceFailure)
    ]


@pytest.mark.parametrize("version", [1, 2])
@pytest.mark.parametrize("envelope", ["plain", "results", "list"])
def test_both_versions_keep_panels_captions_and_scales(tmp_path: Path, version: int, envelope: str) -> None:
    content: Any = {NAME: entry(version)}
    if envelope == "results":
        content = {"version": "1.0", "results": content}
    elif envelope == "list":
        content = list(content.values())
    save(tmp_path, content)
    (figure,), failures = find(tmp_path)
    assert failures == []
    assert figure.path == (tmp_path / NAME).resolve()
    assert (figure.label, figure.origin.source) == ("Figure 2", "exsclaim")
    assert figure.caption.startswith("Rods. (a) SEM.")
    assert figure.permission_note == "Reproduced with permission from X"
    article = figure.article
    assert article is not None
    assert (article.id, article.title, article.journal) == (
        "doi:10.1038/s41467-018-1",
        "On rods",
        "Nature Communications",
    )
    assert (article.license, article.url) == ("CC BY 4.0", "https://www.nature.com/articles/s41467-018-1")
    assert figure.panels is not None
    first, second = figure.panels
    assert (first.label, first.kind, first.box) == ("a", "micrograph", (0, 0, 100, 100))
    assert first.kind_confidence == (0.9 if version == 2 else 0.0)
    assert first.caption == "SEM of rods. Bar 200 nm."
    scale = first.scale
    assert scale is not None
    assert (scale.nm_per_px, scale.length_nm, scale.length_px, scale.bar) == (5.0, 200.0, 40.0, (20, 90, 60, 94))
    assert (scale.label_text, scale.source, scale.confidence) == ("200.0 nm", "label", pytest.approx(0.4))
    assert (second.label, second.kind, second.caption, second.scale) == ("b", "plot", "Counts.", None)
    assert second.box == (100, 0, 200, 100), "cut to the picture"


@pytest.mark.parametrize("where", ["", "figures", "images", "run/figures"])
def test_where_the_images_may_lie(tmp_path: Path, where: str) -> None:
    save(tmp_path, {NAME: entry()}, where)
    (figure,), failures = find(tmp_path)
    assert figure.path == (tmp_path / where / NAME).resolve()
    assert failures == []


@pytest.mark.parametrize("path", ["../out/x.png", "a/../../x.png", "..\\x.png"])
def test_paths_that_climb_out_are_refused(tmp_path: Path, path: str) -> None:
    save(tmp_path / "in", {NAME: entry(figure_path=path)})
    (tmp_path / "out").mkdir()
    Image.new("L", (4, 4)).save(tmp_path / "out" / "x.png")
    figures, (failure, note) = find(tmp_path / "in")
    assert figures == []
    assert "leads out of the folder" in failure.reason
    assert note.is_note


def test_an_absolute_path_finds_only_what_lies_beside(tmp_path: Path) -> None:
    Image.new("L", (4, 4)).save(tmp_path / "secret.png")
    content = {"secret.png": entry(figure_path=str(tmp_path / "secret.png"), figure_name="secret.png")}
    path = save(tmp_path / "in", {**content, NAME: entry(figure_path=f"/somewhere/else/{NAME}")})
    figures, (failure,) = find(path)
    assert [figure.path.name for figure in figures] == [NAME]
    assert "secret.png" in failure.location


def test_classes_and_missing_parts(tmp_path: Path) -> None:
    names = {"microscopy": "micrograph", "Diffraction": "diffraction", "illustration": "schematic",
             "basic_photo": "photo",
             "Basic Photo": "photo", "parent": "unknown", "unclear": "unknown", "": "unknown"}  # fmt: skip
    images = [{"classification": name, "geometry": box(0, 0, 50, 50)} for name in names]
    save(tmp_path, {NAME: entry(master_images=images)})
    (figure,), failures = find(tmp_path)
    assert failures == []
    assert [panel.kind for panel in figure.panels or ()] == list(names.values())
    assert all(panel.label is None and panel.scale is None and panel.caption == "" for panel in figure.panels or ())
    save(tmp_path, {NAME: {"figure_name": NAME, "master_images": []}})
    (figure,), failures = find(tmp_path)
    assert (figure.panels, figure.article, failures) == (None, None, [])


@pytest.mark.parametrize(
    "bar",
    [{"label": None, "geometry": box(0, 0, 9, 9), "length": 9}, {"label": {"nm": 0}, "length": 9},
     {"label": {"nm": 100.0}, "length": 0}, {"label": {"nm": -5}, "length": 9}, {"label": {"nm": "100"}, "length": 9},
     {"label": {"nm": 1e300}, "length": 1e-9}, {"label": {"nm": True}, "length": 9}],
)  # fmt: skip
def test_bars_that_tell_no_scale(tmp_path: Path, bar: dict[str, Any]) -> None:
    images = [{**entry()["master_images"][0], "scale_bars": [bar]}]
    save(tmp_path, {NAME: entry(master_images=images)})
    (figure,), failures = find(tmp_path)
    assert failures == []
    assert figure.panels is not None
    assert figure.panels[0].scale is None


def test_the_surest_bar_counts_and_its_length_may_come_from_its_box(tmp_path: Path) -> None:
    sure = {"label": {"nm": 100.0, "label_confidence": 0.9}, "geometry": box(0, 0, 50, 4), "confidence": 0.9}
    images = [{**entry()["master_images"][0]}]
    images[0]["scale_bars"] = [*images[0]["scale_bars"], sure]
    save(tmp_path, {NAME: entry(master_images=images)})
    (figure,), _ = find(tmp_path)
    assert figure.panels is not None
    assert figure.panels[0].scale is not None
    assert (figure.panels[0].scale.nm_per_px, figure.panels[0].scale.length_px) == (2.0, 50.0)


@pytest.mark.parametrize(
    ("images", "message"),
    [("none", "master_images is not a list"), ([3], "master_images[0] is not an object"),
     ([{"geometry": "here"}], "master_images[0].geometry is no box"), ([{}], "master_images[0].geometry is no box"),
     ([{"geometry": [{"x": 1}]}], "master_images[0].geometry.y is no pixel position"),
     ([{"geometry": box(0, 0, 1e12, 5)}], "geometry.x1 is no pixel position"),
     ([{"geometry": box(0, 0, 9, 9), "scale_bars": 4}], "scale_bars is not a list"),
     ([{"geometry": box(0, 0, 9, 9), "scale_bars": [{"label": "200 nm"}]}], "scale_bars[0].label is not an object"),
     ([{"geometry": box(0, 0, 9, 9), "subfigure_label": {"text": 7}}], "subfigure_label.text is no text"),
     ([{"geometry": box(0, 0, 9, 9)}] * 500, "500 master_images are more than 400")],
)  # fmt: skip
def test_wrong_types_are_reported_and_the_figure_loses_its_panels(tmp_path: Path, images: Any, message: str) -> None:
    path = save(tmp_path, {NAME: entry(master_images=images)})
    (figure,), (failure,) = find(tmp_path)
    assert figure.panels is None
    assert figure.caption
    assert message in failure.reason
    assert str(path) in failure.location
    assert NAME in failure.location


@pytest.mark.parametrize(
    ("content", "message"),
    [(json.dumps({NAME: entry()})[:900], "truncated or not JSON"), ("", "truncated or not JSON"),
     ("[" * 100_000, "truncated or not JSON"), ("1" * 10_000, "JSON without figures by name"),
     ("7", "JSON without figures by name"),
     ('{"a": 1}', "no figure in it has 'master_images'"), ('{"results": 3}', "JSON without figures by name")],
    ids=["half", "empty", "deep", "long number", "number", "other", "results"],
)  # fmt: skip
def test_files_that_are_none_are_refused(tmp_path: Path, content: str, message: str) -> None:
    path = save(tmp_path, content)
    with pytest.raises(SourceError) as caught:
        find(path)
    assert message in caught.value.message
    assert "exsclaim.json" in caught.value.message
    assert "--source folder" in caught.value.remedy


def test_a_file_too_large(tmp_path: Path) -> None:
    path = save(tmp_path, {NAME: entry()})
    with pytest.raises(SourceError, match="more than 100 bytes"):
        read_exsclaim(path, Limits(json_bytes=100))


def test_one_bad_file_of_two_and_images_nobody_names(tmp_path: Path) -> None:
    save(tmp_path, {NAME: entry()}, name="good.json")
    (tmp_path / "half.json").write_text(json.dumps({NAME: entry()})[:-300])
    Image.new("L", (4, 4)).save(tmp_path / "other.png")
    figures, (bad, note) = find(tmp_path)
    assert [figure.path.name for figure in figures] == [NAME]
    assert bad.location.endswith("half.json")
    assert note.is_note
    assert note.reason.startswith("1 images below are not named")


def test_figures_without_images_are_reported_then_counted(tmp_path: Path) -> None:
    path = save(
        tmp_path, {**{f"f{n}.png": entry(figure_name=f"f{n}.png", figure_path="x") for n in range(30)}, NAME: entry()}
    )
    figures, failures = find(path)
    assert len(figures) == 1
    assert len(failures) == 21
    assert "no image with that name" in failures[0].reason
    assert "10 more figures" in failures[-1].reason


def test_recognizes_by_content(tmp_path: Path) -> None:
    source = ExsclaimSource()
    path = save(tmp_path / "a", {NAME: entry()}, name="run_010_output.json")
    other = save(tmp_path / "b", {"images": [], "annotations": []}, name="coco.json")
    assert source.recognizes(path)
    assert source.recognizes(path.parent)
    assert not source.recognizes(other)
    assert not source.recognizes(other.parent)


JSON = st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(
        ["geometry", "x", "y", "x0", "y0", "x1", "y1", "label", "text", "nm", "length", "scale_bars", "caption",
         "confidence", "classification", "subfigure_label"]), inner, max_size=5),
    max_leaves=25,
)  # fmt: skip


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(images=JSON | st.lists(JSON, max_size=3), title=JSON, cut=st.integers(0, 60))
def test_any_json_gives_figures_or_failures(tmp_path: Path, images: Any, title: Any, cut: int) -> None:
    text = json.dumps({NAME: entry(master_images=images, title=title, authors=title, license=title)})
    path = save(tmp_path, text[: len(text) - max(0, cut - 50)])
    try:
        figures, failures = find(path)
    except SourceError as error:
        figures, failures = [], [SourceFailure.from_error(path, error)]
    assert figures or failures
    for panel in (panel for figure in figures for panel in figure.panels or ()):
        x0, y0, x1, y1 = panel.box
        assert 0 <= x0 < x1 <= 200
        assert 0 <= y0 < y1 <= 100
        assert panel.scale is None or panel.scale.nm_per_px > 0


@pytest.mark.data
def test_a_real_output(shared_data: Path) -> None:
    figures, failures = find(shared_data / "articles" / "s41467-018-06211-3")
    assert failures == []
    assert len(figures) == 5
    assert sum(len(figure.panels or ()) for figure in figures) == 27
    assert all(figure.article and figure.article.doi == "10.1038/s41467-018-06211-3" for figure in figures)


@pytest.mark.data
def test_real_human_annotations_are_read(shared_data: Path) -> None:
    from mirsearch.sources.exsclaim.panels import parse_panels

    entries = read_exsclaim(shared_data / "exsclaim_annotations" / "scale_bars_dataset_train.json")
    panels = [panel for each in entries.values() for panel in parse_panels(each["master_images"][:400], None)]
    assert len(panels) > 5_000
    assert sum(panel.kind == "micrograph" for panel in panels) > 3_500
