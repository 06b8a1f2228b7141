"""Commands that are imported only when they are called, and the group that turns errors into one line."""

from __future__ import annotations

import errno
import os
import sys
from collections.abc import Iterable
from functools import cached_property
from importlib import import_module
from typing import Annotated, Any

import typer
from typer.core import TyperCommand, TyperGroup
from typer.main import get_command

from mirsearch.cli.parameters import simplify
from mirsearch.cli.terminal import INTERRUPTED, add_verbosity, mask_output, print_message
from mirsearch.errors import MirsearchError

_HELP = frozenset(("--help", "-h"))


class CommandGroup(TyperGroup):
    """A group of commands. An error inside a command becomes one line on stderr and an exit code."""

    def get_params(self, ctx: Any) -> list[Any]:
        """Return the group's own options, converted and shown without pydantic."""
        return simplify(super().get_params(ctx))

    def main(self, *words: Any, **options: Any) -> Any:
        """Run the program. Secrets are masked from here on, also in what is printed about a wrong call."""
        mask_output()
        return super().main(*words, **options)

    def invoke(self, ctx: Any) -> Any:
        """Run a command. Our own errors, full disks, Ctrl-C and closed pipes never end in a traceback."""
        try:
            return super().invoke(ctx)
        except MirsearchError as error:
            print_message(str(error))
            raise typer.Exit(error.exit_code) from error
        except ModuleNotFoundError as error:
            from mirsearch import extras

            if (missing := extras.missing_extra_error("this command", error)) is None:
                raise
            print_message(str(missing))
            raise typer.Exit(missing.exit_code) from error
        except KeyboardInterrupt as error:
            print_message("interrupted")
            raise typer.Exit(INTERRUPTED) from error
        except BrokenPipeError as error:
            # The reader of our output has closed it. Python would complain again when it closes stdout.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            raise typer.Exit(0) from error
        except OSError as error:
            print_message(_os_error_message(error))
            raise typer.Exit(1) from error
        except MemoryError as error:
            print_message("out of memory (close other programs, or give smaller images)")
            raise typer.Exit(1) from error


class DefaultGroup(CommandGroup):
    """A group of commands that runs its first one when it is called without a command."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Take the first command where none is named."""
        return super().parse_args(ctx, args or ([] if ctx.resilient_parsing else [next(iter(self.commands))]))


def command_group(
    name: str, summary: str, commands: Iterable[LazyCommand], *, kind: type[CommandGroup] = CommandGroup
) -> CommandGroup:
    """Return a group of commands. Called without a command, it prints its help, or what a DefaultGroup does."""
    return kind(name=name, help=summary, commands=list(commands), no_args_is_help=True)


class LazyCommand(TyperCommand):
    """A command of which only the name and the one-line help are known until it is called.

    `target` is "module:function" in this package. The module is imported, and its options are built, at the call.
    """

    def __init__(self, name: str, summary: str, target: str) -> None:
        super().__init__(name, help=summary)
        self._target = target

    @cached_property
    def command(self) -> Any:
        """The full command with its options."""
        module, _, function = self._target.partition(":")
        app = typer.Typer(add_completion=False)
        app.command(self.name, cls=_Command)(getattr(import_module(f"{__package__}.{module}"), function))
        return get_command(app)

    def make_context(self, *args: Any, **kwargs: Any) -> Any:
        """Parse the command line with the full command; the context then belongs to that command.

        The config file gives defaults to options that are not given, unless only the help is asked for.
        """
        words = args[1] if len(args) > 1 else kwargs.get("args", ())
        if not _HELP.intersection(words):
            from mirsearch.configuration import option_defaults

            kwargs.setdefault("default_map", option_defaults(str(self.name)) or None)
        return self.command.make_context(*args, **kwargs)


class _Command(TyperCommand):
    """A command whose options are converted and shown without pydantic. It takes -v, as the program itself does."""

    @cached_property
    def _verbose_option(self) -> Any:
        app = typer.Typer(add_completion=False)
        app.command()(_take_verbosity)
        option: Any = get_command(app).params[0]
        option.expose_value, option.hidden = False, True
        option.callback = lambda _ctx, _option, value: add_verbosity(value)
        return option

    def get_params(self, ctx: Any) -> list[Any]:
        return simplify([*super().get_params(ctx), self._verbose_option])


def _take_verbosity(
    verbose: Annotated[int, typer.Option("--verbose", "-v", count=True, help="Print more on stderr.")] = 0,
) -> None:
    """Stand for the option that every command takes: only its declaration is used."""


def _os_error_message(error: OSError) -> str:
    where = f"{error.filename}: " if error.filename else ""
    if error.errno == errno.ENOSPC:
        return f"{where}the disk is full (free some space and run it again; what was done is kept)"
    return f"{where}{error.strerror or error}"
