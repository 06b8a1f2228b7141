"""`mirsearch demo`: ingest and search, on figures that mirsearch draws itself."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from mirsearch import settings
from mirsearch.cli.ingest_output import print_summary
from mirsearch.cli.ingest_paths import RunChoice, run_paths
from mirsearch.cli.parts import load_detector, load_index_extractor, load_ocr, open_index
from mirsearch.cli.terminal import INTERRUPTED, console, open_output, print_message

if TYPE_CHECKING:
    from mirsearch.indexes.base import Index
    from mirsearch.search.answer import Answer
    from mirsearch.synthetic.demo import DemoQuery


def demo(
    folder: Annotated[Path, typer.Argument(help="Folder for the corpus, the index and the page.")] = Path("demo"),
    figures: Annotated[int, typer.Option("--figures", min=30, max=2000, help="Number of figures to draw.")] = 40,
) -> None:
    """Draw a corpus of figures, ingest it, ask three questions, and write the answers as a page. Needs no network."""
    from mirsearch.ingest.folders import PathIngest
    from mirsearch.report.page import page_html
    from mirsearch.report.table import print_answer
    from mirsearch.synthetic.demo import write_demo

    screen = console()
    typer.echo(f"Drawing {figures} figures into {folder / 'figures'} …")
    plan = write_demo(folder, figures)
    typer.echo(f"Reading {plan.truth.panels} panels into {folder / 'index'} …")
    summary, location = run_paths(PathIngest((plan.folder,)), RunChoice(str(folder / "index")))
    print_summary(summary, location)
    if summary.interrupted:
        raise typer.Exit(INTERRUPTED)
    corpus = open_index(location)
    answers = []
    for number, question in enumerate(plan.queries, start=1):
        screen.print(f"\n[bold]{number}. {question.title}[/bold]")
        answers.append(_ask(corpus, question))
        print_answer(answers[-1], screen)
        typer.echo(_correctness_line(answers[-1], question))
    page = folder / "answers.html"
    with open_output(page) as stream:
        stream.write(page_html(answers, titles=[question.title for question in plan.queries]))
    corpus.close()
    if summary.failures:
        print_message(f"{len(summary.failures)} of the drawn figures could not be read")
        raise typer.Exit(1)
    _print_next_steps(folder, page)


def _ask(corpus: Index, question: DemoQuery) -> Answer:
    from mirsearch.search.query_image import ImageQuestion
    from mirsearch.search.scale_options import ScaleOptions
    from mirsearch.search.search import Question, ask

    image = None
    if question.image is not None:
        scale = ScaleOptions(nm_per_px=question.nm_per_px, read=question.scale)
        ocr, detector = load_ocr(settings.DEFAULT_OCR), load_detector(settings.DEFAULT_SCALEBARS)
        image = ImageQuestion(question.image, ocr, detector, scale=scale)
    request = Question(image=image, text=question.text, use_scale=question.scale, top=5)
    return ask(corpus, request, lambda: load_index_extractor(corpus))


def _correctness_line(answer: Answer, question: DemoQuery) -> str:
    """Return a line with the number of correct hits. It is known, because every figure was drawn."""
    files = [Path(hit.stored.figure.image or "").name for hit in answer.hits]
    right = sum(file in question.answers for file in files)
    return f"{right} of {len(files)} hits are correct (this is known, because every figure was drawn)"


def _print_next_steps(folder: Path, page: Path) -> None:
    index = folder / "index"
    typer.echo(
        f"""
Open {page} to look at the answers.

Try next:
  mirsearch query {folder / "query_1_image.png"} --index {index} --explain
  mirsearch query {folder / "query_2_scale.png"} --field-of-view "20 um" --index {index}
  mirsearch analyze {folder / "figures"}/*.png --overlay {folder / "overlays"}/
  mirsearch stats --index {index}
and with your own figures:
  mirsearch ingest FOLDER --index my-index
  mirsearch query MICROGRAPH --index my-index --format html

Search this corpus in the browser (needs the extra: pip install 'mirsearch[web]'):
  mirsearch serve --index {index} --open"""
    )
