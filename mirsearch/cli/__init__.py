"""The command line: one module a group of commands, no logic. Heavy imports wait until a command runs."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from mirsearch import __version__
from mirsearch.cli import (
    analyze_cmd,
    corpus_cmds,
    correct_cmd,
    demo_cmd,
    index_cmds,
    ingest_cmd,
    keeping_cmds,
    models_cmd,
    plugins_cmd,
    query_cmd,
    train_cmd,
    train_scalebar_cmd,
)
from mirsearch.cli.common import INTERRUPTED, CommandGroup, complain, set_verbosity

app = typer.Typer(
    name="mirsearch",
    cls=CommandGroup,
    help="Search microscopy figures by looks, physical scale and words.",
    epilog="Exit codes: 0 done, 1 work failed (some or all of it), 2 wrong call, 130 interrupted.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _print_version(asked: bool) -> None:
    if asked:
        typer.echo(f"mirsearch {__version__}")
        raise typer.Exit


@app.callback()
def _options(
    version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version and leave.")
    ] = False,
    verbose: Annotated[
        int, typer.Option("--verbose", "-v", count=True, help="Say more on stderr; twice for everything.")
    ] = 0,
) -> None:
    set_verbosity(verbose)


app.command("ingest")(ingest_cmd.ingest)
app.command("query")(query_cmd.query)
app.command("analyze")(analyze_cmd.analyze)
app.command("show")(corpus_cmds.show)
app.command("stats")(corpus_cmds.stats)
app.command("delete")(corpus_cmds.delete)
app.command("export")(corpus_cmds.export)
app.command("correct")(correct_cmd.correct)
app.command("reanalyze")(correct_cmd.reanalyze)
app.command("cache")(keeping_cmds.cache)
app.command("failures")(keeping_cmds.failures)
app.command("demo")(demo_cmd.demo)
app.command("plugins")(plugins_cmd.plugins)
app.command("reembed")(index_cmds.reembed)
app.add_typer(models_cmd.models_app, name="models")
app.add_typer(index_cmds.index_app, name="index")
train_cmd.train_app.command("scalebar")(train_scalebar_cmd.scalebar)
app.add_typer(train_cmd.train_app, name="train")
app.add_typer(index_cmds.dashboards_app, name="dashboards")


def main() -> None:
    """Entry point of the console script."""
    try:
        app()
    except KeyboardInterrupt:  # while the commands themselves were being built
        complain("interrupted")
        sys.exit(INTERRUPTED)
