"""The table of an answer, its reasons, and what is never printed."""

from __future__ import annotations

import base64
import dataclasses
import io
import re

import numpy as np
import pytest
from PIL import Image
from rich.cells import cell_len
from rich.console import Console

from mirsearch.ranking import Formula, Weights
from mirsearch.report.half_blocks import half_blocks
from mirsearch.report.reasons import compare_widths, reasons
from mirsearch.report.table import print_answer
from mirsearch.report.terminal_images import graphics_protocol, image_sequence
from mirsearch.search.answer import Answer, Hit
from tests.support.report_answers import HOSTILE, make_answer, parts_answer, texture

ESCAPE = re.compile(r"\x1b\[[0-9;]*m")


@pytest.fixture(autouse=True)
def _plain_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "xterm-256color")
    for name in ("TERM_PROGRAM", "KITTY_WINDOW_ID", "TMUX"):
        monkeypatch.delenv(name, raising=False)


def printed(answer: Answer, width: int = 80, terminal: bool = True, **options: bool) -> str:
    out = io.StringIO()
    console = Console(file=out, width=width, force_terminal=terminal, color_system="truecolor" if terminal else None)
    print_answer(answer, console, **options)
    return out.getvalue()


@pytest.mark.parametrize("width", [40, 60, 80, 100, 120, 160, 220])
@pytest.mark.parametrize("thumbnails", [False, True])
def test_the_table_fits_every_width(width: int, thumbnails: bool) -> None:
    lines = ESCAPE.sub("", printed(make_answer(), width, explain=True, thumbnails=thumbnails)).splitlines()
    assert max(cell_len(line) for line in lines) <= width


@pytest.mark.parametrize("width", [40, 80, 160])
def test_numbers_are_never_cut(width: int) -> None:
    answer = make_answer()
    text = ESCAPE.sub("", printed(answer, width))
    for hit in answer.hits:
        assert re.search(rf"^ *{hit.rank}  {hit.scored.score:.3f}  ", text, re.M)
        assert width < 80 or hit.stored.panel.id in text


def test_a_narrow_table_has_the_beginning_of_the_caption() -> None:
    caption = (
        "SEM image of carbon nanotubes that were grown on a nickel catalyst at 700 degrees, and then cooled slowly."
    )
    coded = printed(make_answer(caption=caption), 80)
    text = ESCAPE.sub("", coded)
    lines = [line.strip() for line in text.splitlines() if "SEM image of" in line]
    assert len(lines) == 5
    assert "slowly" not in text
    assert "\x1b[1;32mcarbon\x1b[0m" in coded
    assert max(cell_len(line) for line in text.splitlines()) <= 80


def test_further_hits_of_an_article_are_counted() -> None:
    answer = make_answer()
    others = tuple((hit.scored, hit.stored) for hit in answer.hits[3:5])
    hits = (dataclasses.replace(answer.hits[0], others=others), *answer.hits[1:3])
    folded = dataclasses.replace(answer, hits=hits, query=dataclasses.replace(answer.query, per_article=1))
    for terminal in (True, False):
        text = ESCAPE.sub("", printed(folded, 160, terminal))
        assert text.count("and 2 more of this article") == 1
        assert "at most 1 of an article" in text
    assert "of an article" not in printed(answer, 160)


def test_a_pipe_gets_plain_whole_lines() -> None:
    answer = make_answer()
    text = printed(answer, 80, terminal=False, thumbnails=True)
    assert "\x1b" not in text
    assert "▀" not in text
    row = next(line for line in text.splitlines() if answer.hits[0].stored.panel.id in line)
    assert "Growth of carbon nanotubes on nickel–copper catalysts" in row
    assert "CC BY-NC 3.0" in row
    assert len([line for line in text.splitlines() if re.match(r"^\d+  0\.\d{3}  ", line)]) == len(answer.hits)


def test_nothing_from_outside_reaches_the_terminal_as_a_command() -> None:
    for terminal in (True, False):
        text = printed(make_answer(), 200, terminal=terminal, explain=True)
        rest = ESCAPE.sub("", text)
        assert "\x1b" not in rest
        assert "\x1b[31m" not in text  # that color is the caption's wish alone
        assert not set(rest) & set("\u202e\u202c\x07\x00\ud800")
        assert "[bold]with markup[/]" in rest
        assert "Silver nanowires [bold]" in rest
    assert "<script>" in HOSTILE
    assert "<script>" in ESCAPE.sub("", printed(make_answer(), 200))


def test_columns_follow_the_question() -> None:
    words_only = ESCAPE.sub("", printed(make_answer(image=False, scale=False)))
    assert " vd " not in words_only
    assert " text " in words_only
    assert " text " not in ESCAPE.sub("", printed(make_answer(text=None)))


@pytest.mark.parametrize("terminal", [True, False])
def test_short_names_of_columns_are_explained(terminal: bool) -> None:
    line = "vd: visual distance (0: same picture) · s: scale-bar label · view: field of view"
    assert line in ESCAPE.sub("", printed(make_answer(), 80, terminal=terminal)).splitlines()
    words_only = ESCAPE.sub("", printed(make_answer(image=False, scale=False), 80, terminal=terminal))
    assert "vd: " not in words_only
    assert "s: scale-bar label · view: field of view" in words_only.splitlines()
    assert "scale-bar label" not in printed(make_answer(count=0), terminal=terminal)


def test_a_narrow_table_explains_only_what_it_shows() -> None:
    assert "s: scale-bar label" in ESCAPE.sub("", printed(make_answer(), 60)).splitlines()


def test_no_hit_says_so() -> None:
    assert "no panel found" in printed(make_answer(count=0))


def test_pictures_only_where_a_terminal_shows_them() -> None:
    assert "▀" in printed(make_answer(), 120, thumbnails=True)
    assert "▀" not in printed(make_answer(), 120)
    out = io.StringIO()
    console = Console(file=out, width=120, force_terminal=True, color_system="standard")
    print_answer(make_answer(), console, thumbnails=True)
    assert "▀" not in out.getvalue()


def environment(**variables: str) -> dict[str, str]:
    return {"TERM": "xterm-256color", **variables}


@pytest.mark.parametrize(
    ("variables", "protocol"),
    [({"TERM": "xterm-kitty"}, "kitty"), ({"KITTY_WINDOW_ID": "1"}, "kitty"), ({"TERM_PROGRAM": "WezTerm"}, "iterm"),
     ({"TERM_PROGRAM": "iTerm.app"}, "iterm"), ({}, None), ({"TERM_PROGRAM": "iTerm.app", "TMUX": "/x"}, None),
     ({"KITTY_WINDOW_ID": "1", "TERM": "tmux-256color"}, None), ({"TERM_PROGRAM": "vscode"}, None)],
)  # fmt: skip
def test_terminals_that_take_pictures_are_known(variables: dict[str, str], protocol: str | None) -> None:
    screen = Console(file=io.StringIO(), force_terminal=True)
    assert graphics_protocol(screen, environment(**variables)) == protocol
    assert graphics_protocol(Console(file=io.StringIO(), force_terminal=False), environment(**variables)) is None


def test_picture_sequences_carry_the_whole_picture() -> None:
    pixels = texture(3, 300, 200)
    kitty = image_sequence(pixels, "kitty", 40)
    parts = re.findall(r"\x1b_G([^;]*);([^\x1b]*)\x1b\\", kitty)
    assert "".join(f"\x1b_G{head};{data}\x1b\\" for head, data in parts) == kitty
    assert [head.split("m=")[1] for head, _ in parts] == ["1"] * (len(parts) - 1) + ["0"]
    assert len(parts) > 1
    assert all(len(data) <= 4096 for _, data in parts)
    iterm = image_sequence(pixels, "iterm", 40)
    for data in ("".join(data for _, data in parts), iterm.split(":", 1)[1].rstrip("\x07")):
        assert np.array_equal(np.asarray(Image.open(io.BytesIO(base64.b64decode(data)))), pixels)


def test_a_sheet_replaces_the_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "xterm-kitty")
    monkeypatch.delenv("TMUX", raising=False)
    text = printed(make_answer(), 100, thumbnails=True)
    assert "\x1b_Ga=T" in text
    assert "▀" not in text
    assert "\x1b_G" not in printed(make_answer(), 100)
    assert "\x1b_G" not in printed(make_answer(), 100, terminal=False, thumbnails=True)


@pytest.mark.parametrize("damaged", [None, b"", b"\xff\xd8\xff garbage", b"not a picture"])
def test_a_damaged_thumbnail_is_left_out(damaged: bytes | None) -> None:
    assert half_blocks(damaged).plain == ""


def test_reasons_add_up_to_the_score() -> None:
    for formula in (Formula(), Formula(missing="penalize"), Formula(weights=Weights(0.2, 0.7, 0.0))):
        answer = make_answer(formula=formula)
        for hit in answer.hits:
            terms = reasons(answer, hit)
            assert sum(reason.points for reason in terms) == pytest.approx(hit.scored.score)
            assert sum(reason.share for reason in terms) == pytest.approx(1.0)


def test_reasons_tell_what_is_missing_apart_from_what_is_zero() -> None:
    answer = make_answer()
    without = next(hit for hit in answer.hits if hit.stored.panel.scale is None)
    reason = reasons(answer, without)[1]
    assert (reason.value, reason.state, reason.share) == (None, "unknown", 0.0)
    assert "left out" in reason.sentence
    penalized = make_answer(formula=Formula(missing="penalize"))
    without = next(hit for hit in penalized.hits if hit.stored.panel.scale is None)
    assert reasons(penalized, without)[1].state == "counted as 0"
    assert reasons(penalized, without)[1].share > 0
    unasked = make_answer(scale=False)
    assert reasons(unasked, unasked.hits[0])[1].state == "not asked"


def test_reasons_name_fields_of_view_and_words() -> None:
    answer = make_answer()
    first = next(hit for hit in answer.hits if hit.stored.panel.id.startswith("01"))
    visual, scale, text = (reason.sentence for reason in reasons(answer, first))
    assert "visual distance 0.130" in visual
    assert "field of view 1.4 µm against the query's 1 µm (1.4 times as wide)" in scale
    assert "carbon, nanotubes in the caption" in text
    assert "1.4 times as wide" in printed(answer, 120, explain=True)


def test_widths_compared() -> None:
    assert compare_widths(1, 1.001) == "the same width"
    assert compare_widths(1, 200) == "1/200 as wide"
    assert compare_widths(500, 1) == "500 times as wide"
    assert compare_widths(1, 4) == "0.25 times as wide"


@pytest.mark.parametrize("width", [60, 80, 100, 160, 220])
def test_parts_headings_doubtful_scales_and_lone_bars_are_told(width: int) -> None:
    answer = parts_answer()
    text = ESCAPE.sub("", printed(answer, width))
    assert max(cell_len(line) for line in text.splitlines()) <= width
    first = answer.hits[0].stored
    for words in ("b, part 1", "DAPI <i>", "inset of b1", "500 nm?", "38.8 px", "and 3 more of Fig.", first.panel.id):
        assert words in text
    assert "?: doubtful, not used for ranking" in " ".join(text.split())
    assert "Cryo-TEM" not in text


def test_a_pipe_tells_parts_too() -> None:
    text = printed(parts_answer(), 80, terminal=False)
    assert re.search(r"Fig\. \db, part 1 · DAPI <i> \(and 3 more of Fig\. \db\)", text)
    assert "Cryo-TEM" not in text


def test_reasons_tell_why_a_scale_does_not_count() -> None:
    answer = parts_answer()
    sentences = [
        next(reason.sentence for reason in reasons(answer, _without_scale_term(hit)) if reason.term == "scale")
        for hit in answer.hits[1:3]
    ]
    assert "the reading of this panel is doubtful (500 nm?)" in sentences[0]
    assert "a bar of 38.8 px whose length is unknown" in sentences[1]


def test_a_doubtful_scale_that_was_asked_for_is_told_as_one() -> None:
    hit = parts_answer().hits[1]
    asked = dataclasses.replace(hit, scored=dataclasses.replace(hit.scored, scale=0.5))
    sentence = next(reason.sentence for reason in reasons(parts_answer(), asked) if reason.term == "scale")
    assert re.search(r"field of view [\d.]+ µm\? against the query's 1 µm", sentence)


def _without_scale_term(hit: Hit) -> Hit:
    return dataclasses.replace(hit, scored=dataclasses.replace(hit.scored, scale=None))
