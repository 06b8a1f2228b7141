"""`mirsearch watch`: saved questions, and what is new to them since they were last asked."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from enum import Enum, StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from mirsearch import settings
from mirsearch.cli.query_cmd import query
from mirsearch.cli.query_inputs import open_input
from mirsearch.cli.shared_options import IndexOption, TableFormat
from mirsearch.cli.terminal import json_text, open_output, print_json, print_message
from mirsearch.errors import MirsearchError

if TYPE_CHECKING:
    from mirsearch.facade.corpus import Corpus
    from mirsearch.facade.watching import News, Watch

_NOT_ASKED = {
    "batch", "output", "target", "cite", "explain", "thumbnails", "show_request", "extractor", "weights", "device",
    "ocr", "scalebars",
}  # fmt: skip
"""Options of `query` that are no part of a question."""
_NAMES = {"license_": "license", "field": "filter"}
NamesArgument = Annotated[list[str] | None, typer.Argument(metavar="NAME", help="Watches (default: all).")]


class NewsFormat(StrEnum):
    """Formats of news."""

    TEXT = "text"
    JSON = "json"
    RSS = "rss"
    ATOM = "atom"


def _asks(action: Callable[..., None]) -> Callable[..., None]:
    """Give a command the options of a question, as `query` has them, between its name and the index."""
    from mirsearch.facade.watching import DEFAULT_TOP

    own, asked = inspect.signature(action, eval_str=True), inspect.signature(query, eval_str=True)
    defaults = {"top": DEFAULT_TOP}
    options = [
        each.replace(default=defaults.get(each.name, each.default))
        for each in asked.parameters.values()
        if each.name not in _NOT_ASKED | own.parameters.keys()
    ]
    plain = [each for each in own.parameters.values() if each.kind is not each.VAR_KEYWORD]
    parameters = [*plain[:1], *options, *plain[1:]]
    action.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    action.__annotations__ = {each.name: each.annotation for each in parameters}
    return action


def _add(
    name: Annotated[str, typer.Argument(metavar="NAME", help="Name of the watch; an earlier one is replaced.")],
    index: IndexOption = None,
    **options: Any,
) -> None:
    """Save a question: the options of `query`, or filters alone. What answers it now is not new."""
    from contextlib import ExitStack

    images = options.pop("images", None) or []
    given = {_NAMES.get(key, key): value.value if isinstance(value, Enum) else value for key, value in options.items()}
    given = {key: list(value) if isinstance(value, tuple) else value for key, value in given.items()}
    given = {key: value for key, value in given.items() if value and value != _defaults().get(key)}
    corpus = _open(index)
    with ExitStack() as opened:
        opened.callback(corpus.close)
        paths = [opened.enter_context(open_input(word)).path for word in images]
        watch = corpus.watches.add(name, *paths, **given)
    typer.echo(f"{watch.name}: {watch.sentence}")


add = _asks(_add)


def _defaults() -> dict[str, Any]:
    """Return the defaults of the options of a question."""
    parameters = inspect.signature(add).parameters.values()
    return {_NAMES.get(each.name, each.name): getattr(each.default, "value", each.default) for each in parameters}


def list_(
    output: Annotated[TableFormat, typer.Option("--format", help="table or json.")] = TableFormat.TABLE,
    index: IndexOption = None,
) -> None:
    """List the saved questions."""
    corpus = _open(index)
    watches = corpus.watches.list()
    corpus.close()
    if output is TableFormat.JSON:
        print_json([watch.as_json() for watch in watches])
        return
    for watch in watches:
        typer.echo(f"{watch.name}: {watch.sentence} ({f'last told {watch.run_at}' if watch.run_at else 'never run'})")
    if not watches:
        typer.echo("nothing is watched")


def remove(
    names: Annotated[list[str], typer.Argument(metavar="NAME", help="Watches to remove.")], index: IndexOption = None
) -> None:
    """Remove saved questions."""
    corpus = _open(index)
    corpus.watches.remove(*names)
    corpus.close()
    typer.echo(f"removed {', '.join(names)}")


def run(
    names: NamesArgument = None,
    output: Annotated[
        NewsFormat, typer.Option("--format", "-f", help="text, json, or a feed of the last news: rss or atom.")
    ] = NewsFormat.TEXT,
    target: Annotated[Path | None, typer.Option("--output", "-o", help="File to write (default: stdout, -).")] = None,
    index: IndexOption = None,
) -> None:
    """Tell what is new to saved questions since they were last run. An interrupted run tells it again."""
    corpus = _open(index)
    try:
        done = corpus.watches.run(*(names or ()))
        news = [each for each in done if not isinstance(each, tuple)]
        failed = [each for each in done if isinstance(each, tuple)]
        with open_output(target) as stream:
            stream.write(_told(news, output, stream.encoding))
            stream.flush()
        corpus.watches.settle(news)
    finally:
        corpus.close()
    for watch, error in failed:
        _tell_failure(watch, error)
    if failed:
        raise typer.Exit(1)


def _told(news: list[News], output: NewsFormat, encoding: str) -> str:
    if output is NewsFormat.JSON:
        return json_text([each.as_json() for each in news], encoding, indent=2) + "\n"
    from mirsearch.report import feeds

    if output is NewsFormat.TEXT:
        return feeds.news_text([(each.watch.name, each.items()) for each in news])
    items = [(each.watch.name, item) for each in news for item in (*each.items(), *each.told)]
    return feeds.rss(items) if output is NewsFormat.RSS else feeds.atom(items)


def _tell_failure(watch: Watch, error: MirsearchError) -> None:
    print_message(f"{watch.name}: {error}")


def _open(index: str | None) -> Corpus:
    from mirsearch.facade.corpus import Corpus
    from mirsearch.facade.parts import PartNames

    return Corpus.open(settings.index_location(index), PartNames())
