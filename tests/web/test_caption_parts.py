"""Which words of a figure's caption speak of which panels."""

from __future__ import annotations

from mirsearch.analysis.captions.split import split_caption
from mirsearch.web.caption_parts import MAX_WORDS, caption_runs

CAPTION = "Silver. (a) TEM image of the seeds. (b, c) SEM images of long rods. (d) EDX map. Scale bars, 50 nm."


def runs_of(caption: str) -> list[tuple[str, tuple[int, ...]]]:
    split = split_caption(caption)
    return [(run.words, run.panels) for run in caption_runs(caption, [split.words_for(one) for one in split.labels])]


def test_words_belong_to_the_panels_that_they_speak_of():
    assert runs_of(CAPTION) == [
        ("Silver.", ()),
        ("(a) TEM image of the seeds.", (0,)),
        ("(b, c) SEM images of long rods.", (1, 2)),
        ("(d) EDX map.", (3,)),
        ("Scale bars, 50 nm.", ()),
    ]


def test_the_words_are_those_of_the_caption_in_order():
    for caption in (
        CAPTION,
        "SEM images of A (a), B (b) and C (c).\nBars: 1 µm in (a), 2 µm in (b).",
        "A) x. B) y. C) z.",
    ):
        assert " ".join(words for words, _ in runs_of(caption)) == " ".join(caption.split())


def test_a_caption_without_parts_is_one_run():
    assert [(run.words, run.panels) for run in caption_runs("One image.", ["One image."])] == [("One image.", ())]
    assert caption_runs("", ["", ""]) == ()
    long = "word " * (MAX_WORDS + 1)
    assert len(caption_runs(long, [long, "word word"])) == 1
