"""Few hits of one article, articles and scores that are left out, several images, and names instead of ids."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from mirsearch import settings
from mirsearch.corpus import Figure, Origin, Panel, figure_id, panel_ids
from mirsearch.errors import NotFoundError, UsageError
from mirsearch.extractors.base import Extractor
from mirsearch.imaging.images import content_hash
from mirsearch.indexes import open_index
from mirsearch.indexes.base import FigureRecord, Index
from mirsearch.report.page import page_html
from mirsearch.report.sentences import folded_note, others_sentence, query_sentence
from mirsearch.search.answer import Answer, answer_json
from mirsearch.search.naming import named_panel, named_panels
from mirsearch.search.query_image import ImageQuestion
from mirsearch.search.scale_options import ScaleOptions
from mirsearch.search.search import Question, ask
from tests.cli.test_end_to_end import BACKENDS, new_location
from tests.support import index_records

TARGET, SIDE, OTHER = index_records.vectors(1, 1)[0], index_records.vectors(2, 1)[0], index_records.vectors(3, 1)[0]
BY_ARTICLE = {1: [0.1, 0.2, 0.3, 0.4, 0.9], 2: [0.35, 0.5], None: [0.25, 0.45, 0.6]}
"""The distances of the panels of each article from TARGET; each panel is a figure of its own."""


def toward(vector: np.ndarray, distance: float) -> np.ndarray:
    moved = vector + distance * SIDE
    return moved / np.linalg.norm(moved)


def figure_record(number: int, article: int | None, vector: np.ndarray, location: str, content: str) -> FigureRecord:
    figure = Figure(
        figure_id(content), 100, 80, f"Figure {number}", "grains",
        index_records.article(article) if article else None, (Origin("folder", location),),
    )  # fmt: skip
    panel = Panel((0, 0, 100, 80), kind="micrograph", caption="grains", figure_id=figure.id)
    named = dataclasses.replace(panel, id=panel_ids(figure.id, [panel])[0])
    return FigureRecord(figure, (named,), vector[None].astype(np.float32), (b"",))


@pytest.fixture(scope="module")
def picture(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An image file that is a figure of article 1."""
    path = tmp_path_factory.mktemp("query") / "own.png"
    Image.fromarray(np.random.default_rng(5).integers(0, 255, (80, 100, 3), dtype=np.uint8)).save(path)
    return path


@pytest.fixture(scope="module", params=BACKENDS)
def index(request: pytest.FixtureRequest, picture: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Index]:
    """Ten figures: five of article 1, two of article 2, three of none; and the query's own, of article 1."""
    opened = open_index(new_location(request.param, request, tmp_path_factory), create=index_records.IDENTITY)
    number = 0
    with opened.writer() as writer:
        for article, distances in BY_ARTICLE.items():
            for distance in distances:
                number += 1
                where = f"/corpus/{article}/fig_{number}.png"
                writer.put(figure_record(number, article, toward(TARGET, distance), where, f"{number:02d}" * 8))
        writer.put(figure_record(90, 1, toward(TARGET, 3.0), str(picture), content_hash(picture)))
        writer.put(figure_record(91, 3, OTHER, "/corpus/3/fig_1.png", "ab" * 8))
    yield opened
    opened.close()


class _Fixed:
    """An extractor that knows each image's vector by its first pixel."""

    name, version, dims = dataclasses.astuple(index_records.IDENTITY)

    def __init__(self, *vectors: np.ndarray) -> None:
        self._vectors = vectors

    def embed(self, images: list[np.ndarray]) -> np.ndarray:
        return np.stack(self._vectors[: len(images)]).astype(np.float32)


def asked(index: Index, vector: np.ndarray = TARGET, images: tuple[ImageQuestion, ...] = (), **question: Any) -> Answer:
    extractor: Any = _Fixed(vector, OTHER)

    def load() -> Extractor:
        return extractor

    return ask(index, Question(images[0], more_images=images[1:], **question), load)


def image_question(path: Path, **changes: Any) -> ImageQuestion:
    parts: Any = None
    return ImageQuestion(path, parts, parts, crop=(0, 0, 100, 80), scale=ScaleOptions(read=False), **changes)


@pytest.fixture
def asks(index: Index, picture: Path) -> Any:
    return lambda **question: asked(index, images=(image_question(picture),), use_scale=False, **question)


def numbers(answer: Answer) -> list[int]:
    return [int((hit.stored.figure.label or "0").rpartition(" ")[2]) for hit in answer.hits]


def test_few_hits_of_an_article_are_told_and_the_others_counted(asks: Any) -> None:
    assert numbers(asks(top=10)) == [1, 2, 8, 3, 6, 4, 9, 7, 10, 5]
    answer = asks(top=7, per_article=2)
    assert numbers(answer) == [1, 2, 8, 6, 9, 7, 10]  # no article, no limit
    assert [hit.rank for hit in answer.hits] == [1, 2, 3, 4, 5, 6, 7]
    assert [len(hit.others) for hit in answer.hits] == [0, 2, 0, 0, 0, 0, 0]  # figure 5 ranks after the last hit
    assert others_sentence(answer.hits[1]) == "and 2 more of this article"
    assert "at most 2 of an article" in folded_note(answer)
    told = answer_json(answer)["hits"]
    assert [len(hit["more_of_article"]) for hit in told] == [0, 2, 0, 0, 0, 0, 0]
    assert told[1]["more_of_article"][0]["score"] > told[1]["more_of_article"][1]["score"]
    assert "and 2 more of this article" in page_html([answer])
    assert numbers(asks(top=3, per_article=1)) == [1, 8, 6]


def test_more_panels_are_asked_for_until_enough_articles_are_found(index: Index, picture: Path) -> None:
    answer = asked(index, images=(image_question(picture),), use_scale=False, top=12, per_article=1)
    assert numbers(answer) == [1, 8, 6, 9, 10, 91]
    assert sum(len(hit.others) for hit in answer.hits) == 6


def test_articles_are_left_out_by_name_and_that_of_the_image(asks: Any) -> None:
    answer = asks(not_articles=("10.1000/A2",))
    assert 6 not in numbers(answer)
    assert 7 not in numbers(answer)
    assert "without doi:10.1000/a2" in query_sentence(answer.query)
    assert numbers(asks(not_articles=("own",), top=4)) == [8, 6, 9, 7]
    unknown = asks(not_articles=("10.1/none",))
    assert len(unknown.hits) == 10
    assert "no article 10.1/none" in " ".join(unknown.notes)


def test_the_article_of_an_indexed_panel_can_be_left_out(index: Index) -> None:
    like = named_panel(index, "fig_6.png").panel.id
    question = Question(like=like, not_articles=("own",), use_scale=False, top=3)

    def no_extractor() -> Extractor:
        raise AssertionError

    answer = ask(index, question, no_extractor)
    assert 7 not in numbers(answer)
    assert numbers(answer) == [4, 3, 9]


def test_low_scores_are_left_out(asks: Any) -> None:
    whole = asks(top=10)
    least = (whole.hits[3].scored.score + whole.hits[4].scored.score) / 2
    assert len(asks(top=10, min_score=least).hits) == 4
    none = asks(top=10, min_score=1.0)
    assert none.hits == ()
    assert f"the best has {whole.hits[0].scored.score:.3f}" in " ".join(none.notes)
    with pytest.raises(UsageError, match="between 0 and 1"):
        asks(min_score=1.5)


def test_several_images_are_asked_with_as_their_mean(index: Index, picture: Path) -> None:
    images = (image_question(picture), image_question(picture, shown="https://example.org/b.png"))
    answer = asked(index, images=images, use_scale=False, top=12)
    vectors = {hit.stored.panel.id: index.vector(hit.stored.panel.id) for hit in answer.hits}
    mean = (TARGET + OTHER) / np.linalg.norm(TARGET + OTHER)
    for hit in answer.hits:
        assert hit.scored.visual_distance == pytest.approx(1 - vectors[hit.stored.panel.id] @ mean, abs=2e-3)
    by_both = sorted(vectors, key=lambda panel: 2 - vectors[panel] @ TARGET - vectors[panel] @ OTHER)
    assert [hit.stored.panel.id for hit in answer.hits] == by_both
    assert [image["image"] for image in answer_json(answer)["query"]["images"]] == [
        str(picture), "https://example.org/b.png",
    ]  # fmt: skip
    assert "Looks like own.png and b.png" in query_sentence(answer.query)
    assert page_html([answer]).count("Query picture") == 2
    with pytest.raises(UsageError, match="nothing in common"):
        asked(index, vector=-OTHER, images=images)
    with pytest.raises(UsageError, match="too many"):
        asked(index, images=images * settings.LIMITS.query_images)


def test_the_views_of_several_images_are_averaged(index: Index, picture: Path) -> None:
    def image(nm_per_px: float | None) -> ImageQuestion:
        scale = ScaleOptions(nm_per_px=nm_per_px) if nm_per_px else ScaleOptions(read=False)
        return dataclasses.replace(image_question(picture), scale=scale)

    answer = asked(index, images=(image(1.0), image(4.0)))
    assert answer.query.field_of_view_nm == pytest.approx(200)  # of 100 and 400 nm
    assert not any("fields of view" in note for note in answer.notes)
    wide = asked(index, images=(image(1.0), image(100.0)))
    assert "100 nm to 10 µm" in " ".join(wide.notes)
    half = asked(index, images=(image(1.0), image(None)))
    assert half.query.field_of_view_nm == pytest.approx(100)
    assert "1 of the 2 images is not known" in " ".join(half.notes)


def test_files_and_articles_are_named_as_people_name_them(
    index: Index, picture: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    one = named_panel(index, "/corpus/2/fig_7.png")
    assert one.figure.label == "Figure 7"
    assert named_panel(index, "fig_7.png") == one
    assert named_panel(index, one.panel.id) == one
    assert named_panel(index, str(picture)).figure.label == "Figure 90"
    assert {stored.figure.label for stored in named_panels(index, "10.1000/a2")} == {"Figure 6", "Figure 7"}
    assert named_panel(index, "3/fig_1.png").figure.label == "Figure 91"
    assert named_panel(index, f"{picture.parent}/../{picture.parent.name}/own.png").figure.label == "Figure 90"
    monkeypatch.chdir(picture.parent)
    assert named_panel(index, "./own.png").figure.label == "Figure 90"
    with pytest.raises(UsageError, match="2 panels") as several:
        named_panel(index, "fig_1.png")  # in two folders
    assert all(stored.panel.id in several.value.remedy for stored in named_panels(index, "fig_1.png"))
    for wrong in ("fig_.png", "ig_7.png", "*.png", "fig?7.png", "nothing", "a\0b", "", ".", "..", "/", "\udcff.png"):
        with pytest.raises(NotFoundError):
            named_panels(index, wrong)
