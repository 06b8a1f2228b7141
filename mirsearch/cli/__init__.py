"""The command line. This module has the names of all commands; each is imported only when it is called."""

from __future__ import annotations

import sys
from typing import Annotated, Any

import typer

from mirsearch import __version__
from mirsearch.cli.groups import CommandGroup, LazyCommand, command_group
from mirsearch.cli.terminal import INTERRUPTED, complain, set_verbosity

COMMANDS = (
    LazyCommand(
        "ingest",
        "Take figures into the index: cut into panels, read scale bars and text, embed. Run again, only what is new.",
        "ingest_cmd:ingest",
    ),
    LazyCommand(
        "query",
        "Find panels that look like an image, at its scale, and whose captions say the words asked for.",
        "query_cmd:query",
    ),
    LazyCommand(
        "analyze",
        "Cut figures into panels and read letters, scale bars and text. Nothing is stored.",
        "analyze_cmd:analyze",
    ),
    LazyCommand(
        "show", "Show everything known of a panel, of a figure's panels or of an article's.", "corpus_cmds:show"
    ),
    LazyCommand("stats", "Count what the index holds.", "corpus_cmds:stats"),
    LazyCommand(
        "delete",
        "Remove figures, with all their panels, from the index. Image files are not touched.",
        "corpus_cmds:delete",
    ),
    LazyCommand(
        "export",
        "Write every panel as one line of JSON (JSON Lines), all its fields; or the credits.",
        "corpus_cmds:export",
    ),
    LazyCommand(
        "correct",
        "Put a panel's readings right. Corrections are kept apart from what was read, and survive reading it again.",
        "correct_cmd:correct",
    ),
    LazyCommand(
        "reanalyze",
        "Read figures of the index again with the present analysis, from their files; fetch nothing. Corrections stay.",
        "correct_cmd:reanalyze",
    ),
    LazyCommand(
        "cache",
        "Show what answers of services are kept on disk, or remove them. Acquired figures are not touched.",
        "keeping_cmds:cache",
    ),
    LazyCommand(
        "failures",
        "List what failed, with its cause: articles and figures of services (left alone after three runs), and files.",
        "keeping_cmds:failures",
    ),
    LazyCommand(
        "demo",
        "Draw a corpus of figures, ingest it, ask three questions and write the answers as a page. Needs no network.",
        "demo_cmd:demo",
    ),
    LazyCommand(
        "plugins",
        "List the installed sources, extractors, OCR engines, scale-bar detectors and indexes.",
        "plugins_cmd:plugins",
    ),
    LazyCommand(
        "reembed",
        "Embed every panel anew with another extractor while the old vectors answer; then switch.",
        "index_cmds:reembed",
    ),
)

GROUPS = (
    command_group(
        "models",
        "Model files: export, list, look into, verify.",
        [
            LazyCommand(
                "export",
                "Write an extractor as one file that runs without PyTorch; its vectors are compared before it is kept.",
                "models_cmd:export",
            ),
            LazyCommand("list", "The installed models.", "models_cmd:list_"),
            LazyCommand("info", "What a model's card says: settings, data, metrics, licence.", "models_cmd:info"),
            LazyCommand(
                "verify",
                "Read all of a model against its card's hashes, and run it once where it is an extractor.",
                "models_cmd:verify",
            ),
        ],
    ),
    command_group(
        "index",
        "Make, migrate and roll back an index on Elasticsearch.",
        [
            LazyCommand(
                "create",
                "Install the stored script and the templates, and make the index; on one that is there only the "
                "former.",
                "index_cmds:create",
            ),
            LazyCommand(
                "migrate",
                "Copy everything into a new index with the present mapping while the old one answers, then switch.",
                "index_cmds:migrate",
            ),
            LazyCommand(
                "rollback",
                "Go back to the index before the last migration; what was ingested since is not in it.",
                "index_cmds:rollback",
            ),
        ],
    ),
    command_group(
        "train",
        "Learn from your own corpus: whitening, metric, scale bars.",
        [
            LazyCommand(
                "whitening",
                "Learn a whitening of an index's vectors, and install it where it finds more on held-out articles.",
                "train_cmd:whitening",
            ),
            LazyCommand(
                "metric",
                "Learn which differences matter, from crops and panels of a figure: a linear head, or the whole "
                "network.",
                "train_cmd:metric",
            ),
            LazyCommand(
                "scalebar",
                "Train Faster R-CNN to find scale bars and their labels; Ctrl-C keeps the last checkpoint, --resume "
                "goes on.",
                "train_scalebar_cmd:scalebar",
            ),
        ],
    ),
    command_group(
        "dashboards",
        "Kibana dashboards over an index on Elasticsearch.",
        [
            LazyCommand("install", "Import the dashboards into Kibana; again, they are renewed.", "index_cmds:install"),
            LazyCommand("write", "Write the dashboards of an index as a file that Kibana imports.", "index_cmds:write"),
        ],
    ),
)


class _AllCommands(CommandGroup):
    """The group that `mirsearch` itself is."""

    def __init__(self, **attributes: Any) -> None:
        super().__init__(**attributes | {"commands": {command.name: command for command in (*COMMANDS, *GROUPS)}})


app = typer.Typer(
    name="mirsearch",
    cls=_AllCommands,
    help="Search microscopy figures by looks, physical scale and words.",
    epilog="Exit codes: 0 done, 1 work failed (some or all of it), 2 wrong call, 130 interrupted.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _print_version(is_wanted: bool) -> None:
    if is_wanted:
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


def main() -> None:
    """Run the console script."""
    try:
        app()
    except KeyboardInterrupt:  # before a command runs
        complain("interrupted")
        sys.exit(INTERRUPTED)
