"""`mirsearch index relocate`, `copy`, `merge`, `backup`, `restore`: move whole indexes."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from mirsearch import settings
from mirsearch.cli.shared_options import IndexOption, TableFormat, WaitOption
from mirsearch.cli.terminal import console, print_json, print_message
from mirsearch.errors import UsageError

if TYPE_CHECKING:
    from mirsearch.transfer.gathering import GatherSummary
    from mirsearch.transfer.merging import MergeSummary
    from mirsearch.transfer.relocation import Relocation

FormatOption = Annotated[TableFormat, typer.Option("--format", help="table or json.")]
SourceArgument = Annotated[str, typer.Argument(metavar="SOURCE", help="Path or address of the index to read.")]
_MAX_SHOWN = 20
"""Conflicts that are printed; the others are only counted."""


def relocate(
    old: Annotated[str, typer.Argument(metavar="OLD", help="Folder (or file) as the index knows it.")],
    new: Annotated[str, typer.Argument(metavar="NEW", help="Where it is now.")],
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only tell what would change.")] = False,
    force: Annotated[bool, typer.Option("--force", help="Also if no file is at the new place yet.")] = False,
    index: IndexOption = None,
    wait: WaitOption = None,
    output: FormatOption = TableFormat.TABLE,
) -> None:
    """Tell the index that files were moved: all locations in OLD become those in NEW."""
    from mirsearch import indexes
    from mirsearch.transfer.relocation import relocate as rename

    with closing(indexes.open_index(settings.index_location(index))) as corpus, _progress_bar() as report:
        found = rename(corpus, old, new, dry_run=dry_run, force=force, progress=_named(report, "checked"))
    if output is TableFormat.JSON:
        print_json(found.as_json())
    else:
        _print_relocation(found)


def _print_relocation(found: Relocation) -> None:
    verb = "would change" if found.is_dry_run else "changed"
    failures = f" and {_count(found.failures, 'failure')}" if found.failures else ""
    typer.echo(f"{_count(found.locations, 'location')} of {_count(found.figures, 'figure')}{failures} {verb}")
    states = (("as indexed", found.same), ("with other content", found.changed), ("not there", found.missing),
              ("articles and archives", found.containers))  # fmt: skip
    told = ", ".join(f"{count:,} {state}" for state, count in states if count)
    if told:
        typer.echo(f"at the new place: {told}")


def copy(
    places: Annotated[
        list[str],
        typer.Argument(
            metavar="SOURCE… TARGET", help="Paths or addresses: of the indexes to read, then of a new or empty one."
        ),
    ],
    wait: WaitOption = None,
    output: FormatOption = TableFormat.TABLE,
) -> None:
    """Copy an index, or several, into a new one: folders or Elasticsearch. Interrupted, run it again."""
    from mirsearch import indexes
    from mirsearch.transfer.gathering import gather_indexes

    *sources, target = places
    if not sources:
        raise UsageError("index copy needs a source and a target", "mirsearch index copy SOURCE TARGET")
    with ExitStack() as stack:
        origins = [stack.enter_context(closing(indexes.open_index(source))) for source in sources]
        copied = stack.enter_context(closing(indexes.open_index(target, create=origins[0].extractor)))
        report = stack.enter_context(_progress_bar())
        summary = gather_indexes(origins, copied, lambda source: _named(report, f"copied from {source}"))
    if output is TableFormat.JSON:
        single = next(iter(summary.sources.values()), None) if len(sources) == 1 else None
        print_json(summary.as_json() if single is None else single.as_json())
        return
    _print_copies(summary, target)
    _tell_unfinished(summary.unfinished, ", ".join(sources))


def _print_copies(summary: GatherSummary, target: str) -> None:
    from mirsearch.transfer.merging import MergeSummary

    for source in summary.done_before:
        typer.echo(f"{source} was copied before")
    for done in summary.sources.values():
        if isinstance(done, MergeSummary):
            _print_merge(done, target)
            continue
        present = f"; {done.present:,} were there from an interrupted copy" if done.present else ""
        typer.echo(f"copied {done.figures:,} figures to {target} ({done.seconds:.1f} s){present}")


def merge(
    source: SourceArgument,
    target: Annotated[str, typer.Argument(metavar="TARGET", help="Path or address of the index to add it to.")],
    wait: WaitOption = None,
    output: FormatOption = TableFormat.TABLE,
) -> None:
    """Add an index to another. What TARGET says stays; what only SOURCE says is added; conflicts are told."""
    from mirsearch import indexes
    from mirsearch.transfer.merging import merge_index

    with (
        closing(indexes.open_index(source)) as origin,
        closing(indexes.open_index(target)) as merged,
        _progress_bar() as report,
    ):
        summary = merge_index(origin, merged, _named(report, "merged"))
    if output is TableFormat.JSON:
        print_json(summary.as_json())
    else:
        _print_merge(summary, target)
    _tell_unfinished(summary.unfinished, source)


def _print_merge(summary: MergeSummary, target: str) -> None:
    left_out = f"; {summary.left_out:,} that were deleted there stay so" if summary.left_out else ""
    typer.echo(
        f"{target}: {summary.figures:,} figures are new, {summary.changed:,} were added to, "
        f"{summary.present:,} are as they were{left_out}"
    )
    for conflict in summary.conflicts[:_MAX_SHOWN]:
        typer.echo(f"conflict: {conflict}")
    if summary.conflict_count > _MAX_SHOWN:
        typer.echo(f"… and {summary.conflict_count - _MAX_SHOWN:,} more conflicts (--format json lists them)")


def _tell_unfinished(count: int, source: str) -> None:
    if count:
        print_message(f"{count:,} figures of {source} were being written and are missing (run it again)")


def backup(
    path: Annotated[Path, typer.Argument(metavar="FILE", help="Archive to write, for instance corpus.tar.")],
    index: IndexOption = None,
    output: FormatOption = TableFormat.TABLE,
) -> None:
    """Write the index with the pictures inside it into one archive, while others read and write."""
    from mirsearch import indexes
    from mirsearch.transfer.backup import back_up

    with closing(indexes.open_index(settings.index_location(index))) as corpus, _progress_bar() as report:
        about, size = back_up(corpus, path, report)
    if output is TableFormat.JSON:
        print_json(about.as_json() | {"file": str(path), "bytes": size})
    else:
        typer.echo(f"{path}: {about.figures:,} figures, {about.panels:,} panels, {size / 1e6:,.1f} MB")


def restore(
    path: Annotated[Path, typer.Argument(metavar="FILE", help="Archive that `index backup` wrote.")],
    force: Annotated[bool, typer.Option("--force", help="Put it in place of the index that is there.")] = False,
    index: IndexOption = None,
    wait: WaitOption = None,
    output: FormatOption = TableFormat.TABLE,
) -> None:
    """Put a backup back: into a new folder, or into Elasticsearch. It is checked first."""
    from mirsearch.transfer.backup import restore as put_back

    location = settings.index_location(index)
    with _progress_bar() as report:
        about = put_back(path, location, force=force, progress=report)
    if output is TableFormat.JSON:
        print_json(about.as_json() | {"restored_to": location})
    else:
        typer.echo(
            f"{location}: restored {about.figures:,} figures with {about.panels:,} panels, as of {about.created}"
        )


def _count(number: int, noun: str) -> str:
    return f"{number:,} {noun}{'s' * (number != 1)}"


def _named(report: Callable[[str, int, int], None], what: str) -> Callable[[int, int], None]:
    return lambda done, total: report(what, done, total)


@contextmanager
def _progress_bar() -> Iterator[Callable[[str, int, int], Any]]:
    """Yield a function that shows what is done, how far, and how far it goes."""
    from rich.progress import Progress

    with Progress(console=console(stderr=True), transient=True) as bar:
        task = bar.add_task("", total=None)
        yield lambda what, done, total: bar.update(task, description=what, completed=done, total=total or None)
