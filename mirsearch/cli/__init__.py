"""The command line. Each command is imported only when it is called."""

from __future__ import annotations

import gc
from typing import Annotated, Any

import typer

from mirsearch import __version__
from mirsearch.cli.command_list import COMMANDS, GROUPS
from mirsearch.cli.groups import CommandGroup
from mirsearch.cli.terminal import INTERRUPTED, print_message, set_verbosity
from mirsearch.files.interrupts import handle_interrupts, leave_now


class _AllCommands(CommandGroup):
    """The commands of `mirsearch` itself."""

    def __init__(self, **attributes: Any) -> None:
        super().__init__(**attributes | {"commands": {command.name: command for command in (*COMMANDS, *GROUPS)}})


app = typer.Typer(
    name="mirsearch",
    cls=_AllCommands,
    help="Search microscopy figures by looks, physical scale and words.",
    epilog="Exit codes: 0 done, 1 some or all of the work failed, 2 wrong call, 3 faults found, 130 interrupted.",
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
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version and exit.")
    ] = False,
    verbose: Annotated[
        int,
        typer.Option(
            "--verbose",
            "-v",
            count=True,
            show_default=False,
            help="Print more on stderr; give it twice for everything.",
        ),
    ] = 0,
) -> None:
    set_verbosity(verbose)


def main() -> None:
    """Run the console script."""
    handle_interrupts()
    try:
        app()
    except KeyboardInterrupt:  # before a command runs
        print_message("interrupted")
        leave_now(INTERRUPTED)
    except SystemExit as ended:
        if ended.code == INTERRUPTED:
            leave_now(INTERRUPTED)
        raise
    finally:
        gc.freeze()  # else the interpreter's end collects garbage of all modules, 0.1 s, and the process is over anyway
