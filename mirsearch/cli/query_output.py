"""Writes the answers of `mirsearch query`: a table, a page, CSV, JSON, lines of JSON, or citations."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, TextIO

import typer

from mirsearch.cli.query_options import AnswerFormat, CitationStyle
from mirsearch.cli.terminal import STDOUT, console, json_text, open_output, print_json, print_message
from mirsearch.errors import MirsearchError, UsageError

if TYPE_CHECKING:
    from mirsearch.search.answer import Answer

DEFAULT_PAGE = Path("mirsearch.html")


class OutputChoice(NamedTuple):
    """The options of the output: its format, file, and what it shows. `cite` writes citations instead of answers."""

    format: AnswerFormat
    target: Path | None
    explain: bool = False
    thumbnails: bool = False
    cite: CitationStyle | None = None

    @property
    def is_for_people(self) -> bool:
        """Return whether a person reads the answer as it is: a table or a page."""
        return self.cite is None and self.format in (AnswerFormat.TABLE, AnswerFormat.HTML)

    def check(self, batch: bool) -> None:
        """Raise UsageError if the answers can't be written in this way."""
        if self.cite is not None:
            return
        if self.format is AnswerFormat.TABLE and self.target is not None and str(self.target) != STDOUT:
            raise UsageError("--output writes a file, but a table is for the screen", "add --format json, csv or html")
        if batch and self.format in (AnswerFormat.JSON, AnswerFormat.CSV):
            remedy = "give --format jsonl, html or table"
            raise UsageError(f"--format {self.format.value} has room for one question, not for a batch", remedy)


Outcome = tuple[str, "Answer | MirsearchError"]
"""What was asked, as the user wrote it, and the answer, or why there is none."""


def write_answers(outcomes: Iterable[Outcome], choice: OutputChoice) -> int:
    """Write the outcomes of questions as they come, tell on stderr which failed, and return how many failed.

    A single question's failure is raised.
    """
    failed = 0
    answers: list[Answer] = []
    with _line_writer(choice) as lines:
        for asked, outcome in outcomes:
            if isinstance(outcome, MirsearchError):
                failed += 1
                print_message(str(outcome) if asked in str(outcome) else f"{asked}: {outcome}")
            if lines is not None:
                lines.write(_answer_line(asked, outcome, lines) + "\n")
                lines.flush()
            elif not isinstance(outcome, MirsearchError):
                answers.append(outcome)
                if choice.is_for_people and choice.format is AnswerFormat.TABLE:
                    _print_table(outcome, choice, len(answers))
    if lines is None and answers:
        _write_together(answers, choice)
    return failed


def write_answer(answer: Answer, choice: OutputChoice) -> None:
    """Write the answer of one question."""
    write_answers([("", answer)], choice)


@contextmanager
def _line_writer(choice: OutputChoice) -> Iterator[TextIO | None]:
    if choice.cite is not None or choice.format is not AnswerFormat.JSONL:
        yield None
        return
    with open_output(choice.target) as stream:
        yield stream


def _answer_line(asked: str, outcome: Answer | MirsearchError, stream: TextIO) -> str:
    from mirsearch.search.answer import answer_json

    if isinstance(outcome, MirsearchError):
        return json_text({"query": {"image": asked}, "error": str(outcome)}, stream.encoding)
    return json_text(answer_json(outcome), stream.encoding)


def _print_table(answer: Answer, choice: OutputChoice, number: int) -> None:
    from mirsearch.report.table import print_answer

    if number > 1:
        typer.echo("")
    print_answer(answer, console(), explain=choice.explain, thumbnails=choice.thumbnails)


def _write_together(answers: Sequence[Answer], choice: OutputChoice) -> None:
    """Write the answers that are one document."""
    if choice.cite is not None:
        from mirsearch.report.citations import cite_articles

        articles = (hit.stored.figure.article for answer in answers for hit in answer.hits)
        with open_output(choice.target) as stream:
            stream.write(cite_articles(articles, choice.cite.value))
    elif choice.format is AnswerFormat.HTML:
        from mirsearch.report.page import page_html

        path = choice.target or DEFAULT_PAGE
        with open_output(path) as stream:
            stream.write(page_html(answers))
        if str(path) != STDOUT:
            print_message(f"wrote {path}")
    elif choice.format is not AnswerFormat.TABLE:
        _write_data(answers[0], choice)


def _write_data(answer: Answer, choice: OutputChoice) -> None:
    from mirsearch.search.answer import answer_json

    if choice.format is AnswerFormat.JSON and choice.target is None:
        print_json(answer_json(answer))
        return
    with open_output(choice.target) as stream:
        if choice.format is AnswerFormat.CSV:
            from mirsearch.report.csv_output import answer_csv

            stream.write(answer_csv(answer))
        else:
            stream.write(json_text(answer_json(answer), stream.encoding, indent=2) + "\n")
