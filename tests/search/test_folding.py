"""One picture, one hit: panels re-used in another figure of a paper, and pictures that only look alike."""

from __future__ import annotations

import csv
import dataclasses
import io
import itertools
from collections import defaultdict
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageDraw

from mirsearch.imaging import images
from mirsearch.indexes.embedded.index import EmbeddedIndex
from mirsearch.report.csv_output import answer_csv
from mirsearch.report.page import page_html
from mirsearch.report.sentences import repeats_sentence
from mirsearch.search import reuse
from mirsearch.search.answer import Hit, answer_json
from mirsearch.search.search import Question, ask
from tests.support import index_records
from tests.support.report_answers import make_answer


def noise_image(seed: int, width: int = 300, height: int = 240) -> np.ndarray:
    small = np.random.default_rng(seed).integers(20, 235, (height // 8, width // 8), dtype=np.uint8)
    picture = Image.fromarray(small).resize((width, height), Image.Resampling.BICUBIC)
    return np.asarray(picture.convert("RGB"))


def repeated_image(pixels: np.ndarray, seed: int = 0) -> np.ndarray:
    """The picture as another figure may show it: cut a little, of another size, lettered anew, saved as JPEG."""
    rng = np.random.default_rng(seed)
    picture = Image.fromarray(np.ascontiguousarray(pixels))
    width, height = picture.size
    picture = picture.crop((int(width * rng.uniform(0, 0.015)), int(height * rng.uniform(0, 0.015)), width, height))
    factor = rng.uniform(0.5, 1.2)
    picture = picture.resize((max(40, int(picture.width * factor)), max(40, int(picture.height * factor))))
    draw, side = ImageDraw.Draw(picture), max(8, picture.width // 9)
    draw.rectangle((0, 0, side, side), fill="white")
    draw.line((2, 2, side - 2, side - 2), fill="black", width=2)
    draw.rectangle((picture.width * 0.6, picture.height * 0.9, picture.width * 0.95, picture.height * 0.93), "black")
    data = io.BytesIO()
    picture.save(data, "JPEG", quality=60)
    return np.asarray(Image.open(data).convert("RGB"))


def is_same(one: np.ndarray, other: np.ndarray) -> bool:
    return reuse.is_same_picture(images.thumbnail(one), images.thumbnail(other))


def test_a_picture_lettered_anew_is_the_same_and_another_is_not():
    pictures = [noise_image(seed) for seed in range(12)]
    assert all(is_same(each, repeated_image(each, seed)) for seed, each in enumerate(pictures))
    assert not any(is_same(one, other) for one, other in itertools.combinations(pictures, 2))
    assert not is_same(pictures[0], pictures[0][:, ::-1])


def test_uniform_and_damaged_pictures_are_never_the_same():
    even = np.full((240, 300, 3), 128, np.uint8)
    assert not is_same(even, even)
    assert not reuse.is_same_picture(b"", b"")
    assert not reuse.is_same_picture(b"no JPEG", images.thumbnail(noise_image(1)))
    assert not is_same(noise_image(1), noise_image(1)[:, :150])


@pytest.mark.data
def test_panels_of_real_articles(shared_data):
    panels = defaultdict(list)
    with (shared_data / "panel_truth.csv").open(encoding="utf-8") as stream:
        for row in csv.DictReader(stream):
            if row["kind"] == "micrograph":
                box = tuple(int(row[name]) for name in ("x0", "y0", "x1", "y1"))
                panels[Path(row["file"])].append(box)
    crops = defaultdict(list)
    for file, boxes in panels.items():
        pixels = images.open_picture(shared_data / file).pixels
        crops[file.parent.name] += [(file, images.crop(pixels, box)) for box in boxes]
    pairs = [(one, other) for each in crops.values() for one, other in itertools.combinations(each, 2)]
    assert len(pairs) > 100
    assert not any(is_same(one[1], other[1]) for one, other in pairs)
    every = [crop for each in crops.values() for _, crop in each]
    found = sum(is_same(crop, repeated_image(crop, seed)) for seed, crop in enumerate(every))
    assert found >= 0.9 * len(every)


# answers


@pytest.fixture
def index(tmp_path):
    """Figures 0 and 1 of one article show picture 1 (as panel a and b); figure 2 too, but of another article."""
    article, other = index_records.article(1), index_records.article(2)
    drawn = noise_image(1)
    shown = {0: (article, [drawn]), 1: (article, [repeated_image(drawn), noise_image(2)]), 2: (other, [drawn]),
             3: (article, [noise_image(3)])}  # fmt: skip
    with EmbeddedIndex.open(str(tmp_path / "i"), create=index_records.IDENTITY) as opened:
        with opened.writer() as writer:
            for number, (paper, pictures) in shown.items():
                writer.put(record(number, paper, pictures))
        yield opened


def record(number: int, article, pictures):
    record = index_records.record(number, panels=len(pictures), article=article)
    panels = tuple(
        dataclasses.replace(panel, kind="micrograph", box=(0, 0, pixels.shape[1], pixels.shape[0]),
                            caption="nanotubes on a grid")
        for panel, pixels in zip(record.panels, pictures, strict=True)
    )  # fmt: skip
    vectors = np.stack([index_records.vectors(1, 500)[0] for _ in pictures])  # the pictures decide here
    small = tuple(images.thumbnail(pixels) for pixels in pictures)
    return dataclasses.replace(record, panels=panels, vectors=vectors, thumbnails=small)


def no_extractor():
    raise AssertionError("words need no extractor")


def test_a_picture_shown_twice_is_one_hit(index):
    answer = ask(index, Question(text="nanotubes", top=10), no_extractor)
    hits = {hit.stored.panel.id: hit for hit in answer.hits}
    assert [hit.rank for hit in answer.hits] == list(range(1, len(hits) + 1))
    assert len(hits) == 4  # five panels, of which two are one picture in one article
    folded = [hit for hit in answer.hits if hit.repeats]
    assert len(folded) == 1
    ids = {folded[0].stored.figure.id, folded[0].repeats[0].figure.id}
    assert ids == {index_records.record(number).figure.id for number in (0, 1)}


def test_folded_hits_make_room_for_others(index):
    for top in (1, 2, 3, 4):
        assert len(ask(index, Question(text="nanotubes", top=top), no_extractor).hits) == top


def test_every_format_lists_repeats():
    answer = make_answer(count=4)
    first, second = answer.hits[0], answer.hits[1]
    hit = dataclasses.replace(first, repeats=(second.stored,))
    answer = dataclasses.replace(answer, hits=(hit, *answer.hits[2:]))
    place = repeats_sentence(hit)
    assert place == "also in Fig. " + str(second.stored.figure.label).split()[1] + str(second.stored.panel.label)
    assert answer_json(answer)["hits"][0]["also"] == [{
        "id": second.stored.panel.id, "figure": second.stored.figure.id,
        "figure_label": second.stored.figure.label, "panel": second.stored.panel.label,
    }]  # fmt: skip
    assert answer_json(answer)["hits"][1]["also"] == []
    assert second.stored.panel.id in answer_csv(answer).splitlines()[1]
    assert place in page_html([answer])
    assert isinstance(hit, Hit)
