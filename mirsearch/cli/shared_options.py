"""Options that several commands have."""

from __future__ import annotations

from collections.abc import Callable
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

IndexOption = Annotated[
    str | None,
    typer.Option(
        "--index", "-i", help="Path or address of the index (default: MIRSEARCH_INDEX, else ./mirsearch-index)."
    ),
]
OcrOption = Annotated[str, typer.Option("--ocr", help="OCR engine: rapidocr or tesseract.")]
WeightsOption = Annotated[
    Path | None, typer.Option("--extractor-weights", help="File of weights, for an extractor that takes one.")
]
DeviceOption = Annotated[
    str | None,
    typer.Option("--device", help="Device for networks: auto, cuda, mps or cpu (default: MIRSEARCH_DEVICE)."),
]
WorkersOption = Annotated[
    str | None,
    typer.Option(
        "--workers",
        metavar="N|EXECUTOR",
        help="Figures analyzed at the same time: a number of threads (default: one for each core), processes:N, or "
        "dask://HOST:8786 for other machines.",
        show_default=False,
    ),
]
SharedOption = Annotated[
    list[Path] | None,
    typer.Option(
        "--shared",
        metavar="FOLDER",
        help="With workers elsewhere: a folder that they see under the same path. Its files are not sent.",
        show_default=False,
    ),
]
ScaleBarsOption = Annotated[str, typer.Option("--scalebars", help="Scale-bar detector.")]
ExactOption = Annotated[
    bool, typer.Option("--exact", help="Score every panel that passes the filters (the embedded index always does).")
]
PagesOption = Annotated[
    str | None,
    typer.Option("--pages", help="Pages of a stack, counted from 1: 1,5,10, or all (default: a choice of up to 24)."),
]
ProjectionOption = Annotated[
    str, typer.Option("--projection", help="How a z-stack becomes one image: max, mean, min or middle.")
]


def _remember_wait(default: float) -> Callable[[typer.Context, float | None], float | None]:
    """Return what keeps `--wait` for the time of a command."""

    def remember(context: typer.Context, seconds: float | None) -> float | None:
        from mirsearch.settings.waiting import ask_to_wait

        context.call_on_close(ask_to_wait(seconds, default))
        return seconds

    return remember


_WAIT_HELP = "Seconds to wait while another process writes to the index (default: MIRSEARCH_WAIT, else {})."
WaitOption = Annotated[
    float | None,
    typer.Option(
        "--wait", metavar="SECONDS", min=0, help=_WAIT_HELP.format(0), callback=_remember_wait(0), show_default=False
    ),
]
ShortWaitOption = Annotated[
    float | None,
    typer.Option(
        "--wait", metavar="SECONDS", min=0, help=_WAIT_HELP.format(10), callback=_remember_wait(10), show_default=False
    ),
]
"""For short writes: a long load lets them in after a second or two."""


class TableFormat(StrEnum):
    """Formats of commands that print a table or JSON."""

    TABLE = "table"
    JSON = "json"
