"""`mirsearch query --reuse`: the panels that show the same picture as a query."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

from mirsearch.cli.query_inputs import open_input
from mirsearch.cli.query_output import OutputChoice
from mirsearch.cli.reuse_cmd import ReuseFormat, check_target, write_reuse
from mirsearch.errors import UsageError

if TYPE_CHECKING:
    from mirsearch.extractors.base import Extractor
    from mirsearch.indexes.base import Index
    from mirsearch.search.query_image import ImageQuestion
    from mirsearch.search.question import Question


def write_query_reuse(
    corpus: Index, question: Question, words: Sequence[str], read: Callable[[Path, str], ImageQuestion],
    model: Callable[[], Extractor], choice: OutputChoice,
) -> None:  # fmt: skip
    """Write the panels that show the same picture as an image, or as the panel that `--like` names."""
    from mirsearch.report.pictures import Picture
    from mirsearch.reuse.query import asked_panel, find_query_reuse

    if len(words) + (question.like is not None) != 1 or question.text:
        raise UsageError("--reuse is for one picture", "give one image, or --like ID, and no words")
    if choice.cite is not None or choice.format.value not in set(ReuseFormat):
        raise UsageError("--reuse writes a list of pairs", "give --format table, json, csv or html")
    output = ReuseFormat(choice.format.value)
    check_target(output, choice.target)
    with ExitStack() as opened:
        if words:
            image = read(*opened.enter_context(open_input(words[0])))
            pixels, name, own = image.resolve().pixels, image.name, frozenset[str]()
        else:
            pixels, name, own = asked_panel(corpus, question.like or "")
        found = find_query_reuse(corpus, pixels, model, question.filters, exclude=own, name=name)
    from mirsearch.imaging.images import thumbnail

    picture = Picture(thumbnail(pixels, 480), pixels.shape[1], pixels.shape[0])
    write_reuse(corpus, found, output, choice.target, picture)
