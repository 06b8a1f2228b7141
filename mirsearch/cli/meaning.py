"""Gives indexes sentence vectors and takes them out: `reembed --meaning`, `--no-meaning`, and `ingest --meaning`."""

from __future__ import annotations

from mirsearch.cli.parts import ExtractorChoice, load_extractor
from mirsearch.cli.terminal import progress_bar
from mirsearch.errors import UsageError
from mirsearch.indexes import open_index
from mirsearch.indexes.base import ExtractorIdentity
from mirsearch.indexes.meanings import installed_model, with_meaning
from mirsearch.query import Filters


def add_meaning(location: str) -> str:
    """Give every panel of an index a sentence vector. Returns what was done."""
    model, index = installed_model(), open_index(location)
    try:
        capable = with_meaning(index)
        with progress_bar("embedded") as report:
            count = capable.add_meaning(model, report)
    finally:
        index.close()
    return f"{count} panels of {location} have sentence vectors of {model}: queries with words rank by meaning, too"


def remove_meaning(location: str) -> str:
    """Take the sentence vectors out of an index. Returns what was done."""
    index = open_index(location)
    try:
        capable = with_meaning(index)
        had = capable.meaning() is not None
        capable.remove_meaning()
    finally:
        index.close()
    return f"took the sentence vectors out of {location}" if had else f"{location} has no sentence vectors"


def prepare_meaning(location: str, choice: ExtractorChoice) -> None:
    """Make sure, before an ingest, that an index has sentence vectors: a new or an empty one gets them.

    Raises UsageError for an index with panels that has none.
    """
    model = installed_model()
    extractor = load_extractor(choice)
    index = open_index(location, create=ExtractorIdentity(extractor.name, extractor.version, extractor.dims))
    try:
        capable = with_meaning(index)
        if capable.meaning() is not None:
            return
        if next(iter(index.select_panels(Filters())), None) is not None:
            raise UsageError(
                f"the panels of {location} have no sentence vectors yet",
                "add them first: mirsearch reembed --meaning",
            )
        capable.add_meaning(model)
    finally:
        index.close()
